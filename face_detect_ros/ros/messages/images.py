# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""sensor_msgs/Image and sensor_msgs/CompressedImage to arrays and back."""

from __future__ import annotations

import array
from collections.abc import Callable

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from face_detect_ros.core.errors import ImageError
from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.images import compressed, raw
from face_detect_ros.images.limits import check_size
from face_detect_ros.images.raw import DEFAULTS, DecodeOptions
from face_detect_ros.ros.messages.headers import make_header, to_ns

Warn = Callable[[str], None]


def decode_image(message: Image, options: DecodeOptions = DEFAULTS, warn: Warn | None = None) -> np.ndarray:
    """Decode a sensor_msgs/Image; see `raw.decode_raw`. Encodings that are unknown there are left to cv_bridge.

    Args:
        message: The image.
        options: Limits and bit depth.
        warn: Told of what is suspicious about the image.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: The image cannot be decoded, or is too large.
    """
    name, _ = raw.canonical(message.encoding)
    if name not in raw.ENCODINGS and name not in raw.DEPTH:
        check_size(message.width, message.height, options.max_image_mpx)
        return _decode_with_cv_bridge(message)
    return raw.decode_raw(
        message.data,
        message.width,
        message.height,
        message.step,
        message.encoding,
        big_endian=bool(message.is_bigendian),
        options=options,
        warn=warn,
    )


def decode_compressed(
    message: CompressedImage, options: DecodeOptions = DEFAULTS, warn: Warn | None = None
) -> np.ndarray:
    """Decode a sensor_msgs/CompressedImage; see `compressed.decode_compressed`.

    Args:
        message: The image.
        options: Limits and bit depth.
        warn: Told of what is suspicious about the image.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: The image cannot be decoded, or is too large.
    """
    return compressed.decode_compressed(bytes(message.data), message.format, options, warn)


def lazy_frame(
    message: Image | CompressedImage, options: DecodeOptions = DEFAULTS, warn: Warn | None = None
) -> LazyFrame:
    """The message as a frame that is decoded when first needed.

    Args:
        message: The image.
        options: How it is decoded.
        warn: Told of what is odd about the image, on the thread that decodes.
    """
    decode = decode_compressed if isinstance(message, CompressedImage) else decode_image
    return LazyFrame(
        stamp_ns=to_ns(message.header.stamp),
        frame_id=message.header.frame_id,
        decode=lambda: decode(message, options, warn),  # type: ignore[arg-type]
        message=message,
    )


def image_message(image: np.ndarray, stamp_ns: int, frame_id: str) -> Image:
    """An image as an rgb8 sensor_msgs/Image.

    Args:
        image: (H, W, 3) uint8 RGB.
        stamp_ns: When it was taken.
        frame_id: Of the camera's optical frame.
    """
    # array.array is the one type whose bytes rclpy does not check one by one
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(image).data.cast("B"))
    height, width = image.shape[:2]
    message = Image(
        header=make_header(stamp_ns, frame_id), height=height, width=width, encoding="rgb8", step=width * 3
    )
    message.data = data
    return message


def instances_message(instances: np.ndarray, stamp_ns: int, frame_id: str) -> Image:
    """Numbers of instances as a mono16 sensor_msgs/Image.

    Args:
        instances: (H, W) uint16.
        stamp_ns: Of the header.
        frame_id: Of the header.
    """
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(instances, np.dtype("<u2")).data.cast("B"))
    height, width = instances.shape
    message = Image(
        header=make_header(stamp_ns, frame_id), height=height, width=width, encoding="mono16", step=width * 2
    )
    message.data = data
    return message


def compressed_message(image: np.ndarray, stamp_ns: int, frame_id: str, quality: int) -> CompressedImage:
    """An image as a JPEG in a sensor_msgs/CompressedImage.

    Args:
        image: (H, W, 3) uint8 RGB.
        stamp_ns: When it was taken.
        frame_id: Of the camera's optical frame.
        quality: Of the JPEG, from 1 to 100.
    """
    good, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, quality)
    )
    if not good:
        raise ImageError("jpeg", f"an image of {image.shape[1]}x{image.shape[0]} cannot be encoded as JPEG")
    # as image_transport's plugin writes it: what the image was, what it is, and the order of its channels in OpenCV
    message = CompressedImage(header=make_header(stamp_ns, frame_id), format="rgb8; jpeg compressed bgr8")
    data = array.array("B")
    data.frombytes(encoded.data)
    message.data = data
    return message


def _decode_with_cv_bridge(message: Image) -> np.ndarray:
    # loaded only for what we cannot read ourselves: where its binary does not fit the installed NumPy, everything else
    # still works
    try:
        from cv_bridge import CvBridge

        pixels = CvBridge().imgmsg_to_cv2(message, "rgb8")
    except Exception as error:  # its errors range from CvBridgeError to KeyError and ImportError
        raise ImageError(
            "encoding",
            f"encoding {message.encoding!r} cannot be read ({type(error).__name__}: {error}); "
            f"publish one of {', '.join(sorted(raw.ENCODINGS))}",
        ) from error
    return np.ascontiguousarray(pixels)
