# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""CenterFace: a made file that always runs, and the real one beside its author's way of reading it."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from skimage.data import astronaut

from face_detect_ros.core import boxes
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import DetectorError, WeightsError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.faces import centerface, scanning
from face_detect_ros.engines.protocol import Compute
from face_detect_ros.zoo.published import cache, checkpoints

OWN_BOX = (181, 58, 270, 178)  # of the real network for astronaut()
SIDE, HEIGHT = 20.0, 28.0  # of the made network's faces


def red_finder(path: Path, size: tuple[int, int] = (32, 32)) -> Path:
    """A CenterFace whose face is wherever a cell of 4 x 4 pixels is red, 20 px wide and 28 px high."""
    constant = lambda name, values: numpy_helper.from_array(np.asarray(values, np.float32), name)  # noqa: E731
    channels = np.zeros((1, 3, 4, 4), np.float32)
    channels[0, 0], channels[0, 1:] = 1 / 16, -1 / 16  # red without green and blue, averaged over a cell
    ones = np.zeros((10, 1, 1, 1), np.float32)
    # y, x of both eyes, the nose and the corners of the mouth, as parts of the box
    points = [0.4, 0.3, 0.4, 0.7, 0.6, 0.5, 0.8, 0.35, 0.8, 0.65]
    nodes = [
        helper.make_node("Conv", ["input.1", "channels"], ["red"], strides=[4, 4]),
        helper.make_node("Mul", ["red", "scale"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "low", "high"], ["537"]),
        helper.make_node("Conv", ["537", "ones2", "log_size"], ["538"]),
        helper.make_node("Conv", ["537", "ones2", "offset"], ["539"]),
        helper.make_node("Conv", ["537", "ones10", "points"], ["540"]),
    ]
    weights = [
        constant("channels", channels),
        constant("scale", [[[[1 / 255]]]]),
        constant("low", 0.0),
        constant("high", 1.0),
        constant("ones2", ones[:2]),
        constant("ones10", ones),
        constant("log_size", np.log([HEIGHT / 4, SIDE / 4])),
        constant("offset", [0.25, -0.25]),
        constant("points", points),
    ]
    tensor = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)  # noqa: E731
    height, width = size
    maps = [
        tensor(name, [10, n, height // 4, width // 4])
        for name, n in zip(("537", "538", "539", "540"), (1, 2, 2, 10), strict=True)
    ]
    inputs = [tensor("input.1", [10, 3, height, width]), *(tensor(each.name, each.dims) for each in weights)]
    graph = helper.make_graph(nodes, "made", inputs, maps, weights)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Detector]:
    detector = catalogue.create(
        f"centerface:{red_finder(tmp_path_factory.mktemp('made') / 'red.onnx')}", task="faces"
    )
    yield detector
    detector.close()


def spotted(height: int, width: int, *cells: tuple[int, int]) -> np.ndarray:
    """A black image with red cells of 4 x 4 pixels at these (x, y)."""
    image = np.zeros((height, width, 3), np.uint8)
    for x, y in cells:
        image[y : y + 4, x : x + 4, 0] = 255
    return image


def own_size(detector: Detector, image: np.ndarray, **options: float) -> Detections:
    return detector.detect([image], DetectOptions(**{"min_size_px": 16, **options}))[0]


@pytest.mark.parametrize("size", [(96, 128), (112, 144), (80, 43), (480, 640)], ids=str)
def test_boxes_and_points_are_where_the_maps_say(made: Detector, size: tuple[int, int]) -> None:
    found = own_size(made, spotted(*size, (40, 60) if size[1] > 60 else (12, 60)))
    x, y = (
        (42 - 1, 62 + 1) if size[1] > 60 else (14 - 1, 62 + 1)
    )  # cell's middle and a quarter cell of offset
    assert len(found) == 1
    expected = [x - SIDE / 2, y - HEIGHT / 2, x + SIDE / 2, y + HEIGHT / 2]
    assert np.abs(found.boxes[0] - expected).max() < 0.01
    assert found.scores[0] == pytest.approx(1.0)
    assert found.landmark_set == "five_points"
    eye = (expected[0] + 0.3 * SIDE, expected[1] + 0.4 * HEIGHT)
    assert np.abs(found.landmarks[0, 0] - eye).max() < 0.01


def test_a_scaled_scan_gives_pixels_of_the_original(made: Detector) -> None:
    image = cv2.resize(spotted(96, 128, (40, 60)), (256, 192), interpolation=cv2.INTER_NEAREST)
    found = own_size(made, image, min_size_px=32)
    assert np.abs(found.boxes[0] / 2 - (31, 49, 51, 77)).max() < 1.0


def test_a_face_at_the_border_is_cut(made: Detector) -> None:
    (box,) = own_size(made, spotted(64, 64, (0, 0), (60, 60)).transpose(1, 0, 2), max_detections=1).boxes
    assert box.min() >= 0
    assert box.max() <= 64


def test_a_batch_of_many_sizes_equals_single_images(made: Detector) -> None:
    images = [
        spotted(96, 128, (40, 60)),
        spotted(64, 64),
        spotted(96, 128, (8, 8), (100, 60)),
        spotted(200, 90, (4, 4)),
    ]
    options = DetectOptions(min_size_px=16)
    batch = made.detect(images, options)
    assert [len(found) for found in batch] == [1, 0, 2, 1]
    for image, found in zip(images, batch, strict=True):
        (single,) = made.detect([image], options)
        assert np.array_equal(single.boxes, found.boxes)
        assert np.array_equal(single.landmarks, found.landmarks)
    assert made.times.network_ms > 0
    assert made.detect([], options) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (7, 3), (33, 900)])
