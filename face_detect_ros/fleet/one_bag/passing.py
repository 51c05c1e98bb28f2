# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What may be copied into a bag that shows nobody.

Image topics are covered and distances are copied. Of everything else it must be known that there is no image in it: the
definition of its type is there, and has no image and no raw bytes. What is not understood is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from face_detect_ros.bags.cameras import Camera
from face_detect_ros.bags.images import COMPRESSED, IMAGE, holds_distances, read_image
from face_detect_ros.bags.topic import Key, Topic
from face_detect_ros.bags.types import standard_types
from face_detect_ros.core.errors import ConfigError, ImageError, SourceError
from face_detect_ros.depth.image import decode_compressed_depth

_POINTS = "sensor_msgs/msg/PointCloud2"
_COLORS = re.compile(r"^(r|g|b)$|rgb|bgr|colou?r|^(red|green|blue)", re.IGNORECASE)
# raw bytes that are not an image
_BYTES_WITHOUT_IMAGES = frozenset(
    (
        "rcl_interfaces/msg/ParameterEvent",
        "rcl_interfaces/msg/ParameterValue",
        "rcl_interfaces/msg/Parameter",
        "sensor_msgs/msg/PointField",
        "nav_msgs/msg/OccupancyGrid",
        "map_msgs/msg/OccupancyGridUpdate",
        "diagnostic_msgs/msg/DiagnosticStatus",
        "diagnostic_msgs/msg/DiagnosticArray",
        "rosgraph_msgs/msg/Log",
        "action_msgs/msg/GoalStatusArray",
        "unique_identifier_msgs/msg/UUID",
    )
)
_IDENTITIES = "/identities"
_OPAQUE = ("uint8", "int8", "byte", "char")
_MOST_HARMLESS_BYTES = 256  # of an array of fixed length: an id or a hash


class Passing:
    """Decides, topic by topic and message by message, what is copied.

    Args:
        copied: Topics that are copied.
        covered: Image topics whose faces are covered.
        found: All cameras of the bag.
        keep: Names of topics that the user vouches for.

    Raises:
        ConfigError: A topic is not understood.
    """

    def __init__(
        self, copied: Sequence[Topic], covered: Sequence[Topic], found: Sequence[Camera], keep: Iterable[str]
    ) -> None:
        self._checked: dict[Key, str] = {}
        self._images = {camera.topic.key: camera for camera in found}
        keep = set(keep)
        self._naming = [
            topic.name.removesuffix(_IDENTITIES) + "/"
            for topic in copied
            if topic.name.endswith(_IDENTITIES) and topic.type.startswith("vision_msgs/")
        ]
        problems = []
        for topic in (*copied, *covered):
            if topic.name in keep:
                continue
            problem = self._judge_name(topic) or ("" if topic in covered else self._judge(topic))
            if problem:
                problems.append(f"{topic.name} ({topic.type}): {problem}")
        if problems:
            raise ConfigError(
                "these topics may show people and cannot be covered: "
                + "; ".join(problems)
                + ". Leave them out with --without TOPIC, or copy them as they are with --keep TOPIC"
            )

    def check(self, topic: Topic, data: bytes) -> None:
        """Raise SourceError if a message of a topic that is copied shows something after all."""
        how = self._checked.get(topic.key)
        if how is None:
            return
        try:
            shows = _shows(how, topic.type, data)
        except Exception as error:
            raise SourceError(
                f"a message of {topic.name} is not understood ({error}); leave it out with --without {topic.name}"
            ) from error
        if shows:
            raise SourceError(f"{topic.name} {shows}; leave it out with --without {topic.name}")

    def _judge_name(self, topic: Topic) -> str:
        """What a detector that names people says and draws has the names in it."""
        below = any(topic.name.startswith(place) for place in self._naming)
        return "comes from a detector that names people" if below else ""

    def _judge(self, topic: Topic) -> str:
        """Why a topic cannot be copied; empty if it can."""
        camera = self._images.get(topic.key)
        if camera is not None:
            if camera.use == "depth":
                self._checked[topic.key] = "depth"
                return ""
            return self._empty(topic, camera.use)
        if topic.serialization != "cdr":
            return f"its messages are serialized as {topic.serialization}"
        if topic.type == _POINTS:
            self._checked[topic.key] = "points"
            return ""
        fields = _fields_of(topic)
        if fields is None:
            return self._empty(topic, "the definition of its type is not known")
        holds = _contents(topic.type, fields)
        if holds == "image":
            self._checked[topic.key] = "nested"
            return ""
        return "its messages are raw bytes" if holds == "bytes" else ""

    def _empty(self, topic: Topic, problem: str) -> str:
        """The problem; of a topic without messages none, unless there are some after all."""
        if topic.count:
            return problem
        self._checked[topic.key] = "none"
        return ""


