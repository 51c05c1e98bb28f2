# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which engine was the fastest for a model on this machine, as `face_detect_ros bench engines` measured it.

A small JSON file in the package's folder on this machine. It names the machine, so that a home folder that is shared
or copied decides nothing for another one.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from face_detect_ros.core.errors import ConfigError, OutputError
from face_detect_ros.engines import cpu
from face_detect_ros.files.home import home
from face_detect_ros.files.whole_file import whole_file

EVERY_MODEL = "*"
"""In place of a model's name: those that were not measured."""

_VERSION = 1


def path() -> Path:
    """Where the choices are kept."""
    return home() / "engines.json"


def chosen(model: str, device: str) -> str:
    """Name of the engine that was measured to be the fastest for `model` on `device` (cpu or cuda); empty: unknown.

    A file that cannot be read, or is another machine's, says nothing.
    """
    of_device = _read().get(device, {})
    return of_device.get(model, of_device.get(EVERY_MODEL, ""))


def remember(device: str, fastest: Mapping[str, str]) -> None:
    """Keep the fastest engine by model, beside what is known of other models. Raises OutputError."""
    known = _read()
    known[device] = {**known.get(device, {}), **fastest}
    content = {"version": _VERSION, "machine": cpu.machine(), "fastest": known}
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path()) as beside:
            beside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path()}: cannot be written: {error.strerror or error}") from error


def _read() -> dict[str, dict[str, str]]:
    # ConfigError: there is no home folder
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, ConfigError):
        content = json.loads(path().read_text(encoding="utf-8"))
        if content["version"] == _VERSION and content["machine"] == cpu.machine():
            return {
                str(device): {str(model): str(name) for model, name in found.items()}
                for device, found in content["fastest"].items()
            }
    return {}
