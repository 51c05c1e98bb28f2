# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The viewer as a process of a command, and everything that it shows."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Mapping
from typing import Any

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.ros import runtime
from face_detect_ros.ros.processes import NodeProcess, ProcessError

START_S = 60.0
_LOOK_S = 0.05


def start_viewer(parameters: Mapping[str, Any]) -> NodeProcess:
    """Start the viewer in a process of its own. `address` tells where its page is.

    Raises:
        ConfigError: What it needs is not installed.
    """
    missing = [
        name for name in ("starlette", "uvicorn", "websockets") if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise ConfigError(f"the viewer needs {', '.join(missing)}: pip install {' '.join(missing)}")
    return NodeProcess("face_detect_ros.ros.nodes.viewer", parameters)


def address(viewer: NodeProcess) -> str:
    """Address of the page; empty while it does not answer yet."""
    return viewer.line_like(r"https?://\S+")


def view(
    nodes: Mapping[str, Mapping[str, Any]], page: Mapping[str, Any], show_address: Callable[[str], None]
) -> None:
    """Run source, detectors and viewer until the user ends them.

    Args:
        nodes: Node -> its parameters.
        page: Parameters of the viewer.
        show_address: Called with the page's address as soon as it answers.

    Raises:
        ProcessError: A process ended or did not start.
        KeyboardInterrupt: The user ended it.
    """
    runtime.stay_on_this_computer()
    runtime.carry_large_images()
    # the page first: it answers while networks are loaded
    viewer = start_viewer(page)
    children = [viewer]
    try:
        children.append(NodeProcess("face_detect_ros.ros.nodes.perception", nodes))
        deadline_s = time.monotonic() + START_S
        while not (found := address(viewer)):
            if time.monotonic() > deadline_s:
                raise ProcessError(f"the page does not answer within {START_S:g} s")
            _look_after(children)
        show_address(found)
        while True:
            _look_after(children)
    finally:
        for child in children:
            child.stop()


def _look_after(children: list[NodeProcess]) -> None:
    for child in children:
        child.check()
    time.sleep(_LOOK_S)
