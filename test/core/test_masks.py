# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Masks: prototypes and maps, letterboxes, boxes that end them, choosing, outlines."""

from __future__ import annotations

import numpy as np
import pytest

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.masks import Masks
from face_detect_ros.viz.outlines import polygons

PLACE = Letterbox.fit((40, 80), (64, 64))  # reduced to 32 x 64, 16 rows of padding above and below


def left_half() -> np.ndarray:
    """(1, 16, 16) logits over the input: positive in its left half."""
    return np.where(np.arange(16) < 8, 1.0, -1.0)[None, None].repeat(16, axis=1).astype(np.float32)


def masks(*boxes: tuple[float, ...]) -> Masks:
    found = np.array(boxes, np.float32)
    return Masks(left_half(), np.ones((len(boxes), 1), np.float32), found, PLACE)


def test_a_mask_ends_at_its_logits_and_at_its_box() -> None:
    whole, part, beyond = (
        masks((0, 0, 80, 40), (30.2, 10, 50, 20), (-9, 30, 10, 99)).of(i) for i in range(3)
    )
    assert whole[0] == (0, 0)
    assert whole[1].shape == (40, 80)
    assert whole[1][:, :40].all()
    assert not whole[1][:, 40:].any()
    assert part[0] == (30, 10)
    assert part[1].shape == (10, 20)
    assert part[1].sum() == 10 * 10
    assert beyond[0] == (0, 30)
    assert beyond[1].shape == (10, 10)
    assert beyond[1].all()


def test_an_empty_box_has_no_mask() -> None:
    assert masks((90, 0, 99, 9)).of(0)[1].size == 0
    assert masks((90, 0, 99, 9)).instances().sum() == 0


def test_maps_and_prototypes_say_the_same() -> None:
    boxes = np.array([(0, 0, 80, 40), (0, 0, 80, 40)], np.float32)
    maps = np.concatenate([left_half(), -left_half()])
    own = Masks(maps, None, boxes, PLACE)
    summed = Masks(maps, np.array([[2, 1], [0, 1]], np.float32), boxes, PLACE)
    for index in range(2):
        np.testing.assert_array_equal(own.of(index)[1], summed.of(index)[1])


def test_instances_have_the_best_on_top() -> None:
    numbers = masks((10, 10, 30, 30), (0, 0, 80, 40)).instances()
    assert numbers.dtype == np.uint16
    assert numbers.shape == (40, 80)
    assert (numbers[10:30, 10:30] == 1).all()
    assert numbers[0, 0] == numbers[39, 39] == 2
    assert not numbers[:, 40:].any()


def test_masks_are_chosen_with_their_detections() -> None:
    boxes = [(0, 0, 80, 40), (10, 10, 30, 30), (20, 0, 60, 40)]
    found = Detections(np.array(boxes), np.array([0.9, 0.8, 0.7]), np.zeros(3), masks=masks(*boxes))
    for index in ([2, 0], np.array([False, True, False]), slice(1, 3), []):
        chosen = found.select(index)
        assert len(chosen.masks) == len(chosen)
        np.testing.assert_array_equal(chosen.masks.boxes, chosen.boxes)
    assert found.select([1]).masks.of(0)[0] == (10, 10)
    with pytest.raises(ValueError, match="3 masks for 1 boxes"):
        Detections(np.array(boxes[:1]), np.ones(1), np.zeros(1), masks=masks(*boxes))


def test_keypoints_are_chosen_with_their_detections() -> None:
    points = np.arange(18, dtype=np.float32).reshape(2, 3, 3)
    found = Detections(np.array([(0, 0, 8, 8)] * 2), np.ones(2), np.zeros(2), keypoints=points)
    np.testing.assert_array_equal(found.select([1]).keypoints, points[1:])
    assert found.select([]).keypoints.shape == (0, 3, 3)
    with pytest.raises(ValueError, match="keypoints has shape"):
        Detections(np.array([(0, 0, 8, 8)]), np.ones(1), np.zeros(1), keypoints=points)


def test_outlines() -> None:
    (outline,) = polygons(masks((10, 10, 30, 30)), 0)
    assert sorted(map(tuple, outline)) == [(10, 10), (10, 29), (29, 10), (29, 29)]
    assert polygons(masks((50, 10, 70, 30)), 0) == []
