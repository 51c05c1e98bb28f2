# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""dlib's CNN run by PyTorch: the same faces as dlib's own code, and what only it can do."""

import json
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.paths import SHARED
from skimage.data import astronaut

from face_detect_ros.core import boxes
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError, DeviceError, ImageError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.faces import dlib_faces, mmod
from face_detect_ros.nn import devices
from face_detect_ros.nn.dlib.description import MMOD_STRUCTURE, DetectorWindow, MmodOptions
from face_detect_ros.zoo.formats import dlib_file
from face_detect_ros.zoo.published import dlib_models

FACE = np.ascontiguousarray(astronaut()[20:220, 120:320])
BFLOAT16 = torch.bfloat16 == devices.choose_dtype("auto", torch.device("cpu"))


@pytest.fixture(scope="module")
def ours() -> Detector:
    return mmod.create("cpu", "float32")


@pytest.fixture(scope="module")
def scan() -> mmod.MmodScan:
    return make_scan(torch.float32)


@pytest.fixture(scope="module")
def dlibs():
    dlib = pytest.importorskip("dlib")
    return dlib.cnn_face_detection_model_v1(str(dlib_models.locate(dlib_models.CNN_DETECTOR)))


def make_scan(dtype: torch.dtype) -> mmod.MmodScan:
    description = dlib_file.load(dlib_models.CNN_DETECTOR, MMOD_STRUCTURE)
    return mmod.MmodScan(description, torch.device("cpu"), dtype)


def one(detector: Detector, image: np.ndarray, **options: float) -> Detections:
    return detector.detect([image], DetectOptions(**{"min_size_px": 80, **options}))[0]


def same(a: Detections, b: Detections) -> bool:
    # another batch is another order of sums
    return np.array_equal(a.boxes, b.boxes) and np.allclose(a.scores, b.scores, atol=1e-5)


def compare(scan: mmod.MmodScan, dlibs, image: np.ndarray, tolerance: float = 0.001) -> int:
    """The number of faces, after asserting that both find the same."""
    image = np.ascontiguousarray(image)
    found = dlibs(image, 0)
    expected = [(r.rect.left(), r.rect.top(), r.rect.right() + 1, r.rect.bottom() + 1) for r in found]
    ((ours, margins),) = scan([image], 0.0)
    assert ours.tolist() == np.reshape(expected, (-1, 4)).tolist()
    assert margins == pytest.approx([r.confidence for r in found], abs=tolerance)
    return len(expected)


def photo(path: Path, longest: int) -> np.ndarray:
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    scale = min(1.0, longest / max(image.shape))
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image