def _shows(how: str, message_type: str, data: bytes) -> str:
    found: Any
    if how == "none":
        return "has messages, though the bag says that it has none"
    if how == "depth":
        try:
            image = read_image(message_type, data)
            if not holds_distances(image):
                return "has an image that is not one of distances"
            if image.compressed and "rvl" in image.encoding.lower():
                found = standard_types().deserialize_cdr(data, message_type)
                decode_compressed_depth(found.data.tobytes(), found.format)
            return ""
        except ImageError as error:
            return f"has an image that is not understood ({error})"
    found = standard_types().deserialize_cdr(data, message_type)
    if how == "points":
        colors = [field.name for field in found.fields if _COLORS.search(field.name)]
        return f"has colored points (field {colors[0]})" if colors else ""
    return "has an image inside its messages" if _any_image(found) else ""


def _any_image(value: Any) -> bool:
    """Whether there is an image with content anywhere in a message."""
    kind = getattr(value, "__msgtype__", "")
    if kind in (IMAGE, COMPRESSED):
        return len(value.data) > 0
    if isinstance(value, list):
        return any(_any_image(item) for item in value)
    return bool(kind) and any(_any_image(getattr(value, name)) for name in value.__dataclass_fields__)


def _fields_of(topic: Topic) -> dict[str, Any] | None:
    """The fields of a type and of all that it contains, by type; None if its definition is not known."""
    standard = standard_types().fielddefs
    if not topic.definition:
        return dict(standard) if topic.type in standard else None
    from rosbags.typesys import get_types_from_idl, get_types_from_msg

    try:
        if "\nIDL: " in topic.definition[:200]:
            parts = topic.definition.split("=" * 80 + "\n")[1:]
            types: dict[str, Any] = {}
            for part in parts:
                types.update(get_types_from_idl(part.split("\n", 1)[1]))
        else:
            types = dict(get_types_from_msg(topic.definition, topic.type))
    except Exception:  # noqa: BLE001 - definitions of others
        return None
    # what the definition leaves out is a standard type
    return {**standard, **types} if topic.type in types else None


def _contents(message_type: str, types: dict[str, Any], inside: tuple[str, ...] = ()) -> str:
    """ "image", "bytes" if there may be anything in it, or "" for a type without images."""
    if message_type in (IMAGE, COMPRESSED):
        return "image"
    if message_type in _BYTES_WITHOUT_IMAGES or message_type in inside:
        return ""
    if message_type not in types:
        return "bytes"
    from rosbags.interfaces import Nodetype

    worst = ""
    for _, description in types[message_type][1]:
        kind, detail = description
        length = 0
        if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE):
            (inner_kind, inner), length = detail
            opaque = inner_kind == Nodetype.BASE and inner[0] in _OPAQUE
            fixed = kind == Nodetype.ARRAY and length <= _MOST_HARMLESS_BYTES
            if opaque and not fixed:
                worst = "bytes"
            kind, detail = inner_kind, inner
        if kind == Nodetype.NAME:
            found = _contents(detail, types, (*inside, message_type))
            if found == "bytes" or (found == "image" and not worst):
                worst = found
    if worst == "image" and message_type not in standard_types().types:
        return "bytes"  # cannot be looked into
    return worst
