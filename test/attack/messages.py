# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Malformed messages: every one is decoded to an image or refused in words, and every number published is finite.

python test/attack/messages.py --count 120000
"""

from __future__ import annotations

import array
import io
import math
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import cv2
import numpy as np
from PIL import Image as PillowImage
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from attack.tally import Tally, arguments, counted_stderr, damaged
from face_detect_ros.core.detections import Detections
from face_detect_ros.depth.calibration import Calibration
from face_detect_ros.depth.ground import parse_ground_plane
from face_detect_ros.depth.positions import locate
from face_detect_ros.depth.scene import Scene
from face_detect_ros.detectors.class_filter import class_ids
from face_detect_ros.images.quiet import silence_opencv
from face_detect_ros.images.raw import ENCODINGS, DecodeOptions
from face_detect_ros.ros.cameras import camera_names
from face_detect_ros.ros.messages.depth import lazy_depth
from face_detect_ros.ros.messages.images import decode_compressed, decode_image
from face_detect_ros.ros.messages.markers import camera_model, markers_message
from face_detect_ros.tracking.zones import parse_areas, split_camera

Case = tuple[str, Callable[[], object]]
_SIZES = (0, 1, 2, 3, 7, 8, 16, 33, 640, 65535, 2**31, 2**32 - 1)
_NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.1, 500.0, 1e-300, 1e300, -1e300, math.nan, math.inf, -math.inf)
_FORMATS = (
    "jpeg",
    "png",
    "",
    "rgb8; jpeg compressed bgr8",
    "rgb8; jpeg compressed rgb8",
    "mono16; png compressed ",
)
_FORMATS += (
    "bayer_rggb8; png compressed ",
    "16UC1; png compressed ",
    "16UC1; compressedDepth png",
    ";;;",
    "\0; \x1b[2J",
)
_BOXES = np.array([[0, 0, 640, 480], [5, 5, 5, 5], [-1e6, -1e6, 1e6, 1e6]], np.float32)
_DETECTIONS = Detections(
    [[0, 0, 640, 480], [5, 5, 5, 5], [-1e6, -1e6, 1e6, 1e6], [1e30, 0, 2e30, 9]], [0.5] * 4, [0] * 4
)


def check_image(image: np.ndarray) -> None:
    assert image.ndim == 3, image.shape
    assert image.shape[2] == 3, image.shape
    assert image.dtype == np.uint8, image.dtype


def raw_images(random: np.random.Generator) -> Iterator[Case]:
    names = [*ENCODINGS, "16UC1", "8UC2", "mono12", "bayer_rggb10", "NV12", "hologram", "", "\0", "rgb8 "]
    while True:
        encoding = names[int(random.integers(0, len(names)))]
        width, height, step = (_SIZES[int(random.integers(0, len(_SIZES)))] for _ in range(3))
        if random.random() < 0.6:  # nearly right
            layout = ENCODINGS.get(encoding, ENCODINGS["mono8"])
            width, height = int(random.integers(1, 40)), int(random.integers(1, 40))
            step = width * layout.channels * layout.bits // 8 + int(random.integers(-1, 3))
            length = int(step * height * layout.rows) + int(random.integers(-1, 2)) * int(
                random.random() < 0.3
            )
        else:
            length = int(random.integers(0, 5000))
        message = Image(
            width=width,
            height=height,
            step=max(0, step),
            encoding=encoding,
            is_bigendian=int(random.integers(0, 3)),
        )
        message.data = array.array("B", random.integers(0, 256, max(0, length), np.uint8).tobytes())
        options = DecodeOptions(bits=int(random.choice([0, 8, 10, 12, 16])))
        yield (
            f"{encoding!r} {width}x{height} step {step}, {length} bytes",
            lambda message=message, options=options: check_image(decode_image(message, options)),
        )


def compressed_images(random: np.random.Generator) -> Iterator[Case]:
    image = random.integers(0, 256, (48, 64, 3), np.uint8)
    smooth = cv2.GaussianBlur(image, (0, 0), 5)
    codecs = [
        (".jpg", ()),
        (".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
        (".jpg", (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)),
    ]
    codecs += [(".png", ()), (".webp", ()), (".tiff", ()), (".bmp", ())]
    originals = [
        cv2.imencode(kind, each, values)[1].tobytes() for kind, values in codecs for each in (image, smooth)
    ]
    originals += [cv2.imencode(".png", smooth[..., 0].astype(np.uint16) * 257)[1].tobytes()]
    file = io.BytesIO()
    PillowImage.fromarray(smooth).save(file, "PNG", compress_level=9)
    originals.append(file.getvalue())
    while True:
        data = damaged(originals[int(random.integers(0, len(originals)))], random)
        form = _FORMATS[int(random.integers(0, len(_FORMATS)))]
        message = CompressedImage(format=form, data=array.array("B", data))
        yield f"{form!r}, {len(data)} bytes", lambda message=message: check_image(decode_compressed(message))


def calibrations(random: np.random.Generator) -> Iterator[Case]:
    models = ("plumb_bob", "rational_polynomial", "equidistant", "", "mei", "\0")

    def numbers(count: int) -> list[float]:
        return [float(value) for value in random.choice(_NUMBERS, count)]

    def sides(count: int) -> list[int]:
        return [int(value) for value in random.choice([0, 1, 2, 480, 640, 2**32 - 1], count)]

    while True:
        info = CameraInfo(k=numbers(9), p=numbers(12), r=numbers(9), d=numbers(int(random.integers(0, 16))))
        if random.random() < 0.5:  # nearly right
            info.k = [500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0]
            info.k[int(random.integers(0, 9))] = numbers(1)[0]
        info.distortion_model = models[int(random.integers(0, len(models)))]
        info.width, info.height, info.binning_x, info.binning_y = sides(4)
        if random.random() < 0.7:
            info.width, info.height, info.binning_x, info.binning_y = 640, 480, 0, 0
        info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = (
            sides(4) if random.random() < 0.3 else [0] * 4
        )
        rectified = bool(random.integers(0, 2))

        def case(info: CameraInfo = info, rectified: bool = rectified) -> None:
            camera = camera_model(info, 640, 480, rectified=rectified)
            for marker in markers_message(_DETECTIONS, ("face",), camera, 5, "camera").markers:
                values = [marker.scale.x, marker.scale.y, marker.scale.z, *_xyz(marker.pose.position)]
                values += [value for point in marker.points for value in _xyz(point)]
                assert all(map(math.isfinite, values)), values

        yield f"{info.distortion_model!r} k {list(info.k)} d {list(info.d)}", case


def depth_images(random: np.random.Generator) -> Iterator[Case]:
    """Depth that does not fit, is not finite, or is damaged; every position is finite or unknown."""
    encodings = ("16UC1", "32FC1", "64FC1", "mono16", "16SC1", "8UC1", "rgb8", "", "\0")
    values = np.array([0, 1.5, -1, math.nan, math.inf, -math.inf, 1e-30, 1e30, 65535, 3e38], np.float64)
    camera = Calibration(640, 480, "plumb_bob", (0.0,) * 5, (500.0, 0, 320, 0, 500.0, 240, 0, 0, 1))
    png = cv2.imencode(".png", np.full((48, 64), 1500, np.uint16))[1].tobytes()
    header = struct.pack("<iff", 0, 0.0, 0.0)
    while True:
        if random.random() < 0.4:
            form = random.choice(
                ["16UC1; compressedDepth png", "32FC1; compressedDepth rvl", "16UC1; compressedDepth"]
            )
            body = png if random.random() < 0.7 else random.integers(0, 256, 300, np.uint8).tobytes()
            message = CompressedImage(format=str(form), data=array.array("B", damaged(header + body, random)))
            told = f"{form}, {len(message.data)} bytes"
        else:
            encoding = encodings[int(random.integers(0, len(encodings)))]
            width, height, step = (_SIZES[int(random.integers(0, len(_SIZES)))] for _ in range(3))
            data = random.choice(values, (48, 64)).astype(np.float32)
            if random.random() < 0.6:  # nearly right
                width, height, step = 64, 48, 64 * 4 + int(random.integers(-1, 2))
                encoding = str(random.choice(["32FC1", "16UC1"]))
            message = Image(width=width, height=height, step=step, encoding=encoding)
            message.data = array.array("B", data.tobytes()[: int(random.integers(1, data.nbytes * 4))])
            told = f"{encoding!r} {width}x{height} step {step}"

        def case(message: Image | CompressedImage = message) -> None:
            depth = lazy_depth(message, 100.0).image()
            scene = Scene.of(640, 480, camera, depth)
            found = locate(scene, _DETECTIONS.boxes, np.ones(len(_DETECTIONS), bool))
            known = found.known
            for numbers in (found.points, found.centers, found.sizes, found.covariances):
                assert np.isfinite(numbers[known]).all(), numbers

        yield told, case


def texts(random: np.random.Generator) -> Iterator[Case]:
    """Texts that any node can set as parameters."""
    good = {
        "roi": "0,0.5 1,0.5 1,1 0,1; front/10,10 20,10 20,20",
        "zones": "door: 0,0 0.3,0 0.3,1 0,1; !screen: 5,5 9,5 9,9; front/bed: 0,0 1,0 1,1",
        "select": "front/#17",
        "cameras": "front, left",
        "ground": "1.2, 15, 3",
        "classes": "person, dog",
    }
    pieces = (
        "nan",
        "inf",
        "1e999",
        "-",
        "9" * 400,
        ",",
        ";",
        ":",
        "/",
        " ",
        "\0",
        "\x1b[2J",
        "王",
        "!",
        "#",
        "0,0 ",
    )
    readers: dict[str, Callable[[str], object]] = {
        "roi": lambda text: parse_areas(text, "", ("front", "left"), "front").region.keeps(
            _DETECTIONS.boxes, 640, 480
        ),
        "zones": lambda text: parse_areas("", text, ("front", "left"), "front"),
        "select": lambda text: split_camera(text, ("front", "left")),
        "cameras": camera_names,
        "ground": parse_ground_plane,
        "classes": lambda text: class_ids(text, ("person", "dog")),
    }
    while True:
        name = str(random.choice(list(good)))
        text = good[name]
        for _ in range(int(random.integers(1, 5))):
            at = int(random.integers(0, len(text) + 1))
            piece = pieces[int(random.integers(0, len(pieces)))] * int(random.choice([1, 1, 1, 50, 5000]))
            text = text[:at] + piece + text[at + int(random.integers(0, 4)) :]
        yield f"{name} {text[:60]!r}", lambda name=name, text=text: readers[name](text)


def _xyz(point) -> tuple[float, float, float]:
    return point.x, point.y, point.z


def main() -> int:
    asked = arguments(__doc__.splitlines()[0], 120_000)
    silence_opencv()
    random = np.random.default_rng(asked.seed)
    kinds = {"Image": raw_images, "CompressedImage": compressed_images, "CameraInfo": calibrations}
    kinds |= {"Depth": depth_images, "texts": texts}
    kinds = {name: make for name, make in kinds.items() if asked.only in name}
    tally = Tally()
    with counted_stderr(tally):
        for name, make in kinds.items():
            cases = make(random)
            for number in range(asked.count // len(kinds)):
                told, case = next(cases)
                tally.run(name, f"{number} ({told})", case)
    return tally.report()


if __name__ == "__main__":
    sys.exit(main())
