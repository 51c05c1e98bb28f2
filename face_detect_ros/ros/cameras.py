# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The cameras of a node and the names of their topics."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rclpy.node import Node

from face_detect_ros.core.errors import ConfigError

MOST_CAMERAS = 16
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def camera_names(text: str) -> tuple[str, ...]:
    """The names in the parameter `cameras`; one empty name for the only camera.

    Raises:
        ConfigError: A name cannot be a part of a topic's name, or occurs twice.
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"parameter cameras: '{name}' cannot be a part of a topic's name; use letters, digits and _, such as "
                "front, left"
            )
    if len({*names}) < len(names):
        raise ConfigError(f"parameter cameras is '{text}'; give each camera a name of its own")
    if len(names) > MOST_CAMERAS:
        raise ConfigError(f"parameter cameras has {len(names)} names; give at most {MOST_CAMERAS}")
    return names or ("",)


@dataclass(frozen=True)
class CameraTopics:
    """Where the topics of one camera are.

    Attributes:
        node: Owner of the topics.
        camera: Name of the camera, below which they are; empty if it is the only one.
    """

    node: Node
    camera: str = ""

    def name(self, topic: str) -> str:
        """`image_raw` as `front/image_raw`, `~/detections` as `~/front/detections`; `/tracked` stays as it is."""
        if not self.camera or topic.startswith("/"):
            return topic
        return f"~/{self.camera}/{topic[2:]}" if topic.startswith("~/") else f"{self.camera}/{topic}"