@pytest.mark.parametrize("min_size_px", [0, 1, 500])
def test_odd_sizes(made: Detector, shape: tuple[int, int], min_size_px: int) -> None:
    (found,) = made.detect([np.full((*shape, 3), 255, np.uint8)], DetectOptions(min_size_px=min_size_px))
    assert len(found) == 0
    assert found.landmarks.shape == (0, 5, 2)


def test_closed_is_closed(tmp_path: Path) -> None:
    detector = centerface.create(
        red_finder(tmp_path / "red.onnx"), Compute("cpu", "float32"), ["onnxruntime"]
    )
    detector.close()
    detector.close()
    with pytest.raises(DetectorError, match="closed"):
        own_size(detector, spotted(64, 64))


@pytest.mark.parametrize(
    "content", [None, b"", b"version https://git-lfs.github.com/spec/v1"], ids=["missing", "empty", "text"]
)
def test_a_bad_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "faces.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"faces\.onnx"):
        centerface.create(path, Compute("cpu"), ["onnxruntime"])


@pytest.mark.parametrize(
    ("size", "min_size_px", "least", "scanned"),
    [
        pytest.param((480, 640), 0, 24, 427 * 320, id="VGA"),
        pytest.param((720, 1280), 0, 34.6, 591 * 333, id="720p"),
        pytest.param((1080, 1920), 0, 45.4, 677 * 381, id="1080p"),
        pytest.param((480, 640), 16, 16, 640 * 480, id="as asked"),
        pytest.param((480, 640), 17, 16, 640 * 480, id="nearly its own size"),
        pytest.param((4320, 7680), 1, 32, 8_300_000, id="bounded"),
    ],
)
def test_the_scan_follows_the_smallest_face(
    size: tuple[int, int], min_size_px: int, least: float, scanned: int
) -> None:
    scale = scanning.scan_scale(*size, min_size_px, 16.0)
    assert 16 / scale == pytest.approx(least, rel=0.02)
    assert size[0] * size[1] * scale**2 == pytest.approx(scanned, rel=0.02)


