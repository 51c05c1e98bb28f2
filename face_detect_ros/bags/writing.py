# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Writing an MCAP bag that `ros2 bag` and Foxglove open, without rosbag2 (rosbags by Ternaris, Apache-2.0)."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from face_detect_ros.bags.topic import Key, Topic
from face_detect_ros.bags.types import require_rosbags, standard_types
from face_detect_ros.core.errors import OutputError
from face_detect_ros.files.whole_file import sync

if TYPE_CHECKING:
    from rosbags.interfaces import Qos

METADATA_VERSION = 8
"""Of rosbag2's metadata.yaml; Humble and everything later reads it."""
_FOREVER = (9223372036, 854775807)


def reliable(depth: int = 5, *, latched: bool = False) -> Qos:
    """The quality of service that the nodes of this package offer on their topics.

    Args:
        depth: Messages that are kept.
        latched: They are kept for late subscribers.
    """
    from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

    return Qos(
        QosHistory.KEEP_LAST,
        depth,
        QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        QosTime(*_FOREVER),
        QosTime(*_FOREVER),
        QosLiveliness.AUTOMATIC,
        QosTime(*_FOREVER),
        False,
    )


class BagWriter:
    """A bag folder being written. Complete, with its metadata.yaml, after `close`.

    Args:
        path: The folder, which must not exist.
        compress: Whether its chunks are compressed (zstd).

    Raises:
        OutputError: It cannot be written.
        ConfigError: rosbags is not installed.
    """

    def __init__(self, path: Path, *, compress: bool = False) -> None:
        require_rosbags()
        from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
        from rosbags.rosbag2.errors import WriterError

        self._connections: dict[Key, Any] = {}
        self._path = path
        try:
            self._writer = Writer(path, version=METADATA_VERSION, storage_plugin=StoragePlugin.MCAP)
            if compress:
                self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            self._writer.open()
        except (OSError, WriterError) as error:
            raise OutputError(f"cannot write the bag {path}: {error}; give another folder") from error

    def declare(self, topic: Topic) -> None:
        """Announce a topic. Its definition is the one of `topic`, else the standard one, else none."""
        if topic.key in self._connections:
            return
        definition, digest = topic.definition, topic.digest
        if not definition and topic.type in standard_types().fielddefs:
            definition, _ = standard_types().generate_msgdef(topic.type, ros_version=2)
            digest = standard_types().hash_rihs01(topic.type)
        qos = list(topic.qos)
        if topic.latched and not qos:  # recorded before bags said so
            qos = [reliable(1, latched=True)]
        try:
            connection = self._writer.add_connection(
                topic.name,
                topic.type,
                msgdef=definition,
                rihs01=digest or "unknown",
                serialization_format=topic.serialization,
                offered_qos_profiles=qos,
            )
        except OSError as error:
            raise self._failed(error) from error
        if not digest:  # rosbags insists on one; rosbag2 takes an empty one for unknown
            connection = self._writer.connections[-1] = connection._replace(digest="")
        self._connections[topic.key] = connection

    def write(self, topic: str, message_type: str, log_ns: int, cdr: bytes, *, latched: bool = False) -> None:
        """Append a message of a standard type; its topic is declared at the first one.

        Args:
            topic: Such as ``/face_detector/detections``.
            message_type: Such as ``vision_msgs/msg/Detection2DArray``.
            log_ns: When it was recorded.
            cdr: The serialized message.
            latched: Record the topic as kept for late subscribers.

        Raises:
            OutputError: It cannot be written.
        """
        key = Key(topic, message_type)
        if key not in self._connections:
            qos = reliable(1, latched=True) if latched else reliable()
            self.declare(Topic(topic, message_type, qos=(qos,)))
        self.write_declared(key, log_ns, cdr)

    def write_declared(self, key: Key, log_ns: int, data: bytes) -> None:
        """Append a message of a topic that was declared.

        Args:
            key: The topic.
            log_ns: When it was recorded.
            data: The serialized message.

        Raises:
            OutputError: It cannot be written.
        """
        try:
            self._writer.write(self._connections[key], log_ns, data)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Complete the bag; everything is on disk afterwards. Raises OutputError."""
        try:
            self._writer.close()
            for path in (*self._path.iterdir(), self._path):
                sync(path)
        except OSError as error:
            raise OutputError(f"cannot finish the bag {self._path}: {error}; is the disk full?") from error

    def abort(self) -> None:
        """Stop without completing it."""
        with contextlib.suppress(OSError):
            self._writer.abort()

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(f"cannot write the bag {self._path}: {error}; is the disk full?")
