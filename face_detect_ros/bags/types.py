# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Message types of bags: which there are, to and from serialized messages (CDR)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from face_detect_ros.core.errors import ConfigError

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

# vision_msgs 4.1, which rosbags does not know
VISION_MSGS = {
    "Point2D": "float64 x\nfloat64 y\n",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta\n",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
    "BoundingBox3D": "geometry_msgs/Pose center\ngeometry_msgs/Vector3 size\n",
    "ObjectHypothesis": "string class_id\nfloat64 score\n",
    "ObjectHypothesisWithPose": "ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose\n",
    "Detection2D": "std_msgs/Header header\nObjectHypothesisWithPose[] results\nBoundingBox2D bbox\nstring id\n",
    "Detection2DArray": "std_msgs/Header header\nDetection2D[] detections\n",
    "Detection3D": "std_msgs/Header header\nObjectHypothesisWithPose[] results\nBoundingBox3D bbox\nstring id\n",
    "Detection3DArray": "std_msgs/Header header\nDetection3D[] detections\n",
    "VisionClass": "uint16 class_id\nstring class_name\n",
    "LabelInfo": "std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n",
    "VisionInfo": "std_msgs/Header header\nstring method\nstring database_location\nint32 database_version\n",
}


def require_rosbags() -> None:
    """Raise ConfigError if rosbags is not installed."""
    try:
        import rosbags.rosbag2  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"bags need rosbags, which is not installed ({error}): pip install rosbags"
        ) from error


def modern_name(message_type: str) -> str:
    """The name of a message type since 2019: the older `sensor_msgs/Image` becomes `sensor_msgs/msg/Image`."""
    parts = message_type.split("/")
    return f"{parts[0]}/msg/{parts[1]}" if len(parts) == 2 else message_type


@functools.lru_cache(maxsize=1)
def standard_types() -> Typestore:
    """The types that ROS 2 Humble and vision_msgs define. Raises ConfigError without rosbags."""
    require_rosbags()
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    types: dict[str, Any] = {}
    for name, text in VISION_MSGS.items():
        types.update(get_types_from_msg(text, f"vision_msgs/msg/{name}"))
    store.register(types)
    return store


def message(message_type: str, **fields: Any) -> Any:
    """A message of a standard type, such as ``vision_msgs/msg/Detection2D``; every field must be given."""
    return standard_types().types[message_type](**fields)


def serialize(value: Any) -> bytes:
    """A message made by `message` as CDR."""
    return bytes(standard_types().serialize_cdr(value, value.__msgtype__, little_endian=True))


def header(stamp_ns: int, frame_id: str) -> Any:
    """A std_msgs/Header."""
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    time = message("builtin_interfaces/msg/Time", sec=sec, nanosec=nanosec)
    return message("std_msgs/msg/Header", stamp=time, frame_id=frame_id)


def stamp_ns(message_header: Any) -> int:
    """Nanoseconds of the stamp in a std_msgs/Header."""
    return int(message_header.stamp.sec) * 1_000_000_000 + int(message_header.stamp.nanosec)
