# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a page may have done: each method is an action of `web.robot.ACTIONS`, carried out on the executor's thread."""

from __future__ import annotations

import contextlib
from typing import Any, Protocol

from face_detect_ros.core.errors import ConfigError, PerceptionError
from face_detect_ros.ros.viewer import node_parameters
from face_detect_ros.ros.viewer.calls import Calls
from face_detect_ros.ros.viewer.people import People
from face_detect_ros.ros.viewer.topics import FACES, OBJECTS, CameraView

NODES = (FACES, OBJECTS, "video_source")
"""Nodes whose parameters the page offers."""


class ActingNode(Protocol):
    """What the actions need of the viewer."""

    @property
    def cameras(self) -> dict[str, CameraView]: ...
    def full_name(self, node: str) -> str: ...
    def present(self, node: str) -> bool: ...
    def record(self, on: bool) -> dict[str, Any]: ...


class Actions:
    """The actions of one viewer. Each raises PerceptionError with what to tell the user.

    Args:
        node: The viewer.
        calls: To other nodes.
        people: Of the gallery.
    """

    def __init__(self, node: ActingNode, calls: Calls, people: People) -> None:
        self._node = node
        self._calls = calls
        self._people = people

    async def people(self) -> list[dict[str, Any]]:
        """Everybody in the gallery."""
        return await self._people.list()

    async def enroll(self, name: str) -> str:
        """Learn the face that is followed, or the one in view."""
        return await self._people.enroll(name)

    async def forget(self, name: str) -> str:
        """Erase a person."""
        return await self._people.forget(name)

    async def rename(self, name: str, new_name: str) -> str:
        """Give a person another name."""
        return await self._people.rename(name, new_name)

    async def select(self, camera: str, detector: str, track: str, x: float, y: float, stamp_ns: str) -> None:
        """Follow what is at a pixel of an image.

        Args:
            camera: That the image is from.
            detector: "face_detector" or "object_detector".
            track: Of the detection, to mark it at once; "" if it has none.
            x, y: In pixels of the image.
            stamp_ns: Of the image, as decimal digits.
        """
        if camera in self._node.cameras:
            number = int(stamp_ns) if stamp_ns.isascii() and stamp_ns.isdigit() and len(stamp_ns) < 20 else 0
            self._node.cameras[camera].select(detector, track, x, y, number)

    async def unselect(self, camera: str) -> None:
        """Follow nothing."""
        if camera in self._node.cameras:
            self._node.cameras[camera].unselect()

    async def parameters(self) -> list[dict[str, Any]]:
        """The parameters of every node that is running."""
        shown = []
        for node in filter(self._node.present, NODES):
            with contextlib.suppress(PerceptionError):  # it has just ended
                described = await node_parameters.described(self._calls, self._node.full_name(node))
                shown.append({"node": node, "parameters": described})
        return shown

    async def set_parameter(self, node: str, name: str, value: bool | int | float | str) -> None:
        """Change a parameter."""
        await node_parameters.set_value(self._calls, self._known(node), name, value)

    async def reconfigure(self, node: str) -> None:
        """Have a node take up the parameters that hold from configure on."""
        await node_parameters.reconfigure(self._calls, self._known(node))

    async def record(self, on: bool) -> dict[str, Any]:
        """Start or stop a recording."""
        return self._node.record(on)

    def _known(self, node: str) -> str:
        if node not in NODES:
            raise ConfigError(f"there is no node {node!r}; choose one of {', '.join(NODES)}")
        return self._node.full_name(node)
