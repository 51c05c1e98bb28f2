# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the page's server needs of the robot that it shows."""

from __future__ import annotations

from collections.abc import Set
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol

from face_detect_ros.web.scene import Scene


class View(NamedTuple):
    """Images that somebody looks at."""

    camera: str
    view: str


class Robot(Protocol):
    """The other side of the page. Methods are called on the server's thread, return at once and never raise.

    A future's result holds JSON values; its PerceptionError is shown to the user.
    """

    scene: Scene

    def watch(self, views: Set[View]) -> None:
        """Provide these views and no others; called whenever they change."""
        ...

    def views(self) -> dict[str, list[str]]:
        """Camera -> its views, the ones that may be shown."""
        ...

    def do(self, action: str, arguments: dict[str, Any]) -> Future[Any]:
        """Carry out one of ACTIONS."""
        ...

    def add_photo(self, name: str, file_name: str, data: bytes) -> Future[Any]:
        """Enroll a person from a photo.

        Args:
            name: Of the person.
            file_name: Of the photo, for messages.
            data: Of the photo.

        Returns:
            The future of a record as `face_detect_ros enroll --json` prints it.
        """
        ...


ACTIONS: dict[str, dict[str, type]] = {
    "people": {},
    "enroll": {"name": str},
    "forget": {"name": str},
    "rename": {"name": str, "new_name": str},
    "select": {"camera": str, "detector": str, "track": str, "x": float, "y": float, "stamp_ns": str},
    "unselect": {"camera": str},
    "parameters": {},
    "set_parameter": {"node": str, "name": str, "value": object},
    "reconfigure": {"node": str},
    "record": {"on": bool},
}
"""What a page may ask for: action -> its arguments."""

CHANGES = frozenset(ACTIONS) - {"people", "parameters"}
"""Actions that change something."""
