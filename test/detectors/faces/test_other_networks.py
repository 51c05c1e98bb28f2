# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""SCRFD, RetinaFace, Ultra-Light and BlazeFace: made files with one known face, and public ones where they are."""

from pathlib import Path

import numpy as np
import pytest
from helpers.onnx_faces import constant_network
from helpers.onnx_models import in_two_files
from helpers.paths import FIELD
from skimage.data import astronaut

from face_detect_ros.core import boxes
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import DetectorError, WeightsError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors import catalogue

SIZE = 64  # of the made inputs, but BlazeFace's
BOX = (20.0, 12.0, 44.0, 42.0)
POINTS = np.array([(26, 22), (38, 23), (32, 29), (27, 35), (37, 36)], np.float32)
FACE_BOX = (180, 59, 272, 178)  # of the astronaut
FACE_POINTS = np.array([(204, 102), (247, 104), (224, 128), (203, 141), (244, 143)], np.float32)


def scrfd(path: Path, points: bool = True, batched: bool = False) -> Path:
    """The face is at stride 16, in the second anchor of the cell whose corner is (32, 16)."""
    outputs = {}
    for stride in (8, 16, 32):
        count = (SIZE // stride) ** 2 * 2
        scores, sides, five = np.zeros((count, 1)), np.zeros((count, 4)), np.zeros((count, 10))
        if stride == 16:
            row = (1 * (SIZE // stride) + 2) * 2 + 1
            scores[row] = 0.8
            sides[row] = np.array([32 - BOX[0], 16 - BOX[1], BOX[2] - 32, BOX[3] - 16]) / stride
            five[row] = ((POINTS - (32, 16)) / stride).ravel()
        for name, values in (("score", scores), ("bbox", sides), ("kps", five)):
            if name != "kps" or points:
                outputs[f"{name}_{stride}"] = values[None] if batched else values
    return constant_network(path, (1, 3, SIZE, SIZE), outputs)


def retinaface(path: Path, logits: bool = False) -> Path:
    """The face is at stride 16, in the anchor of 64 px around (24, 24)."""
    counts = [(SIZE // stride) ** 2 * 2 for stride in (8, 16, 32)]
    scores = np.tile([6.0, 0.0] if logits else [1.0, 0.0], (sum(counts), 1))
    offsets, five = np.zeros((sum(counts), 4)), np.zeros((sum(counts), 10))
    row = counts[0] + (1 * (SIZE // 16) + 1) * 2
    scores[row] = [0.0, np.log(4.0)] if logits else [0.2, 0.8]
    middle = np.array([(BOX[0] + BOX[2]) / 2, (BOX[1] + BOX[3]) / 2])
    offsets[row, :2] = (middle - 24) / (0.1 * 64)
    offsets[row, 2:] = np.log(np.array([BOX[2] - BOX[0], BOX[3] - BOX[1]]) / 64) / 0.2
    five[row] = ((POINTS - 24) / (0.1 * 64)).ravel()
    outputs = {"loc": offsets[None], "conf": scores[None], "landms": five[None]}
    return constant_network(path, (1, 3, SIZE, SIZE), outputs)


def ultralight(path: Path, scale: float = 1 / SIZE) -> Path:
    scores, parts = np.tile([0.9, 0.1], (50, 1)), np.zeros((50, 4))
    scores[7], parts[7] = [0.2, 0.8], np.array(BOX) * scale
    return constant_network(path, (1, 3, SIZE, SIZE), {"scores": scores[None], "boxes": parts[None]})


def blazeface(path: Path, channels_last: bool = True) -> Path:
    """The face of twice the size is in the third anchor of the 8 x 8 grid's cell around (56, 56)."""
    logits, values = np.full((896, 1), -9.0), np.zeros((896, 16))
    row = 512 + (3 * 8 + 3) * 6 + 2
    logits[row] = np.log(4.0)
    middle = np.array([BOX[0] + BOX[2], BOX[1] + BOX[3]])
    mouth = POINTS[3] + POINTS[4]
    pairs = [middle - 56, (2 * (BOX[2] - BOX[0]), 2 * (BOX[3] - BOX[1])), *(2 * POINTS[:3] - 56), mouth - 56]
    values[row, :12] = np.concatenate(pairs)
    shape = (1, 128, 128, 3) if channels_last else (1, 3, 128, 128)
    return constant_network(path, shape, {"regressors": values[None], "classificators": logits[None]})


MADE = {
    "scrfd": scrfd,
    "scrfd, batched": lambda path: scrfd(path, batched=True),
    "scrfd, no points": lambda path: scrfd(path, points=False),
    "retinaface": retinaface,
    "retinaface, logits": lambda path: retinaface(path, logits=True),
    "ultralight": ultralight,
    "blazeface": blazeface,
    "blazeface, channels first": lambda path: blazeface(path, channels_last=False),
}


@pytest.mark.parametrize("kind", MADE)
def test_a_made_face_is_where_it_was_put(tmp_path: Path, kind: str) -> None:
    name = kind.partition(",")[0]
    path = MADE[kind](tmp_path / "made.onnx")
    detector = catalogue.create(f"{name}:{path}", task="faces", engine="onnxruntime")
    side = 2 * SIZE if name == "blazeface" else SIZE
    for factor in (1.0, 2.5):
        image = np.zeros((round(side * factor), round(side * factor), 3), np.uint8)
        (found,) = detector.detect([image], DetectOptions(score_threshold=0.5))
        scale = factor * (2 if name == "blazeface" else 1)
        assert len(found) == 1
        assert np.abs(found.boxes[0] / scale - BOX).max() < 0.02
        assert found.scores[0] == pytest.approx(0.8, abs=1e-4)
        if "no points" in kind or name == "ultralight":
            assert found.landmarks is None
        else:
            assert found.landmark_set == "five_points"
            close = 1.0 if name == "blazeface" else 0.02  # the corners of the mouth are an average face's
            assert np.abs(found.landmarks[0] / scale - POINTS).max() < close
    # in a wide image the input is filled from the top left
    (wide,) = detector.detect([np.zeros((side, 2 * side, 3), np.uint8)], DetectOptions())
    assert np.abs(wide.boxes[0] / (4 if name == "blazeface" else 2) - BOX).max() < 0.02 or len(wide) == 1
    assert (
        detector.detect([image, image], DetectOptions())[1].boxes.tolist()
        == detector.detect([image], DetectOptions())[0].boxes.tolist()
    )
    assert len(detector.detect([image], DetectOptions(score_threshold=0.9))[0]) == 0


@pytest.mark.parametrize("name", ["scrfd", "retinaface", "ultralight", "blazeface", "centerface"])
def test_a_file_of_another_network_is_refused(tmp_path: Path, name: str) -> None:
    other = {"scrfd": retinaface, "retinaface": ultralight, "ultralight": blazeface}.get(name, scrfd)
    with pytest.raises(WeightsError, match=r"other\.onnx: not a network of the kind"):
        catalogue.create(f"{name}:{other(tmp_path / 'other.onnx')}", task="faces", engine="onnxruntime")
    with pytest.raises(WeightsError, match=r"/none\.onnx"):
        catalogue.create(f"{name}:/none.onnx", task="faces")


@pytest.mark.parametrize("name", ["ultralight", "yunet"])
@pytest.mark.parametrize("engine", ["auto", "onnxruntime"])
def test_a_file_in_two_parts_is_refused_in_words(tmp_path: Path, name: str, engine: str) -> None:
    apart = in_two_files(ultralight(tmp_path / "faces.onnx"), least=0)
    with pytest.raises(WeightsError, match=r"faces\.onnx: keeps its weights in a second file"):
        catalogue.create(f"{name}:{apart}", task="faces", engine=engine)


def test_boxes_without_post_processing_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="export it with its post-processing"):
        catalogue.create(f"ultralight:{ultralight(tmp_path / 'raw.onnx', scale=1.0)}", task="faces")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("scrfd", "scrfd_500m_kps.onnx"),
        ("retinaface", "retinaface_mobile025.onnx"),
        ("ultralight", "version-RFB-320.onnx"),
        ("ultralight", "rfb320_said.onnx"),
        ("blazeface", "blazeface.onnx"),
    ],
)
def test_a_public_file_finds_the_astronaut(name: str, file: str) -> None:
    if not (FIELD / file).is_file():
        pytest.skip(f"needs ../shared/cases/field/{file}")
    model = f"{name}:{FIELD / file}"
    detector = catalogue.create(model, task="faces", engine="onnxruntime")
    images = [astronaut(), astronaut()[20:340, 60:380]]
    for image, found, moved in zip(
        images,
        detector.detect(images, catalogue.default_options(model, task="faces")),
        ((0, 0), (60, 20)),
        strict=True,
    ):
        assert len(found) == 1, image.shape
        assert boxes.iou(found.boxes + np.array(moved * 2), [FACE_BOX])[0, 0] > 0.7
        if name != "ultralight":
            assert np.abs(found.landmarks[0] + moved - FACE_POINTS).max() < 9


def test_free_sides_of_a_public_file_whose_outputs_tell_one_size(tmp_path: Path) -> None:
    """insightface's own files are so: their outputs have the rows of a 640x640 image."""
    file = FIELD / "scrfd_500m_kps.onnx"
    if not file.is_file():
        pytest.skip(f"needs ../shared/cases/field/{file.name}")
    onnx = pytest.importorskip("onnx")
    network = onnx.load(file)
    for axis in (2, 3):
        network.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = "?"
    onnx.save(network, tmp_path / "free.onnx")
    detector = catalogue.create(f"scrfd:{tmp_path / 'free.onnx'}", task="faces", engine="onnxruntime")
    (found,) = detector.detect([astronaut()[:480]], DetectOptions(min_size_px=20))
    assert len(found) == 1
    assert boxes.iou(found.boxes, [FACE_BOX])[0, 0] > 0.7


def test_faces_of_the_object_network() -> None:
    detector = catalogue.create("robot", task="faces")
    (found,) = detector.detect([astronaut()], catalogue.default_options("robot", task="faces"))
    assert detector.labels == ("face",)
    assert isinstance(found, Detections)
    assert len(found) == 1
    assert found.class_ids.tolist() == [0]
    assert boxes.iou(found.boxes, [FACE_BOX])[0, 0] > 0.6
    detector.close()