@pytest.mark.parametrize(
    ("change", "faces"),
    [
        pytest.param(lambda a: a, 1, id="as it is"),
        pytest.param(lambda a: a[:, 3:], 1, id="odd width"),
        pytest.param(lambda a: a[3:, 5:], 1, id="odd height"),
        pytest.param(lambda a: a[30:, 30:], 1, id="at the border"),
        pytest.param(lambda a: a[60:, 60:], None, id="cut by the border"),
        pytest.param(lambda a: np.pad(a, ((0, 0), (0, 90), (0, 0))), None, id="wide"),
        pytest.param(lambda a: np.pad(a, ((90, 0), (0, 0), (0, 0))), None, id="high"),
        pytest.param(lambda a: np.rot90(a), None, id="rotated"),
        pytest.param(lambda a: cv2.warpAffine(a, cv2.getRotationMatrix2D((100, 100), 30, 1), (200, 200)), 1, id="30"),
        pytest.param(lambda a: a // 8, 1, id="dark"),
        pytest.param(lambda a: a // 40, None, id="nearly black"),
        pytest.param(lambda a: np.clip(a.astype(int) + 90, 0, 255).astype(np.uint8), None, id="bright"),
        pytest.param(lambda a: cv2.cvtColor(cv2.cvtColor(a, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), 1, id="gray"),
        pytest.param(lambda a: np.random.default_rng(0).integers(0, 256, a.shape, np.uint8), 0, id="noise"),
        pytest.param(lambda a: np.full_like(a, 255), 0, id="white"),
        pytest.param(lambda a: np.hstack([a, a[:, ::-1]]), 2, id="two"),
    ],
)  # fmt: skip
def test_the_same_faces_as_dlib(scan: mmod.MmodScan, dlibs, change, faces: int | None) -> None:
    found = compare(scan, dlibs, change(FACE))
    assert faces is None or found == faces


@pytest.mark.parametrize("size", [(40, 40), (41, 77), (97, 50), (64, 300), (150, 43)])
def test_the_same_on_small_and_narrow_images(scan: mmod.MmodScan, dlibs, size: tuple[int, int]) -> None:
    compare(scan, dlibs, cv2.resize(FACE, size[::-1]))


@pytest.mark.skipif(not (SHARED / "dlib_faces").is_dir(), reason="needs ../shared/data/dlib_faces")
def test_the_same_faces_in_group_photos(scan: mmod.MmodScan, dlibs) -> None:
    folder = SHARED / "dlib_faces" / "faces"
    assert compare(scan, dlibs, photo(folder / "2008_001322.jpg", 500)[120:320, 60:470]) == 3
    assert compare(scan, dlibs, photo(folder / "Tom_Cruise_avp_2014_4.jpg", 300)) == 1


@pytest.mark.skipif(not (SHARED / "coco_robot").is_dir(), reason="needs ../shared/data/coco_robot")
def test_the_same_faces_in_photos(scan: mmod.MmodScan, dlibs) -> None:
    labels = json.loads((SHARED / "coco_robot" / "instances_dev.json").read_text())
    faces = [(a["area"], a["image_id"]) for a in labels["annotations"] if a["category_id"] == 81]
    largest = {image for _, image in sorted(faces)[-4:]}
    paths = [
        SHARED / "coco_robot" / "images" / i["file_name"] for i in labels["images"] if i["id"] in largest
    ]
    assert sum(compare(scan, dlibs, photo(path, 280)) for path in paths) >= 2


@pytest.mark.parametrize("min_size_px", [40, 80, 100, 150])
def test_the_same_as_dlib_cnn_at_any_minimum_size(ours: Detector, min_size_px: int) -> None:
    (reference,) = [dlib_faces.create_cnn_here("cpu")]
    image = FACE if min_size_px >= 80 else cv2.resize(FACE, (100, 100), interpolation=cv2.INTER_AREA)
    a, b = (one(detector, image, min_size_px=min_size_px) for detector in (ours, reference))
    assert same(a, b)
    assert np.array_equal(a.landmarks, b.landmarks)
    assert len(a) == (min_size_px < 150)


@pytest.mark.skipif(not BFLOAT16, reason="this CPU does not compute in bfloat16")
def test_bfloat16_finds_the_same() -> None:
    exact, fast = make_scan(torch.float32), make_scan(torch.bfloat16)
    for image in (FACE, np.rot90(FACE), FACE // 8, astronaut()):
        ((a, a_margins),), ((b, b_margins),) = (
            scan([np.ascontiguousarray(image)], 0.0) for scan in (exact, fast)
        )
        assert len(a) == len(b)
        assert np.array_equal(a, b) or boxes.iou(a, b).max(axis=1).min() > 0.9
        assert a_margins == pytest.approx(b_margins, abs=0.05)


def test_scores_below_dlibs_threshold_are_reachable(ours: Detector) -> None:
    usual, low, high = (one(ours, FACE, score_threshold=s) for s in (0.5, 0.1, 0.9))
    assert len(low) > len(usual) == 1
    assert len(high) == 0
    assert 0.1 <= low.scores.min() < 0.5
    assert low.boxes[0].tolist() == usual.boxes[0].tolist()
    assert (np.diff(low.scores) <= 0).all()
    assert len(one(ours, FACE, score_threshold=0.0)) >= len(low)
    assert len(one(ours, FACE, score_threshold=1.0)) == 0


def test_a_batch_equals_single_images(ours: Detector) -> None:
    other = cv2.resize(FACE, (230, 160))
    pictures = [FACE, FACE[:, ::-1], other, FACE // 4, np.zeros((5, 5, 3), np.uint8), other[::-1], FACE]
    options = DetectOptions(min_size_px=80, score_threshold=0.3)
    batch = ours.detect(pictures, options)
    assert len(batch) == len(pictures)
    assert len(batch[0]) >= 1
    for picture, found in zip(pictures, batch, strict=True):
        assert same(found, ours.detect([picture], options)[0])
    assert ours.detect([], options) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 2), (39, 300), (41, 300), (81, 81)])
@pytest.mark.parametrize("min_size_px", [1, 80, 10_000])
def test_tiny_images(ours: Detector, shape: tuple[int, int], min_size_px: int) -> None:
    assert len(one(ours, np.zeros((*shape, 3), np.uint8), min_size_px=min_size_px)) == 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda a: a[::-1], id="negative stride"),
        pytest.param(lambda a: a[::2, ::3], id="strided"),
        pytest.param(lambda a: np.asfortranarray(a), id="column order"),
        pytest.param(lambda a: np.frombuffer(a.tobytes(), np.uint8).reshape(a.shape), id="read-only"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_any_memory_layout_is_fine(ours: Detector, change) -> None:
    image = change(FACE)
    assert same(one(ours, image), one(ours, np.array(image, order="C")))


def test_the_image_is_not_modified(ours: Detector) -> None:
    image = FACE.copy()
    one(ours, image)
    assert np.array_equal(image, FACE)


def test_two_instances_do_not_share_state(ours: Detector) -> None:
    first = one(ours, FACE)
    other = mmod.create("cpu", "float32")
    one(other, FACE[::-1])
    other.close()
    assert same(first, one(ours, FACE))


def test_a_used_canvas_leaves_no_trace(ours: Detector) -> None:
    fresh = mmod.create("cpu", "float32")
    dark = np.zeros_like(FACE)
    ours.detect([FACE, FACE[::-1]], DetectOptions(min_size_px=80))
    assert same(one(ours, dark, score_threshold=0.1), one(fresh, dark, score_threshold=0.1))


def test_times_and_warmup(ours: Detector) -> None:
    ours.warmup()
    one(ours, FACE)
    assert ours.times.network_ms > 0
    assert ours.labels == ("face",)
    assert ours.device == "cpu"


def test_close_while_another_thread_detects() -> None:
    detector = mmod.create("cpu", "float32")
    ends: list[str] = []

    def work() -> None:
        try:
            while True:
                one(detector, FACE)
        except DetectorError as error:
            ends.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    while not detector.times.network_ms:
        time.sleep(0.01)
    detector.close()
    detector.close()
    thread.join(10)
    assert ends == ["the detector is closed"]


def test_what_is_no_rgb_image_is_refused(ours: Detector) -> None:
    with pytest.raises(ImageError):
        ours.detect([FACE, FACE[..., 0]], DetectOptions())


def test_precisions_through_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dlib_hog", "dlib_cnn"):
        with pytest.raises(ConfigError, match=f"'bfloat16'.*'{name}' computes in auto, float32 only"):
            catalogue.create(name, task="faces", precision="bfloat16")
    with pytest.raises(ConfigError, match="'int8'"):
        catalogue.create("mmod", task="faces", precision="int8")
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    with pytest.raises(DeviceError, match="bfloat16"):
        catalogue.create("mmod", task="faces", device="cpu", precision="bfloat16")
    catalogue.create("mmod", task="faces", device="cpu").close()


# --- suppression of overlaps ---

SQUARE = (DetectorWindow(10, 10),)


def test_overlap_is_measured_against_the_rectangle_around_both() -> None:
    a, shifted, diagonal = [0, 0, 100, 100], [40, 0, 140, 100], [30, 30, 130, 130]
    # 60 of 140 columns; 70 x 70 of 130 x 130, where the union would give 4900 / 15100
    assert kept([a, shifted], 0.43) == [0, 1]
    assert kept([a, shifted], 0.42) == [0]
    assert kept([a, diagonal], 0.29) == [0, 1]
    assert kept([a, diagonal], 0.28) == [0]


def test_a_box_inside_another_can_go_by_its_own_share() -> None:
    nested = [[0, 0, 100, 100], [10, 10, 20, 20]]
    assert kept(nested, 0.5, 1.0) == [0, 1]
    assert kept(nested, 0.5, 0.9) == [0]


def test_what_a_removed_box_covers_stays() -> None:
    chain = [[0, 0, 100, 100], [40, 0, 140, 100], [80, 0, 180, 100]]
    assert kept(chain, 0.4) == [0, 2]
    assert kept([], 0.4) == []
    assert kept([[0, 0, 5, 5], [5, 0, 10, 5]], 0.0) == [0, 1]


def kept(rows: list[list[int]], overlap: float, covered: float = 1.0) -> list[int]:
    options = MmodOptions(SQUARE, overlap, covered, box_regression=False)
    return mmod.suppress(np.array(rows, np.float64).reshape(-1, 4), options).tolist()
