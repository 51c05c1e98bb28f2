# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Alignment and descriptors: equal to dlib's."""

import cv2
import numpy as np
import pytest
import torch
from helpers.paths import SHARED
from skimage.data import astronaut

from face_detect_ros.core.errors import ConfigError, DetectorError, DeviceError, ImageError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors.faces import dlib_faces
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.faces import align
from face_detect_ros.faces.embedders import catalogue as embed
from face_detect_ros.nn import devices
from face_detect_ros.zoo.published import dlib_models

dlib = pytest.importorskip("dlib")

LANDMARKS = np.array([[[242.5, 116.5], [224.5, 116.5], [183.5, 113.5], [200.5, 115.5], [212.5, 146.5]]])
# without a GPU of NVIDIA's there is no CUDA
NO_CUDA = not torch.cuda.is_available()


@pytest.fixture(scope="module")
def ours() -> embed.Embedder:
    return embed.create(device="cpu", engine="torch")


@pytest.fixture(scope="module")
def reference() -> embed.Embedder:
    return embed.create("dlib")


@pytest.fixture(scope="module")
def chips() -> np.ndarray:
    """(7, 150, 150, 3): a face as it is, mirrored, dark, bright, upside down; black; noise."""
    (face,) = align.face_chips(astronaut(), LANDMARKS)
    noise = np.random.default_rng(0).integers(0, 256, face.shape, np.uint8)
    bright = np.clip(face.astype(int) + 80, 0, 255).astype(np.uint8)
    return np.stack([face, face[:, ::-1], face // 8, bright, face[::-1], np.zeros_like(face), noise])


@pytest.fixture(scope="module")
def expected(reference: embed.Embedder, chips: np.ndarray) -> np.ndarray:
    """What dlib's own code makes of `chips`."""
    return reference.embed(chips)


def dlib_faces_of(landmarks: np.ndarray) -> object:
    faces = dlib.full_object_detections()
    for points in np.floor(landmarks).astype(int).tolist():
        parts = [dlib.point(*point) for point in points]
        faces.append(dlib.full_object_detection(dlib.rectangle(1, 2, 3, 4), parts))
    return faces


@pytest.mark.parametrize(
    "move",
    [
        pytest.param((0, 0), id="as it is"),
        pytest.param((-200, -100), id="cut by the left border"),
        pytest.param((280, 380), id="cut by the lower right corner"),
        pytest.param((2000, 0), id="outside"),
    ],
)
def test_chips_equal_dlibs(move: tuple[int, int]) -> None:
    landmarks = np.concatenate([LANDMARKS + move, LANDMARKS * 1.5])
    chips = align.face_chips(astronaut(), landmarks)
    assert chips.shape == (2, 150, 150, 3)
    assert chips.dtype == np.uint8
    expected = dlib.get_face_chips(astronaut(), dlib_faces_of(landmarks), 150, 0.25)
    assert np.array_equal(chips[0], expected[0])
    assert np.array_equal(chips[1], expected[1])


def test_chips_of_found_faces_equal_dlibs() -> None:
    image = astronaut()
    (found,) = dlib_faces.create_hog("cpu").detect([image], DetectOptions(min_size_px=80))
    predictor = dlib.shape_predictor(str(dlib_models.locate(dlib_models.LANDMARKS_5)))
    left, top, right, bottom = found.boxes[0].astype(int).tolist()
    shape = predictor(image, dlib.rectangle(left, top, right - 1, bottom - 1))
    expected = dlib.get_face_chip(image, shape, 150, 0.25)
    assert np.array_equal(align.face_chips(image, found.landmarks)[0], expected)
    assert np.array_equal(align.face_chips(image[:, ::-1][:, ::-1], found.landmarks)[0], expected)


def test_no_faces_no_chips() -> None:
    assert align.face_chips(astronaut(), np.empty((0, 5, 2))).shape == (0, 150, 150, 3)


@pytest.mark.parametrize(
    "landmarks",
    [
        pytest.param(LANDMARKS[0], id="one face without its axis"),
        pytest.param(LANDMARKS[:, :4], id="four points"),
        pytest.param(np.full((1, 5, 2), np.nan), id="not a number"),
        pytest.param(LANDMARKS * 1e9, id="far away"),
        pytest.param(np.full((1, 5, 2), 10.5), id="all in one place"),
    ],
)
def test_landmarks_that_are_no_face(landmarks: np.ndarray) -> None:
    with pytest.raises(ImageError, match="landmarks"):
        align.face_chips(astronaut(), landmarks)


def test_descriptors_equal_dlibs(ours: embed.Embedder, expected: np.ndarray, chips: np.ndarray) -> None:
    a, b = ours.embed(chips), expected
    assert a.shape == (7, 128)
    assert a.dtype == b.dtype == np.float32
    assert np.abs(a - b).max() < 1e-4
    own = dlib.face_recognition_model_v1(str(dlib_models.locate(dlib_models.DESCRIPTOR)))
    assert np.abs(a[0] - own.compute_face_descriptor(chips[0])).max() < 1e-4


@pytest.mark.parametrize(
    ("engine", "precision", "apart"),
    [
        pytest.param("torch", "float32", 1e-4, id="torch"),
        pytest.param("onnxruntime", "float32", 1e-4, id="onnxruntime"),
        pytest.param("openvino", "float32", 1e-4, id="openvino"),
        pytest.param("openvino", "bfloat16", 0.02, id="openvino in bfloat16"),
    ],
)
def test_every_engine_gives_dlibs_descriptors(
    engine: str, precision: str, apart: float, expected: np.ndarray, chips: np.ndarray
) -> None:
    if problem := engines.problem(engine):
        pytest.skip(problem)
    try:
        by_engine = embed.create("dlib_resnet", "cpu", precision, engine=engine)
    except DeviceError as error:  # a CPU without bfloat16
        pytest.skip(str(error))
    assert np.abs(by_engine.embed(chips) - expected).max() < apart
    assert np.abs(by_engine.embed(chips[:1]) - expected[:1]).max() < apart
    assert by_engine.embed(chips[:0]).shape == (0, 128)


def test_an_engine_that_an_embedder_does_not_offer() -> None:
    with pytest.raises(ConfigError, match="brings its own"):
        embed.create("dlib", engine="onnxruntime")


@pytest.mark.skipif(not (SHARED / "dlib_faces").is_dir(), reason="needs ../shared/data/dlib_faces")
def test_descriptors_of_people(ours: embed.Embedder, reference: embed.Embedder) -> None:
    hog = dlib_faces.create_hog("cpu")
    people = []
    for folder in sorted((SHARED / "dlib_faces" / "johns").iterdir())[:3]:
        for path in sorted(folder.glob("*.jpg"))[:3]:
            image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            (found,) = hog.detect([image], DetectOptions(min_size_px=80, max_detections=1))
            people += [(folder.name, chip) for chip in align.face_chips(image, found.landmarks)]
    assert len(people) >= 9
    chips = np.stack([chip for _, chip in people])
    descriptors = ours.embed(chips)
    assert np.abs(descriptors - reference.embed(chips)).max() < 1e-4
    distances = np.linalg.norm(descriptors[:, None] - descriptors[None], axis=2)
    names = np.array([name for name, _ in people])
    alike = names[:, None] == names[None]
    assert np.mean((distances < 0.6) == alike) > 0.9


def test_a_batch_equals_single_chips(ours: embed.Embedder, chips: np.ndarray) -> None:
    many = np.concatenate([chips] * 3)  # more than the network takes at once
    batch = ours.embed(many)
    single = np.concatenate([ours.embed(chip[None]) for chip in chips])
    assert np.abs(batch - np.concatenate([single] * 3)).max() < 1e-5


@pytest.mark.parametrize("name", ["dlib_resnet", "dlib"])
def test_no_chips(name: str) -> None:
    for jitter in (0, 3):
        embedder = embed.create(name, jitter=jitter)
        assert embedder.embed(np.empty((0, 150, 150, 3), np.uint8)).shape == (0, 128)
        assert embedder.embed(np.empty((0, 150, 150, 3), np.uint8)).dtype == np.float32


@pytest.mark.parametrize(
    "chips",
    [
        np.zeros((150, 150, 3), np.uint8),
        np.zeros((1, 112, 112, 3), np.uint8),
        np.zeros((1, 150, 150, 3), np.float32),
        [[1]],
    ],
    ids=["one without its axis", "other size", "float", "list"],
)
def test_chips_that_are_none(ours: embed.Embedder, reference: embed.Embedder, chips) -> None:
    for embedder in (ours, reference):
        with pytest.raises(ImageError, match="chips have"):
            embedder.embed(chips)


def test_jitter(ours: embed.Embedder, reference: embed.Embedder, chips: np.ndarray) -> None:
    jittering = embed.create(device="cpu", jitter=6, engine="torch")
    some = chips[:2]
    found = jittering.embed(some)
    assert np.array_equal(found[1], jittering.embed(some[1:])[0])  # the same whatever came before
    change = np.linalg.norm(found - ours.embed(some), axis=1)
    assert ((change > 0.01) & (change < 0.4)).all()
    theirs = embed.create("dlib", jitter=6).embed(some)
    assert (np.linalg.norm(found - theirs, axis=1) < 0.2).all()
    turned = align.jittered(chips[0], 4)
    assert turned.shape == (4, 150, 150, 3)
    assert not np.array_equal(turned[0], turned[1])


def test_a_closed_embedder_says_so(chips: np.ndarray) -> None:
    for name in ("dlib_resnet", "dlib"):
        embedder = embed.create(name)
        embedder.close()
        embedder.close()
        with pytest.raises(DetectorError, match="closed"):
            embedder.embed(chips)


def test_both_make_the_same_kind_of_descriptor(ours: embed.Embedder, reference: embed.Embedder) -> None:
    assert (ours.model_id, ours.model_version) == (reference.model_id, reference.model_version)
    assert ours.device == reference.device == "cpu"
    assert embed.names()[0] == embed.DEFAULT


def test_what_cannot_be_made() -> None:
    with pytest.raises(ConfigError, match="dlib_resnet, dlib"):
        embed.create("facenet")
    with pytest.raises(ConfigError, match="jitter is -1"):
        embed.create(jitter=-1)
    with pytest.raises(ConfigError, match="float32 only"):
        embed.create("dlib", precision="bfloat16")
    with pytest.raises(ConfigError, match="precision 'int8'"):
        embed.create(precision="int8")
    with pytest.raises(DeviceError, match="tpu"):
        embed.create(device="tpu")


@pytest.mark.skipif(not NO_CUDA, reason="has CUDA")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(DeviceError, match="cuda"):
        embed.create(device="cuda")


def test_bfloat16_is_near(ours: embed.Embedder, chips: np.ndarray) -> None:
    if devices.choose_dtype("auto", torch.device("cpu")) != torch.bfloat16:
        pytest.skip("this CPU does not compute in bfloat16")
    fast = embed.create(device="cpu", precision="bfloat16", engine="torch")
    assert np.linalg.norm(fast.embed(chips) - ours.embed(chips), axis=1).max() < 0.05
