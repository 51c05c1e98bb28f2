# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images in bags: which topics hold them, to RGB and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from face_detect_ros.bags.topic import Topic
from face_detect_ros.bags.types import header, message, serialize, stamp_ns, standard_types
from face_detect_ros.core.errors import ImageError
from face_detect_ros.images import compressed, raw
from face_detect_ros.images.jpeg_png import is_png
from face_detect_ros.images.raw import DEFAULTS, DecodeOptions

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
JPEG_QUALITY = 95
_KEPT = ("rgb8", "bgr8", "mono8")
_PNG_16_BIT_GRAY = b"\x10\x00"
_COMPRESSED_DEPTH_HEADER = 12


@dataclass(frozen=True)
class ImageMessage:
    """An image in a bag, not decoded yet.

    Attributes:
        stamp_ns: Of its header; 0 if it has none.
        frame_id: Of its header.
        encoding: Of a raw image: its memory layout; of a compressed one: its format.
    """

    stamp_ns: int
    frame_id: str
    encoding: str
    compressed: bool
    _message: Any

    def decode(self, options: DecodeOptions = DEFAULTS) -> np.ndarray:
        """(H, W, 3) uint8 RGB. Raises ImageError."""
        found = self._message
        if self.compressed:
            return compressed.decode_compressed(found.data.tobytes(), found.format, options)
        return raw.decode_raw(
            found.data,
            found.width,
            found.height,
            found.step,
            found.encoding,
            big_endian=bool(found.is_bigendian),
            options=options,
        )

    def replaced(self, image: np.ndarray) -> bytes:
        """This message with other pixels, serialized.

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            CDR of the same type. rgb8, bgr8 and mono8 are kept, other raw encodings become rgb8. PNG is kept, other
            compressed formats become JPEG. Nothing else of the original image is in it.
        """
        found = self._message
        if self.compressed:
            png = is_png(found.data.tobytes()[:16])
            return _compressed(image, found.header, png=png)
        encoding = self.encoding if self.encoding in _KEPT else "rgb8"
        pixels = image
        if encoding == "bgr8":
            pixels = image[..., ::-1]
        elif encoding == "mono8":
            pixels = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        height, width = image.shape[:2]
        data = np.ascontiguousarray(pixels).reshape(-1)
        return serialize(
            message(
                IMAGE,
                header=found.header,
                height=height,
                width=width,
                encoding=encoding,
                is_bigendian=0,
                step=len(data) // height,
                data=data,
            )
        )


def read_image(topic_type: str, data: bytes) -> ImageMessage:
    """The image in a serialized message.

    Args:
        topic_type: `IMAGE` or `COMPRESSED`.
        data: CDR.

    Raises:
        ImageError: If the message is damaged (reason: message).
    """
    from rosbags.serde import SerdeError

    try:
        found: Any = standard_types().deserialize_cdr(data, topic_type)
    except (SerdeError, AssertionError, IndexError) as error:
        raise ImageError("message", f"the message is damaged: {' '.join(str(error).split())}") from error
    packed = topic_type == COMPRESSED
    encoding = found.format if packed else raw.canonical(found.encoding)[0]
    return ImageMessage(stamp_ns(found.header), found.header.frame_id, encoding, packed, found)


def holds_distances(image: ImageMessage) -> bool:
    """Whether an image says that it holds distances, and its content is of that kind."""
    if not image.compressed:
        return image.encoding in raw.DEPTH
    if "compressedDepth" in image.encoding:
        content = image._message.data.tobytes()
        if "rvl" in image.encoding.lower():
            return True
        at = _COMPRESSED_DEPTH_HEADER
        return is_png(content[at:]) and content[at + 24 : at + 26] == _PNG_16_BIT_GRAY
    content = image._message.data.tobytes()
    return compressed.parse_format(image.encoding).depth and content[24:26] == _PNG_16_BIT_GRAY


def jpeg_message(image: np.ndarray, stamp: int, frame_id: str) -> bytes:
    """A sensor_msgs/CompressedImage with a JPEG, serialized as CDR.

    Args:
        image: (H, W, 3) uint8 RGB.
        stamp: Of the header, in nanoseconds.
        frame_id: Of the header.
    """
    return _compressed(image, header(stamp, frame_id), png=False)


def _compressed(image: np.ndarray, head: Any, *, png: bool) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    suffix, options = (".png", []) if png else (".jpg", [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    good, data = cv2.imencode(suffix, bgr, options)
    if not good:
        raise ImageError(
            "compressed", f"an image of {image.shape[1]}x{image.shape[0]} pixels cannot be compressed"
        )
    name = f"rgb8; {'png' if png else 'jpeg'} compressed bgr8"
    return serialize(message(COMPRESSED, header=head, format=name, data=np.asarray(data).reshape(-1)))


def camera_name(topic: str) -> str:
    """The camera that publishes `topic`: `/front/image_raw/compressed` belongs to `front`, `/image_raw` to "" ."""
    parts = topic.strip("/").split("/")
    if parts[-1] in ("compressed", "compressedDepth"):
        parts.pop()
    return "/".join(parts[:-1])


def is_image_topic(topic: Topic) -> bool:
    """Whether a topic holds images, of whatever kind."""
    return topic.type in (IMAGE, COMPRESSED)
