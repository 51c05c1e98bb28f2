# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Recognition from images: enrolled upright in good light, seen otherwise; never taken for somebody else."""

import cv2
import numpy as np
import pytest
from helpers.paths import SHARED
from skimage.data import astronaut

from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors import catalogue
from face_detect_ros.faces import align
from face_detect_ros.faces.embedders import catalogue as embed
from face_detect_ros.faces.embedders.catalogue import Embedder
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.faces.gallery.people import GallerySnapshot
from face_detect_ros.faces.matching import match
from face_detect_ros.faces.options import MatchOptions

LFW = SHARED / "lfw" / "images"
EILEEN = np.ascontiguousarray(astronaut()[:256, 95:351])


def rotated(image: np.ndarray, degrees: float) -> np.ndarray:
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)


def gray(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


# how an image changes, and whether a name is expected (else unknown is as good)
CHANGES = {
    "as it is": (lambda image: image, True),
    "rotated left": (lambda image: rotated(image, 15), True),
    "rotated right": (lambda image: rotated(image, -15), True),
    "dark": (lambda image: image // 4, True),
    "very dark": (lambda image: image // 12, False),
    "dark and rotated": (lambda image: rotated(image // 5, 15), False),
    "overexposed": (lambda image: np.clip(image * 1.8, 0, 255).astype(np.uint8), False),
    "gray": (gray, True),
    "out of focus": (lambda image: cv2.GaussianBlur(image, (0, 0), 2), False),
}


@pytest.fixture(scope="module")
def detector() -> Detector:
    return catalogue.create("mmod", task="faces")


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return embed.create()


def look(detector: Detector, embedder: Embedder, image: np.ndarray) -> np.ndarray:
    """(1, 128), of the face in the middle; (0, 128) where none is found."""
    (faces,) = detector.detect([image], DetectOptions(min_size_px=60))
    if not len(faces):
        return np.empty((0, 128), np.float32)
    middle = np.array(image.shape[1::-1]) / 2
    nearest = int(np.abs((faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2 - middle).sum(axis=1).argmin())
    return embedder.embed(align.face_chips(image, faces.landmarks[[nearest]]))


def people() -> dict[str, np.ndarray]:
    pictures = {"Eileen": EILEEN}
    for folder in sorted(LFW.iterdir())[::60][:8] if LFW.is_dir() else ():
        path = min(folder.glob("*.jpg"))
        pictures[folder.name] = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return pictures


@pytest.fixture(scope="module")
def snapshot(detector, embedder, tmp_path_factory) -> GallerySnapshot:
    path = tmp_path_factory.mktemp("people") / "gallery.sqlite3"
    with Gallery(path, embedder.model_id, embedder.model_version) as gallery:
        for name, image in people().items():
            gallery.enroll(name, look(detector, embedder, image), "an image")
        return gallery.snapshot()


@pytest.mark.parametrize(("change", "named"), CHANGES.values(), ids=CHANGES)
def test_never_somebody_else(detector, embedder, snapshot, change, named: bool) -> None:
    for name, image in people().items():
        vectors = look(detector, embedder, change(image))
        names = [found.name for found in match(vectors, snapshot, MatchOptions())]
        assert set(names) <= {name, None}
        if named:
            assert names == [name]


@pytest.mark.parametrize(("change", "named"), CHANGES.values(), ids=CHANGES)
@pytest.mark.skipif(not LFW.is_dir(), reason="needs ../shared/data/lfw")
def test_a_stranger_stays_unknown(detector, embedder, snapshot, change, named: bool) -> None:
    for folder in sorted(LFW.iterdir())[30::60][:6]:
        image = cv2.cvtColor(cv2.imread(str(min(folder.glob("*.jpg")))), cv2.COLOR_BGR2RGB)
        vectors = look(detector, embedder, change(image))
        assert {found.name for found in match(vectors, snapshot, MatchOptions())} <= {None}
