# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which images may teach a face, and what is said about the others."""

import math

import cv2
import numpy as np
import pytest
from helpers.galleries import at_distance, faces, snapshot
from skimage.data import astronaut

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.faces.align import face_chips
from face_detect_ros.faces.enrollment import (
    Accepted,
    EnrollmentOptions,
    Refusal,
    judge,
    largest_face,
    sharpness,
)
from face_detect_ros.faces.gallery.people import GallerySnapshot
from face_detect_ros.faces.matching import MatchOptions

BOX = [170.0, 70.0, 280.0, 180.0]  # the face in the image
LANDMARKS = [[250, 112], [233, 112], [197, 112], [213, 112], [224, 140]]
OPTIONS = EnrollmentOptions()
FACE = faces(1)[0]


class StubEmbedder:
    model_id = "test_model"
    model_version = "1"
    device = "cpu"

    def __init__(self, embedding: np.ndarray) -> None:
        self.embedding = embedding
        self.calls = 0

    def chips(self, image: np.ndarray, faces: Detections) -> np.ndarray:
        return face_chips(image, faces.landmarks)

    def embed(self, chips: np.ndarray) -> np.ndarray:
        assert chips.shape == (1, 150, 150, 3)
        self.calls += 1
        return self.embedding[None]

    def close(self) -> None:
        pass


def found(*boxes: list[float]) -> Detections:
    count = len(boxes)
    return Detections(boxes, [0.9] * count, [0] * count, landmarks=[LANDMARKS] * count)


def judged(image=None, detections=None, embedding=FACE, people=None, name="A", options=OPTIONS):
    embedder = StubEmbedder(embedding)
    result = judge(
        name,
        astronaut() if image is None else image,
        found(BOX) if detections is None else detections,
        embedder,
        people or GallerySnapshot.empty(),
        MatchOptions(),
        options,
    )
    early = isinstance(result, Refusal) and result.reason not in ("somebody_else", "unlike")
    assert embedder.calls == (0 if early else 1)
    return result


def test_one_clear_face():
    result = judged()
    assert isinstance(result, Accepted)
    assert result.face == 0
    np.testing.assert_array_equal(result.embedding, FACE)
    assert result.chip.shape == (150, 150, 3)
    assert result.chip.dtype == np.uint8


def test_the_largest_face_counts_where_others_are_far_away():
    result = judged(detections=found([10, 10, 50, 50], BOX, [300, 10, 350, 60]))
    assert isinstance(result, Accepted)
    assert result.face == 1


def blurred(sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(astronaut(), (0, 0), sigma)


@pytest.mark.parametrize(
    ("more", "reason", "said"),
    [
        ({"detections": Detections.empty()}, "no_face", "no face"),
        ({"detections": found(BOX, [300, 70, 400, 170])}, "several_faces", "2 faces"),
        ({"detections": found(BOX, BOX, BOX)}, "several_faces", "3 faces"),
        ({"detections": found([170, 70, 225, 125])}, "too_small", "55 px"),
        ({"detections": found([170, 70, 300, 125])}, "too_small", "55 px"),
        ({"image": blurred(4)}, "blurred", "hold still"),
        ({"image": np.full((512, 512, 3), 128, np.uint8)}, "blurred", "sharpness 0"),
        ({"people": snapshot({"B": FACE[None]})}, "somebody_else", "already 'B'"),
        (
            {"people": snapshot({"B": at_distance(FACE, 0.4)[None], "A": faces(2)[1:]})},
            "somebody_else",
            "'B'",
        ),
        ({"people": snapshot({"A": faces(2)[1:]})}, "unlike", "not look like 'A'"),
    ],
)
def test_refusals(more, reason, said):
    result = judged(**more)
    assert isinstance(result, Refusal)
    assert result.reason == reason
    assert said in result.message


def test_another_look_of_the_same_person():
    people = snapshot({"A": at_distance(FACE, 0.45)[None], "B": faces(3)[2:]})
    assert isinstance(judged(people=people), Accepted)
    people = snapshot({"A": at_distance(FACE, 0.7)[None]})  # a changed face, but no stranger's distance
    assert isinstance(judged(people=people), Accepted)


def test_limits_can_be_changed():
    assert isinstance(judged(image=blurred(4), options=EnrollmentOptions(min_sharpness=0)), Accepted)
    small = found([170, 70, 225, 125])
    assert isinstance(judged(detections=small, options=EnrollmentOptions(min_face_px=50)), Accepted)
    two = found(BOX, [300, 70, 340, 110])
    assert isinstance(judged(detections=two), Accepted)
    assert isinstance(judged(detections=two, options=EnrollmentOptions(other_face_ratio=0.3)), Refusal)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_face_px", 0),
        ("min_sharpness", -1.0),
        ("min_sharpness", math.nan),
        ("other_face_ratio", 1.5),
        ("unlike_distance", 0.0),
    ],
)
def test_options_out_of_range(name, value):
    with pytest.raises(ConfigError, match=name):
        EnrollmentOptions(**{name: value})


def chip_of(image, scale=1.0):
    return face_chips(image, np.array([LANDMARKS], np.float32) * scale)[0]


def test_sharpness_falls_with_blur_and_hardly_with_light_or_size():
    sharp = sharpness(chip_of(astronaut()))
    values = [sharpness(chip_of(blurred(sigma))) for sigma in (1, 1.5, 3, 8)]
    assert sharp > values[0] > values[1] > OPTIONS.min_sharpness > values[2] > values[3]
    dark = (astronaut() // 5).astype(np.uint8)
    assert sharpness(chip_of(dark)) == pytest.approx(sharp, rel=0.2)
    double = cv2.resize(astronaut(), None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    assert sharpness(chip_of(double, 2.0)) == pytest.approx(sharp, rel=0.2)
    assert sharpness(np.zeros((150, 150, 3), np.uint8)) == 0


def test_a_face_cut_by_the_border_is_judged():
    image = np.ascontiguousarray(astronaut()[100:])
    detections = Detections([[170, 0, 280, 80]], [0.9], [0], landmarks=[np.array(LANDMARKS) - [0, 100]])
    assert isinstance(judged(image=image, detections=detections), Accepted)
    assert largest_face(detections, OPTIONS) == 0
