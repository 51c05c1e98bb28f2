"""ROS messages to and from the package's own types. The only place that knows message layouts.

Decoding never trusts a message: size, step and data length are checked first, and whatever is wrong becomes an
ImageError with a short reason. Definitions: sensor_msgs/Image, sensor_msgs/CompressedImage, sensor_msgs
image_encodings.hpp, REP 118 (depth images), vision_msgs 4.1.
"""

from __future__ import annotations

import array
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import (
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
    VisionClass,
)

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ImageError
from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.faces.gallery.people import UNKNOWN
from face_detect_ros.faces.matching import Match

# more pixels than any camera has; a corrupt size must not make us allocate it
MAX_PIXELS = 1 << 28


class Encoding(NamedTuple):
    """Bits of a channel value, channels in memory, and OpenCV's code to 8-bit RGB (None: it is RGB already)."""

    bits: int
    channels: int
    to_rgb: int | None


# OpenCV names a Bayer pattern by the second row's second and third pixel, ROS by the first row's first two:
# ROS "rggb" is OpenCV "BayerBG".
_BAYER = {
    "rggb": cv2.COLOR_BayerBG2RGB,
    "bggr": cv2.COLOR_BayerRG2RGB,
    "gbrg": cv2.COLOR_BayerGR2RGB,
    "grbg": cv2.COLOR_BayerGB2RGB,
}
ENCODINGS: dict[str, Encoding] = {
    "rgb8": Encoding(8, 3, None),
    "bgr8": Encoding(8, 3, cv2.COLOR_BGR2RGB),
    "rgba8": Encoding(8, 4, cv2.COLOR_RGBA2RGB),
    "bgra8": Encoding(8, 4, cv2.COLOR_BGRA2RGB),
    "mono8": Encoding(8, 1, cv2.COLOR_GRAY2RGB),
    "rgb16": Encoding(16, 3, None),
    "bgr16": Encoding(16, 3, cv2.COLOR_BGR2RGB),
    "rgba16": Encoding(16, 4, cv2.COLOR_RGBA2RGB),
    "bgra16": Encoding(16, 4, cv2.COLOR_BGRA2RGB),
    "mono16": Encoding(16, 1, cv2.COLOR_GRAY2RGB),
    # without a color meaning of their own: read as OpenCV's defaults, which is what cv_bridge does
    "8UC1": Encoding(8, 1, cv2.COLOR_GRAY2RGB),
    "8UC3": Encoding(8, 3, cv2.COLOR_BGR2RGB),
    "8UC4": Encoding(8, 4, cv2.COLOR_BGRA2RGB),
    "yuv422": Encoding(8, 2, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": Encoding(8, 2, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": Encoding(8, 2, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": Encoding(8, 2, cv2.COLOR_YUV2RGB_YUY2),
    **{f"bayer_{name}8": Encoding(8, 1, code) for name, code in _BAYER.items()},
    **{f"bayer_{name}16": Encoding(16, 1, code) for name, code in _BAYER.items()},
}
_DEPTH = ("16UC1", "16SC1", "32FC1", "64FC1", "32SC1")


def decode_image(message: Image) -> np.ndarray:
    """The picture of a sensor_msgs/Image as (H, W, 3) uint8 RGB.

    Shares memory with the message where it is rgb8. 16-bit channels keep their upper 8 bits. Encodings outside
    `ENCODINGS` are left to cv_bridge. Raises ImageError (reasons: size, step, data, encoding).
    """
    width, height, encoding = message.width, message.height, message.encoding
    if width == 0 or height == 0:
        raise ImageError("size", f"image is {width}x{height}: no pixels")
    if width * height > MAX_PIXELS:
        raise ImageError("size", f"image claims {width}x{height} pixels; more than {MAX_PIXELS} is refused")
    layout = ENCODINGS.get(encoding)
    if layout is None:
        return _decode_with_cv_bridge(message)
    row = width * layout.channels * layout.bits // 8
    data = _rows(message, row)
    pixels = data[:, :row]
    if layout.bits == 16:
        # keep the high byte of each value: the second one in little-endian data
        pixels = pixels[:, 0 if message.is_bigendian else 1 :: 2]
    pixels = pixels.reshape(height, width, layout.channels)
    if layout.to_rgb is None:
        return pixels
    if layout.channels == 2 and width % 2:
        raise ImageError("size", f"{encoding} shares color between two columns; width {width} is odd")
    if encoding.startswith("bayer") and min(width, height) < 2:
        raise ImageError("size", f"{encoding} needs at least 2x2 pixels; image is {width}x{height}")
    return cv2.cvtColor(np.ascontiguousarray(pixels), layout.to_rgb)


def _rows(message: Image, row: int) -> np.ndarray:
    """(height, step) uint8 view of the message's data. Raises ImageError unless step >= row and sizes agree."""
    if message.step < row:
        raise ImageError(
            "step",
            f"step is {message.step} bytes, but a row of {message.width} {message.encoding} pixels takes {row}",
        )
    expected, given = message.step * message.height, len(message.data)
    if given != expected:
        relation = "only " if given < expected else ""
        raise ImageError(
            "data",
            f"data has {relation}{given} bytes, but height {message.height} * step {message.step} is {expected}",
        )
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)


def _decode_with_cv_bridge(message: Image) -> np.ndarray:
    name = message.encoding
    if name in _DEPTH:
        raise ImageError(
            "encoding", f"encoding {name} holds distances (REP 118), not a picture; give the color topic"
        )
    # cv_bridge is loaded only for what we cannot read ourselves: where its binary does not fit the
    # installed NumPy, everything else still works
    try:
        from cv_bridge import CvBridge

        pixels = CvBridge().imgmsg_to_cv2(message, "rgb8")
    except Exception as error:  # its errors range from CvBridgeError to KeyError and ImportError
        raise ImageError(
            "encoding",
            f"encoding {name!r} cannot be read ({type(error).__name__}: {error}); "
            f"publish one of {', '.join(sorted(ENCODINGS))}",
        ) from error
    return np.ascontiguousarray(pixels)


def decode_compressed(message: CompressedImage) -> np.ndarray:
    """The picture of a sensor_msgs/CompressedImage (JPEG, PNG, ...) as (H, W, 3) uint8 RGB.

    Raises ImageError (reason: compressed).
    """
    buffer = np.frombuffer(message.data, np.uint8)
    if buffer.size == 0:
        raise ImageError("compressed", "compressed image has no data")
    if "compressedDepth" in message.format:
        raise ImageError(
            "encoding", f"format {message.format!r} holds distances, not a picture; give the color topic"
        )
    try:
        # orientation tags are ignored: boxes must be in pixels of the image as every other node sees it
        bgr = cv2.imdecode(buffer, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise ImageError("compressed", f"compressed image cannot be decoded: {error}") from error
    if bgr is None:
        raise ImageError(
            "compressed",
            f"{buffer.size} bytes with format {message.format!r} are no picture OpenCV can decode",
        )
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def lazy_frame(message: Image | CompressedImage) -> LazyFrame:
    """The message as a frame that is decoded when first needed."""
    decode = decode_compressed if isinstance(message, CompressedImage) else decode_image
    return LazyFrame(
        stamp_ns=stamp_ns(message.header.stamp),
        frame_id=message.header.frame_id,
        decode=lambda: decode(message),  # type: ignore[arg-type]
    )


def stamp_ns(stamp: Time) -> int:
    """Nanoseconds of a builtin_interfaces/Time."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def header(stamp_ns: int, frame_id: str) -> Header:
    """The std_msgs/Header of a picture taken at `stamp_ns`."""
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    return Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=frame_id)


def image_message(image: np.ndarray, stamp_ns: int, frame_id: str) -> Image:
    """A (H, W, 3) uint8 RGB image as an rgb8 sensor_msgs/Image."""
    # array.array is the one type whose bytes rclpy does not check one by one
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(image).data.cast("B"))
    height, width = image.shape[:2]
    message = Image(
        header=header(stamp_ns, frame_id), height=height, width=width, encoding="rgb8", step=width * 3
    )
    message.data = data
    return message


def detections_message(
    detections: Detections, labels: Sequence[str], stamp_ns: int, frame_id: str
) -> Detection2DArray:
    """Detections as a vision_msgs/Detection2DArray.

    `bbox` is center and size in pixels of the original image, `hypothesis.class_id` the class name, `id` the
    track or empty. Every header equals the image's.
    """
    head = header(stamp_ns, frame_id)
    message = Detection2DArray(header=head)
    for index, ((left, top, right, bottom), score, class_id) in enumerate(
        zip(detections.boxes.tolist(), detections.scores.tolist(), detections.class_ids.tolist(), strict=True)
    ):
        detection = Detection2D(header=head)
        detection.bbox.center.position.x = (left + right) / 2
        detection.bbox.center.position.y = (top + bottom) / 2
        detection.bbox.size_x = right - left
        detection.bbox.size_y = bottom - top
        hypothesis = ObjectHypothesis(class_id=labels[class_id], score=score)
        detection.results = [ObjectHypothesisWithPose(hypothesis=hypothesis)]
        if detections.track_ids is not None:
            detection.id = str(detections.track_ids[index])
        message.detections.append(detection)
    return message


def identities_message(
    faces: Detections, matches: Sequence[Match], stamp_ns: int, frame_id: str
) -> Detection2DArray:
    """Faces as a vision_msgs/Detection2DArray whose `class_id` is the person or "unknown".

    `score` is `Match.similarity` of the person, 0 for nobody.
    """
    names = [match.name or UNKNOWN for match in matches]
    scores = [match.similarity if match.name else 0.0 for match in matches]
    people = sorted(set(names))
    named = replace(
        faces, scores=np.array(scores), class_ids=np.array([people.index(name) for name in names])
    )
    return detections_message(named, people, stamp_ns, frame_id)


def label_info_message(labels: Sequence[str], threshold: float, stamp_ns: int) -> LabelInfo:
    """The class names as a vision_msgs/LabelInfo; `threshold` is the lowest score published."""
    classes = [VisionClass(class_id=index, class_name=name) for index, name in enumerate(labels)]
    return LabelInfo(header=header(stamp_ns, ""), class_map=classes, threshold=threshold)
