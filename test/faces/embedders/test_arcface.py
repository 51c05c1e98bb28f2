# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Embedders in ONNX files: alignment by five points, made files that always run, and a public one."""

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from helpers.onnx_embedders import brightness_embedder
from helpers.onnx_models import in_two_files
from helpers.paths import FIELD, SHARED
from skimage.data import astronaut

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError, ImageError, WeightsError
from face_detect_ros.faces.embedders import arcface, catalogue
from face_detect_ros.faces.points import dlib_squares, eye_corners, five_points, from_eye_corners

# right eye, left eye, nose, corners of the mouth in astronaut(), read off by eye
POINTS = np.array([[203, 102], [247, 104], [223, 125], [203, 142], [241, 144]], np.float32)
CORNERS = np.array([[256, 105], [239, 106], [194, 104], [212, 104], [224, 134]], np.float32)
BOX = (181, 58, 270, 178)


def face(points: np.ndarray | None = POINTS, kind: str = "five_points") -> Detections:
    landmarks = None if points is None else points[None]
    return Detections([BOX], [0.9], [0], landmarks=landmarks, landmark_set=kind)


@pytest.mark.parametrize(
    ("degrees", "scale", "shift"),
    [(0, 1.0, (0, 0)), (35, 0.4, (20, -8)), (-90, 3.0, (0, 500)), (180, 0.15, (5, 5))],
)
def test_similarity_is_found(degrees: float, scale: float, shift: tuple[float, float]) -> None:
    turn = scale * np.array(
        [
            [np.cos(np.radians(degrees)), -np.sin(np.radians(degrees))],
            [np.sin(np.radians(degrees)), np.cos(np.radians(degrees))],
        ]
    )
    matrix = arcface.similarity(POINTS.astype(np.float64), POINTS @ turn.T + shift)
    assert np.allclose(matrix, np.column_stack([turn, shift]), atol=1e-4)


