# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Writing an MCAP bag that `ros2 bag` and Foxglove open, without rosbag2 (rosbags by Ternaris, Apache-2.0)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.errors import WriterError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from face_detect_ros.core.errors import OutputError

# version of rosbag2's metadata.yaml that Humble and everything later reads
METADATA_VERSION = 8


class Bag:
    """A bag folder at `path`, which must not exist. Raises OutputError if it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._types = get_typestore(Stores.ROS2_HUMBLE)
        self._types.register(_vision_msgs())
        self._connections: dict[str, Any] = {}
        self._path = path
        try:
            self._writer = Writer(path, version=METADATA_VERSION, storage_plugin=StoragePlugin.MCAP)
            self._writer.open()
        except (OSError, WriterError) as error:
            raise OutputError(f"cannot write the bag {path}: {error}; give another folder") from error

    def write(self, topic: str, message_type: str, time_ns: int, cdr: bytes) -> None:
        """Append a serialized message, for example of type ``vision_msgs/msg/Detection2DArray``."""
        try:
            if topic not in self._connections:
                self._connections[topic] = self._writer.add_connection(
                    topic, message_type, typestore=self._types
                )
            self._writer.write(self._connections[topic], time_ns, cdr)
        except OSError as error:
            raise OutputError(f"cannot write the bag {self._path}: {error}; is the disk full?") from error

    def close(self) -> None:
        try:
            self._writer.close()
        except OSError as error:
            raise OutputError(f"cannot finish the bag {self._path}: {error}; is the disk full?") from error


def _vision_msgs() -> dict[str, Any]:
    """Definitions of vision_msgs, which rosbags does not know, from where the package is installed."""
    folder = Path(get_package_share_directory("vision_msgs")) / "msg"
    types: dict[str, Any] = {}
    for path in sorted(folder.glob("*.msg")):
        types.update(get_types_from_msg(path.read_text(encoding="utf-8"), f"vision_msgs/msg/{path.stem}"))
    return types
