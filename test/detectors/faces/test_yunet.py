# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YuNet with a user's file: the file itself, boxes, sizes and options. Needs the file."""

import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.paths import FIELD, SHARED
from skimage.data import astronaut
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.core import boxes
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import DetectorError, DeviceError, ImageError, WeightsError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.faces import yunet
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.engines.protocol import Compute
from face_detect_ros.faces.points import eye_corners

FILE = SHARED / "weights" / "yunet_n_640_640.onnx"
OWN_BOX = (178, 65, 269, 176)  # what YuNet itself gives for astronaut(): higher than dlib's
NOSE = (224, 135)

needs_file = pytest.mark.skipif(not FILE.is_file(), reason=f"needs {FILE.name} in ../shared/data/weights")


@pytest.fixture
def detector() -> Iterator[Detector]:
    if not FILE.is_file():
        pytest.skip(f"needs {FILE.name} in ../shared/data/weights")
    made = catalogue.create(f"yunet:{FILE}", task="faces")
    yield made
    made.close()


def one(detector: Detector, image: np.ndarray, **options: float) -> Detections:
    return detector.detect([image], DetectOptions(**{"min_size_px": 60, **options}))[0]


def same(a: Detections, b: Detections) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in ("boxes", "scores", "landmarks")
    )


@pytest.mark.parametrize("factor", [0.15, 0.3, 0.5, 1.0, 2.0, 4.0])
def test_boxes_and_landmarks_are_pixels_of_the_original_at_any_scale(
    detector: Detector, factor: float
) -> None:
    image = cv2.resize(astronaut(), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    found = one(detector, image, min_size_px=max(10, int(60 * factor)))
    assert detector.labels == ("face",)
    assert len(found) == 1
    assert boxes.iou(found.boxes / factor, [OWN_BOX])[0, 0] > 0.65
    right_eye, left_eye, nose, right_mouth, left_mouth = found.landmarks[0] / factor
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < nose[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    assert np.abs(nose - NOSE).max() < 12


def test_dlibs_points_follow_from_its_own(detector: Detector) -> None:
    found = one(detector, astronaut())
    assert found.landmark_set == "five_points"
    ours = eye_corners(astronaut(), found)
    theirs = one(catalogue.create("dlib_hog", task="faces"), astronaut(), min_size_px=73).landmarks
    assert np.abs(ours - theirs).max() < 5  # of a face of 90 px


def test_a_face_that_fills_a_large_image_is_found_whole(detector: Detector) -> None:
    image = cv2.resize(astronaut()[40:240, 110:330], (2400, 2200))
    found = one(detector, image, min_size_px=60)
    assert len(found) == 1
    assert boxes.iou((found.boxes[:1] * (220 / 2400)) + (110, 40, 110, 40), [OWN_BOX])[0, 0] > 0.6


@pytest.mark.parametrize(
    ("height", "width", "min_size_px", "count"),
    [(480, 640, 73, 1), (480, 640, 24, 2), (4320, 7680, 1, 3), (1, 1, 1, 1)],
)
def test_scales_fall_until_every_face_fits(height: int, width: int, min_size_px: int, count: int) -> None:
    scales = yunet.scan_scales(height, width, min_size_px)
    assert len(scales) == count
    assert scales == sorted(scales, reverse=True)
    assert min(height, width) * scales[-1] <= 400
    assert height * width * scales[0] ** 2 <= 8_300_000 * 1.001


def test_options_are_honoured(detector: Detector) -> None:
    twice = np.hstack([astronaut(), cv2.resize(astronaut(), (256, 512))])
    both = one(detector, twice, min_size_px=20)
    assert len(both) == 2
    assert (np.diff(both.scores) <= 0).all()
    assert same(one(detector, twice, min_size_px=20, max_detections=1), both.select([0]))
    assert len(one(detector, astronaut(), min_size_px=150)) == 0
    assert len(one(detector, astronaut(), score_threshold=0.999)) == 0
    everything = one(detector, astronaut(), score_threshold=0.0, iou_threshold=0.0, max_detections=1000)
    assert len(everything) > 10
    assert (boxes.iou(everything.boxes, everything.boxes) - np.eye(len(everything))).max() < 0.1
    assert len(one(detector, astronaut(), score_threshold=0.1, iou_threshold=1.0)) > 1


def test_a_batch_equals_single_images_and_a_second_instance(detector: Detector) -> None:
    pictures = [astronaut(), astronaut()[:200], np.zeros((50, 60, 3), np.uint8), astronaut()[:, ::-1]]
    options = DetectOptions(min_size_px=60)
    batch = detector.detect(pictures, options)
    assert [len(found) for found in batch] == [1, 1, 0, 1]
    other = catalogue.create(f"yunet:{FILE}", task="faces")
    for picture, found in zip(pictures, batch, strict=True):
        assert same(found, other.detect([picture], options)[0])
    assert detector.times.network_ms > 0
    assert detector.detect([], options) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (7, 7), (33, 2000)])
@pytest.mark.parametrize("min_size_px", [1, 73, 10_000])
def test_tiny_images(detector: Detector, shape: tuple[int, int], min_size_px: int) -> None:
    found = one(detector, np.zeros((*shape, 3), np.uint8), min_size_px=min_size_px)
    assert found.landmarks.shape == (len(found), 5, 2)
    assert (found.boxes <= (shape[1], shape[0], shape[1], shape[0])).all()


