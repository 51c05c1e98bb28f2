# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A second, smaller look for what fills an image."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.objects.attentive import AttentiveNetworkDetector
from face_detect_ros.detectors.objects.detector import Candidates
from face_detect_ros.detectors.objects.two_looks import TwoLooks, looking_twice

IMAGE = np.zeros((200, 200, 3), np.uint8)
FACE = (60, 60, 160, 160)
PART, SHIFTED, SMALL = (60, 60, 160, 100), (66, 60, 166, 160), (10, 10, 30, 30)


class Told:
    """A network that finds what it is told, in pixels of the image."""

    labels = ("person", "face")
    device = "cpu"
    overlapping = True
    overlap_factor = 0.5
    close_up_px, close_up_classes = 64, ("face",)

    def __init__(self, found: list[tuple[tuple[int, int, int, int], float]], longest_px: int = 256) -> None:
        self.found, self.longest_px, self.class_id = found, longest_px, 1

    def at(self, longest_px: int) -> Told:
        other = copy.copy(self)
        other.longest_px = longest_px
        return other

    def place(self, height: int, width: int) -> Letterbox:
        return Letterbox.within((height, width), self.longest_px)

    def prepare(self, images: Any, places: Any) -> Any:
        return list(places)

    def run(self, batch: Any) -> Any:
        return batch

    def decode(self, output: Any, options: DetectOptions) -> list[Candidates]:
        boxes = np.array([box for box, _ in self.found], np.float32).reshape(-1, 4)
        scores = np.array([score for _, score in self.found], np.float32)
        wanted = not options.class_ids or self.class_id in options.class_ids
        keep = np.full(len(scores), wanted) & (scores >= options.score_threshold)
        ids = np.full(len(scores), self.class_id)
        return [Candidates(place.boxes_to_input(boxes[keep]), scores[keep], ids[keep]) for place in output]

    def attend(self, batch: Any, box: Any, place: Any, class_id: int | None = None) -> np.ndarray:
        return np.ones((32, 32), np.float32)


@pytest.mark.parametrize(
    ("full", "small", "expected"),
    [
        ([], [(FACE, 0.8)], [(FACE, 0.8)]),
        ([(FACE, 0.7)], [(SHIFTED, 0.8)], [(FACE, 0.7)]),
        ([(PART, 0.5)], [(FACE, 0.8)], [(FACE, 0.8)]),
        ([(FACE, 0.8)], [(PART, 0.5)], [(FACE, 0.8)]),
        ([(SMALL, 0.6)], [(FACE, 0.8)], [(FACE, 0.8), (SMALL, 0.6)]),
        ([], [(SMALL, 0.8)], []),
        ([(FACE, 0.7)], [], [(FACE, 0.7)]),
    ],
    ids=[
        "only in the second",
        "in both",
        "a part in the first",
        "a part in the second",
        "two",
        "too small",
        "first",
    ],
)
def test_what_two_looks_find_together(full: Any, small: Any, expected: Any) -> None:
    detector = AttentiveNetworkDetector(TwoLooks(Told(full), Told(small, 64), ("face",)))
    for found in detector.detect([IMAGE, IMAGE], DetectOptions(0.25)):
        assert found.scores.tolist() == pytest.approx([score for _, score in expected])
        np.testing.assert_allclose(found.boxes, np.reshape([box for box, _ in expected], (-1, 4)), atol=0.01)
    assert detector.attention(IMAGE, np.array(FACE, np.float32)).shape == (200, 200)


def test_the_second_look_is_for_some_classes() -> None:
    small = Told([(FACE, 0.8)], 64)
    detector = AttentiveNetworkDetector(TwoLooks(Told([]), small, ("face",)))
    assert len(detector.detect([IMAGE], DetectOptions(0.25, class_ids=(0,)))[0]) == 0
    small.class_id = 0
    assert len(detector.detect([IMAGE], DetectOptions(0.25))[0]) == 0


@pytest.mark.parametrize(("longest_px", "twice"), [(256, True), (128, True), (96, False)])
def test_an_input_that_is_small_already_is_looked_at_once(longest_px: int, twice: bool) -> None:
    assert isinstance(looking_twice(Told([], longest_px)), TwoLooks) == twice


@pytest.mark.parametrize("engine", ["auto", "torch"])
def test_the_packaged_model_finds_a_face_that_fills_the_image(engine: str) -> None:
    close = cv2.resize(astronaut()[40:200, 150:310], (640, 640))
    with contextlib.closing(catalogue.create("robot", task="faces", device="cpu", engine=engine)) as model:
        options = catalogue.default_options("robot", task="faces")
        (found,) = model.detect([close], options)
        others = model.detect([np.zeros_like(close), close, np.zeros_like(close)], options)
    assert [len(found) for found in others] == [0, 1, 0]
    np.testing.assert_allclose(others[1].boxes, found.boxes, atol=2)
    assert len(found) == 1
    drawn_by_hand = np.array([[104, 88, 488, 576]], np.float32)
    assert box_geometry.iou(found.boxes, drawn_by_hand)[0, 0] > 0.5
