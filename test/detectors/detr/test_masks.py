# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Segmentation models of the DETR family: their masks beside those of the library."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from helpers import detr_models  # noqa: E402
from helpers.detr_models import MASKED, make, one, picture, save  # noqa: E402


@pytest.mark.parametrize("model_type", MASKED)
def test_masks_are_those_of_the_library(tmp_path: Path, model_type: str) -> None:
    # an image that fills the input, so that there is no padding
    image = picture(64, 64)
    path = save(tmp_path / "a", model_type, masks=True)
    detector = make(path)
    assert detector.has_masks
    found = one(detector, image)
    plain = make(save(tmp_path / "b", model_type))
    assert not plain.has_masks
    assert one(plain, image).masks is None

    model = getattr(transformers, MASKED[model_type][0]).from_pretrained(path).eval()
    if model_type == "rf_detr":
        inputs = {"pixel_values": detr_models.rf_pixels(image, 64)}
    else:
        processor = transformers.AutoImageProcessor.from_pretrained(path)
        inputs = processor(images=image, return_tensors="pt", input_data_format="channels_last")
    with torch.inference_mode():
        output = model(**inputs)
    maps = torch.nn.functional.interpolate(
        output.pred_masks, size=(64, 64), mode="bilinear", align_corners=False
    )[0].numpy()
    corners = _corners(output.pred_boxes[0].numpy(), 64)
    shown = 0
    for index, box in enumerate(found.boxes):
        query = int(np.abs(np.clip(corners, 0, 64) - box).sum(axis=1).argmin())
        (left, top), mask = found.masks.of(index)
        expected = maps[query, top : top + mask.shape[0], left : left + mask.shape[1]]
        clear = np.abs(expected) > 0.02 * np.abs(maps[query]).max()  # rounding decides on the border
        assert (mask == (expected > 0))[clear].all()
        shown += mask.any() and not mask.all()
    assert shown  # not all of them full or empty


def test_masks_follow_what_is_chosen(tmp_path: Path) -> None:
    detector = make(save(tmp_path / "a", "rf_detr", masks=True))
    images = [picture(48, 80, seed) for seed in range(2)]
    together = detector.detect(images, detr_models.EVERYTHING)
    for image, found in zip(images, together, strict=True):
        alone = one(detector, image)
        assert len(found.masks) == len(found) == len(alone)
        assert found.masks.instances().shape == (48, 80)
        chosen = found.select([2, 0])
        for place, index in enumerate((2, 0)):
            assert chosen.masks.of(place)[0] == found.masks.of(index)[0]
            np.testing.assert_array_equal(chosen.masks.of(place)[1], found.masks.of(index)[1])


def test_attention_and_another_class_filter_work_with_masks(tmp_path: Path) -> None:
    detector = make(save(tmp_path / "a", "detr", masks=True))
    image = picture(60, 100)
    found = one(detector, image)
    assert detector.attention(image, found.boxes[0]).shape == (60, 100)


def _corners(boxes: np.ndarray, side: int) -> np.ndarray:
    center, half = boxes[:, :2], boxes[:, 2:] / 2
    return np.concatenate([center - half, center + half], axis=1) * side