def test_a_face_cut_by_the_border_is_clipped(detector: Detector) -> None:
    found = one(detector, astronaut()[90:, :240], score_threshold=0.3, min_size_px=30)
    assert len(found)
    assert (found.boxes >= 0).all()
    assert (found.boxes <= (240, 422, 240, 422)).all()


def test_any_memory_layout_is_fine_and_the_image_not_modified(detector: Detector) -> None:
    for image in (astronaut()[:, ::-1], np.asfortranarray(astronaut()), astronaut()[::2, ::2]):
        before = image.copy()
        image.flags.writeable = False
        assert same(one(detector, image), one(detector, np.array(image, order="C")))
        assert np.array_equal(image, before)


def test_another_thread_may_use_and_close_it(detector: Detector) -> None:
    results = []
    thread = threading.Thread(target=lambda: results.append(one(detector, astronaut())))
    thread.start()
    thread.join()
    assert same(results[0], one(detector, astronaut()))
    thread = threading.Thread(target=detector.close)
    thread.start()
    thread.join()
    detector.close()
    with pytest.raises(DetectorError, match="closed"):
        one(detector, astronaut())


def test_what_is_no_rgb_image_is_refused(detector: Detector) -> None:
    with pytest.raises(ImageError):
        detector.detect([np.zeros((10, 10), np.uint8)], DetectOptions())


@needs_file
def test_a_gpu_is_refused() -> None:
    with pytest.raises(DeviceError, match="cuda"):
        catalogue.create(f"yunet:{FILE}", task="faces", device="cuda")


@pytest.mark.parametrize(
    "content", [None, b"", b"not a network", b"\x08\x07" * 5000], ids=["missing", "empty", "text", "noise"]
)
def test_a_bad_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "face detector.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"face detector\.onnx"):
        catalogue.create(f"yunet:{path}", task="faces")


@needs_file
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: float) -> None:
    content = FILE.read_bytes()
    (tmp_path / "short.onnx").write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(WeightsError, match=r"short\.onnx"):
        yunet.create(tmp_path / "short.onnx", Compute("cpu"), ["onnxruntime"])


@pytest.mark.skipif(
    not (SHARED / "weights" / "yolox_nano.onnx").is_file(),
    reason="needs ../shared/data/weights/yolox_nano.onnx",
)
def test_another_network_is_refused() -> None:
    with pytest.raises(WeightsError, match="yolox_nano"):
        yunet.create(SHARED / "weights" / "yolox_nano.onnx", Compute("cpu"), ["onnxruntime"])


@needs_file
@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_an_engine_finds_what_opencv_finds(name: str) -> None:
    if engines.problem(name):
        pytest.skip(engines.problem(name))
    image = np.hstack([astronaut(), astronaut()[:, ::-1]])[:, :1001]  # no multiple of 32
    options = DetectOptions(min_size_px=30, score_threshold=0.6)
    on_engine = yunet.create(FILE, Compute("cpu"), [name])
    assert name.replace("onnxruntime", "CPUExecutionProvider") in on_engine.device
    (found,), (expected,) = (
        on_engine.detect([image], options),
        yunet.create(FILE, Compute("cpu"), []).detect([image], options),
    )
    assert len(found) == len(expected) == 2
    assert np.abs(found.boxes - expected.boxes).max() < 0.05
    assert np.abs(found.landmarks - expected.landmarks).max() < 0.05
    assert np.abs(found.scores - expected.scores).max() < 0.001


FREE = FIELD / "yunet_n_dynamic.onnx"


@pytest.mark.skipif(not FREE.is_file(), reason=f"needs {FREE.name} in ../shared/cases/field")
def test_a_file_with_free_axes_which_opencv_refuses() -> None:
    if engines.problem("onnxruntime"):
        pytest.skip(engines.problem("onnxruntime"))
    detector = yunet.create(FREE, Compute("cpu"), ["onnxruntime"])
    (found,) = detector.detect([astronaut()], DetectOptions(min_size_px=60, score_threshold=0.6))
    assert boxes.iou(found.boxes, [OWN_BOX])[0, 0] > 0.65
    with pytest.raises(WeightsError, match="OpenCV"):
        yunet.create(FREE, Compute("cpu"), [])


@needs_file
def test_without_any_engine_opencv_computes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "problem", lambda name: f"engine {name} is not installed")
    assert catalogue.create(f"yunet:{FILE}", task="faces").device == "cpu (opencv)"


@needs_file
def test_a_file_from_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(FILE.parent))
    catalogue.create(f"yunet:~/{FILE.name}", task="faces").close()


@needs_file
def test_from_the_command_line(tmp_path: Path) -> None:
    picture = tmp_path / "astronaut.png"
    cv2.imwrite(str(picture), astronaut()[..., ::-1])
    result = CliRunner().invoke(app, ["detect", "--json", "--model", f"yunet:{FILE}", str(picture)])
    assert result.exit_code == 0
    assert '"class": "face"' in result.stdout
    missing = CliRunner().invoke(app, ["detect", "--model", "yunet:/nowhere.onnx", str(picture)])
    assert missing.exit_code == 1
    assert "/nowhere.onnx: no such file" in missing.stderr
