# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A topic of a bag."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from face_detect_ros.bags.types import modern_name

if TYPE_CHECKING:
    from rosbags.interfaces import Qos


class Key(NamedTuple):
    """What tells two topics of a bag apart: one name may be recorded with two types."""

    name: str
    type: str


@dataclass(frozen=True)
class Topic:
    """A topic of a bag.

    Attributes:
        name: Such as ``/camera/image_raw``.
        type: Such as ``sensor_msgs/msg/Image``.
        count: How many messages it has.
        definition: The text of the type's definition and of all that it contains; empty where the bag has none.
        digest: The hash of the type (REP 2011); empty where the bag has none.
        qos: What each publisher offered; empty where the bag does not say.
        serialization: Of its messages; ROS 2 uses ``cdr``.
    """

    name: str
    type: str
    count: int = 0
    definition: str = ""
    digest: str = ""
    qos: tuple[Qos, ...] = ()
    serialization: str = "cdr"

    @property
    def key(self) -> Key:
        return Key(self.name, self.type)

    @property
    def latched(self) -> bool:
        """Whether late subscribers get its last messages."""
        return self.name.endswith("/tf_static") or any(
            qos.durability.name == "TRANSIENT_LOCAL" for qos in self.qos
        )

    def joined(self, other: Topic) -> Topic:
        """This topic with what another file of the same bag, or another publisher, has on it."""
        more = tuple(qos for qos in other.qos if qos not in self.qos)
        return replace(
            self,
            count=self.count + other.count,
            definition=self.definition or other.definition,
            digest=self.digest or other.digest,
            qos=self.qos + more,
        )


class Message(NamedTuple):
    """A message of a bag.

    Attributes:
        key: Its topic.
        log_ns: When it was recorded.
        data: Serialized.
    """

    key: Key
    log_ns: int
    data: bytes


def from_connection(connection: Any) -> Topic:
    """The topic of a connection in rosbags."""
    return Topic(
        connection.topic,
        modern_name(connection.msgtype),
        connection.msgcount,
        connection.msgdef.data,
        connection.digest or "",
        tuple(connection.ext.offered_qos_profiles),
        connection.ext.serialization_format,
    )