@pytest.mark.parametrize("factor", [0.3, 1.0, 3.0, 7.0])
def test_the_chip_is_the_same_at_any_size(factor: float) -> None:
    image = cv2.resize(astronaut(), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    # pixel centers scale about the corner of the image
    (chip,) = arcface.face_chips(image, ((POINTS + 0.5) * factor - 0.5)[None])
    (plain,) = arcface.face_chips(astronaut(), POINTS[None])
    difference = np.abs(cv2.GaussianBlur(chip, (0, 0), 3).astype(int) - cv2.GaussianBlur(plain, (0, 0), 3))
    assert chip.shape == (112, 112, 3)
    assert difference.mean() < 4


def test_points_land_on_the_template() -> None:
    image = np.zeros((300, 300, 3), np.uint8)
    for x, y in POINTS.astype(int):
        cv2.circle(image, (x, y), 3, (255, 255, 255), -1)
    (chip,) = arcface.face_chips(image, POINTS[None])
    bright = np.argwhere(chip[..., 0] > 100)[:, ::-1]
    for target in ((38, 52), (74, 52), (56, 72), (42, 92), (71, 92)):
        assert np.linalg.norm(bright - target, axis=1).min() < 6


@pytest.mark.parametrize(
    "points", [np.full((5, 2), np.nan), np.full((5, 2), 7.0), POINTS * 1e9], ids=["nan", "one place", "far"]
)
def test_points_that_are_no_face(points: np.ndarray) -> None:
    with pytest.raises(ImageError, match="landmarks"):
        arcface.face_chips(astronaut(), points[None])


@pytest.mark.parametrize("batch", [1, 3, None], ids=["one at once", "three at once", "free"])
@pytest.mark.parametrize("plain", [False, True], ids=["normalized", "plain"])
def test_descriptors_of_a_made_file(tmp_path: Path, batch: int | None, plain: bool) -> None:
    embedder = catalogue.create(
        f"arcface:{brightness_embedder(tmp_path / 'e.onnx', batch=batch, plain=plain)}"
    )
    chips = np.random.default_rng(0).integers(0, 256, (5, 112, 112, 3), dtype=np.uint8)
    found = embedder.embed(chips)
    means = chips[..., 0].reshape(5, 8, 14, 8, 14).mean(axis=(2, 4)).reshape(5, 64) / 127.5 - 1
    assert found.dtype == np.float32
    assert np.allclose(found, means / np.linalg.norm(means, axis=1, keepdims=True), atol=1e-4)
    assert embedder.embed(chips[:0]).shape == (0, 64)
    with pytest.raises(ImageError, match="112"):
        embedder.embed(np.zeros((1, 150, 150, 3), np.uint8))
    embedder.close()
    with pytest.raises(DetectorError, match="closed"):
        embedder.embed(chips)


def test_the_content_is_the_identity_not_the_name(tmp_path: Path) -> None:
    first = brightness_embedder(tmp_path / "a.onnx")
    same = tmp_path / "b.onnx"
    same.write_bytes(first.read_bytes())
    other = brightness_embedder(tmp_path / "c.onnx", batch=None)
    assert catalogue.identity(f"arcface:{first}") == catalogue.identity(f"arcface:{same}")
    assert catalogue.identity(f"arcface:{first}") != catalogue.identity(f"arcface:{other}")
    assert catalogue.identity(f"sface:{first}") != catalogue.identity(f"arcface:{first}")
    embedder = catalogue.create(f"arcface:{first}")
    assert (embedder.model_id, embedder.model_version) == catalogue.identity(f"arcface:{first}")


def test_a_file_in_two_parts_is_refused_until_it_is_saved_as_one(tmp_path: Path) -> None:
    apart = in_two_files(brightness_embedder(tmp_path / "e.onnx"), least=0)
    with pytest.raises(WeightsError, match=r"second file; save it as one: .*onnx\.save\(onnx\.load"):
        catalogue.create(f"arcface:{apart}")
    onnx.save(onnx.load(str(apart)), str(tmp_path / "one.onnx"))  # as the message says
    catalogue.create(f"arcface:{tmp_path / 'one.onnx'}").close()


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("facenet", ConfigError, "choose one of: dlib_resnet, dlib, arcface:FILE, sface, librefacerec-l"),
        ("arcface", ConfigError, "arcface:/path/to/file"),
        ("sface:", ConfigError, "sface:/path/to/file"),
        ("dlib:x", ConfigError, "takes no file"),
        ("arcface:/none.onnx", WeightsError, "/none.onnx"),
        ("sface", WeightsError, "models fetch sface"),
    ],
)
def test_names_that_cannot_be(name: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        catalogue.create(name)


@pytest.mark.parametrize("side", [128, 24])
def test_another_network_is_refused(tmp_path: Path, side: int) -> None:
    with pytest.raises(WeightsError, match=r"e\.onnx: not a face embedder"):
        catalogue.create(f"arcface:{brightness_embedder(tmp_path / 'e.onnx', side=side)}")


def test_a_file_that_is_no_network(tmp_path: Path) -> None:
    (tmp_path / "e.onnx").write_bytes(b"version https://git-lfs")
    with pytest.raises(WeightsError, match=r"e\.onnx"):
        catalogue.create(f"arcface:{tmp_path / 'e.onnx'}")


def test_the_points_of_one_kind_give_those_of_the_other() -> None:
    derived = from_eye_corners(CORNERS[None])[0]
    assert np.abs(derived - POINTS).max() < 7  # of a face 90 px wide
    found = eye_corners(astronaut(), face())[0]
    assert np.abs(found - CORNERS).max() < 7
    for known in (face(CORNERS, "eye_corners"), face(None)):
        assert np.abs(five_points(astronaut(), known)[0] - POINTS).max() < 9
    assert five_points(astronaut(), face()) is not None
    assert np.array_equal(five_points(astronaut(), face())[0], POINTS)


def test_dlibs_square() -> None:
    (square,) = dlib_squares(face())
    assert square[2] - square[0] == pytest.approx(square[3] - square[1])
    assert square[2] - square[0] == pytest.approx(2.7 * 40, rel=0.03)
    assert np.allclose((square[:2] + square[2:]) / 2, (223.5, 123), atol=2)
    assert len(eye_corners(astronaut(), face().select([]))) == 0


def test_a_public_file_tells_people_apart() -> None:
    file, folder = FIELD / "mobilefacenet_128.onnx", SHARED / "dlib_faces" / "faces"
    if not (file.is_file() and folder.is_dir()):
        pytest.skip("needs ../shared/cases/field/mobilefacenet_128.onnx and ../shared/data/dlib_faces")
    embedder = catalogue.create(f"arcface:{file}")
    moved = POINTS + np.random.default_rng(0).normal(0, 1.0, POINTS.shape).astype(np.float32)
    dark = (astronaut() * 0.4).astype(np.uint8)
    faces = [
        embedder.embed(embedder.chips(image, face(points)))[0]
        for image, points in (
            (astronaut(), POINTS),
            (astronaut(), moved),
            (dark, POINTS),
            (astronaut()[:, ::-1], POINTS),
        )
    ]
    distances = np.linalg.norm(np.array(faces) - faces[0], axis=1)
    assert faces[0].shape == (128,)
    assert distances[1] < 0.6
    assert distances[2] < 0.9
    assert distances[3] > 1.1  # not a face at all