@pytest.mark.parametrize(
    ("size", "resized", "target"),
    [
        pytest.param((320, 427), (320, 416), (320, 416), id="stretched"),
        pytest.param((300, 448), (288, 448), (288, 448), id="stretched along one side"),
        pytest.param((112, 80), (112, 80), (128, 96), id="too small: padded"),
        pytest.param((7, 640), (7, 640), (32, 640), id="thin: padded"),
    ],
)
def test_sides_become_multiples(
    size: tuple[int, int], resized: tuple[int, int], target: tuple[int, int]
) -> None:
    place = scanning.scan_place(*size, 1.0, 32)
    assert (place.resized, place.target) == (resized, target)


def test_boxes_of_a_stretched_scan_are_those_of_the_image(made: Detector) -> None:
    (box,) = own_size(made, spotted(300, 448, (220, 140))).boxes
    assert (box[:2] + box[2:]) / 2 == pytest.approx([221, 143], abs=2.5)  # a cell is 4 px
    assert box[2:] - box[:2] == pytest.approx([SIDE, HEIGHT * 300 / 288], abs=0.1)


def test_1080p_costs_at_most_twice_vga() -> None:
    areas = []
    for size in ((480, 640), (1080, 1920)):
        place = scanning.scan_place(*size, scanning.scan_scale(*size, 0, 16.0), 32)
        areas.append(place.target[0] * place.target[1])
    assert areas[1] <= 2 * areas[0]


@pytest.fixture(scope="module")
def real() -> Iterator[Detector]:
    if cache.presence(checkpoints.find("centerface")) != "yes":
        pytest.skip("needs CenterFace's weights: face_detect_ros models fetch centerface")
    detector = catalogue.create("centerface", task="faces")
    yield detector
    detector.close()


@pytest.mark.parametrize("factor", [0.15, 0.3, 1.0, 2.0])
def test_the_real_network_finds_a_face_at_any_size(real: Detector, factor: float) -> None:
    image = cv2.resize(astronaut(), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    (found,) = real.detect([image], catalogue.default_options("centerface", task="faces"))
    assert len(found) == 1
    assert boxes.iou(found.boxes / factor, [OWN_BOX])[0, 0] > 0.75
    right_eye, left_eye, nose, right_mouth, left_mouth = found.landmarks[0] / factor
    assert np.abs(right_eye - (203, 102)).max() < 6
    assert np.abs(left_eye - (247, 104)).max() < 6
    assert np.abs(nose - (223, 125)).max() < 8
    assert right_mouth[0] < left_mouth[0]


def test_it_is_read_as_its_author_reads_it(real: Detector) -> None:
    """Peaks of the maps turned into boxes and points one by one, in the author's order of steps."""
    image = np.ascontiguousarray(np.hstack([astronaut(), astronaut()[:, ::-1]])[:, 200:900][:, :672])
    found = own_size(real, image, score_threshold=0.3)
    session = real._engine
    heat, size, offset, points = session.run({"input.1": image.transpose(2, 0, 1)[None].astype(np.float32)})
    for box, score, landmarks in zip(found.boxes, found.scores, found.landmarks, strict=True):
        row, column = np.argwhere(np.abs(heat[0, 0] - score) < 1e-5)[0]
        high, wide = np.exp(size[0, :, row, column]) * 4
        left = max(0, (column + offset[0, 1, row, column] + 0.5) * 4 - wide / 2)
        top = max(0, (row + offset[0, 0, row, column] + 0.5) * 4 - high / 2)
        right, bottom = min(left + wide, image.shape[1]), min(top + high, image.shape[0])
        assert np.abs(box - (left, top, right, bottom)).max() < 0.5
        for index in range(5):
            y, x = points[0, 2 * index : 2 * index + 2, row, column]
            assert np.abs(landmarks[index] - (x * wide + left, y * high + top)).max() < 0.5
    assert len(found) == 2
