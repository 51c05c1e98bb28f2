# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Boxes move with their pixels, whatever the plan."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.training.data.augment import GREY, Example, Plan, Source, Tile, View, draw_plan, render
from face_detect_ros.training.options import AugmentOptions

SIDE = 96
GEOMETRY_ONLY = {"hue": 0.0, "saturation": 0.0, "value": 0.0}
STILL = AugmentOptions(mosaic=0, mixup=0, flip=0, scale=0, shift=0, **GEOMETRY_ONLY)


def marked(number: int, height: int, width: int) -> Source:
    """A black image with one bright rectangle of a color of its own, which is its box."""
    image = np.zeros((height, width, 3), np.uint8)
    left, top, right, bottom = width // 4, height // 3, width // 4 + width // 2, height // 3 + height // 2
    image[top:bottom, left:right, number % 3] = 255
    return Source(
        image, np.array([[left, top, right, bottom]], np.float32), np.array([number]), np.zeros(1, bool)
    )


SOURCES = [marked(0, 60, 90), marked(1, 120, 80), marked(2, 64, 64)]
SIZES = [source.image.shape[:2] for source in SOURCES]


def whole(source: int, sizes: list[tuple[int, int]]) -> Plan:
    """The image alone and unchanged but for its size."""
    return draw_plan(np.random.default_rng(0), source, sizes, SIDE, STILL)


def bright(image: np.ndarray, channel: int, window: tuple[int, int, int, int]) -> np.ndarray | None:
    """xyxy of the pixels inside `window` that are more than half bright in `channel` and dark in another."""
    left, top, right, bottom = window
    part = image[top:bottom, left:right].astype(int)
    rows, columns = np.nonzero((part[..., channel] > 127) & (part[..., (channel + 1) % 3] < 64))
    if not len(rows):
        return None
    return np.array([columns.min() + left, rows.min() + top, columns.max() + 1 + left, rows.max() + 1 + top])


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), mosaic=st.booleans(), first=st.integers(0, 2))
def test_boxes_lie_where_their_pixels_lie(seed: int, mosaic: bool, first: int) -> None:
    options = AugmentOptions(mosaic=float(mosaic), mixup=0.0, **GEOMETRY_ONLY)
    plan = draw_plan(np.random.default_rng(seed), first, SIZES, SIDE, options)
    example = render(plan, SOURCES.__getitem__, SIDE)
    (view,) = plan.views
    assert len(view.tiles) == (4 if mosaic else 1)
    found = 0
    for tile in view.tiles:
        alone = render(Plan((View((tile,), view.gains),)), SOURCES.__getitem__, SIDE)
        seen = bright(example.image, tile.source % 3, tile.window)
        if len(alone.boxes) == 0:
            # less than half a pixel of it can be in the window
            assert seen is None or (seen[2:] - seen[:2]).min() <= 1
            continue
        found += 1
        box = alone.boxes[0]
        if (box[2:] - box[:2]).min() > 3:
            assert seen is not None
            assert np.abs(seen - box).max() <= 1.0
    assert len(example.boxes) == found


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_what_is_given_is_inside_and_well_formed(seed: int) -> None:
    plan = draw_plan(np.random.default_rng(seed), 0, SIZES, SIDE, AugmentOptions(mixup=0.5))
    example = render(plan, SOURCES.__getitem__, SIDE)
    assert example.image.shape == (SIDE, SIDE, 3)
    assert example.image.dtype == np.uint8
    assert example.boxes.dtype == np.float32
    assert (example.boxes >= 0).all()
    assert (example.boxes <= SIDE).all()
    assert (example.boxes[:, 2:] > example.boxes[:, :2]).all()
    assert len(example.boxes) == len(example.class_ids) == len(example.ignored)
    assert set(example.class_ids) <= set(example.sources)


@pytest.mark.parametrize("seed", range(20))
def test_a_close_up_shows_one_box_large(seed: int) -> None:
    still = {**GEOMETRY_ONLY, "shift": 0.0, "mosaic": 1.0, "mixup": 0.0}
    plan = draw_plan(
        np.random.default_rng(seed),
        0,
        SIZES,
        SIDE,
        AugmentOptions(close_up=1.0, **still),
        SOURCES.__getitem__,
    )
    example = render(plan, SOURCES.__getitem__, SIDE)
    assert example.sources == (0,)
    (box,) = example.boxes
    assert 0.19 * SIDE <= (box[2:] - box[:2]).max() <= 0.81 * SIDE
    np.testing.assert_allclose((box[:2] + box[2:]) / 2, SIDE / 2, atol=1)
    seen = bright(example.image, 0, (0, 0, SIDE, SIDE))
    assert seen is not None
    assert np.abs(seen - box).max() <= 1.5


def test_without_a_box_there_is_no_close_up() -> None:
    empty = Source(SOURCES[0].image, np.empty((0, 4), np.float32), np.empty(0, int), np.empty(0, bool))
    options = AugmentOptions(close_up=1.0)
    plan = draw_plan(np.random.default_rng(0), 0, SIZES, SIDE, options, lambda _: empty)
    assert len(plan.views[0].tiles) == 4


def test_the_same_random_numbers_give_the_same_image() -> None:
    def one(seed: int) -> Example:
        random = np.random.default_rng(seed)
        return render(draw_plan(random, 1, SIZES, SIDE, AugmentOptions()), SOURCES.__getitem__, SIDE)

    np.testing.assert_array_equal(one(7).image, one(7).image)
    assert (one(7).image != one(8).image).any()


def test_whole_images_keep_their_shape_and_lie_in_the_middle() -> None:
    example = render(whole(0, SIZES), SOURCES.__getitem__, SIDE)  # 60 x 90
    assert (example.image[:16] == GREY).all()
    assert (example.image[-16:] == GREY).all()
    assert (example.image[16] != GREY).all()
    per_px = SIDE / 90
    expected = [22 * per_px, 16 + 20 * per_px, 67 * per_px, 16 + 50 * per_px]
    np.testing.assert_allclose(example.boxes, [expected], rtol=1e-5)


def test_a_flip_is_a_mirror_image() -> None:
    source = SOURCES[0]
    height, width = SIZES[0]
    tile = Tile(0, 1.0, True, 0.0, 0.0, (0, 0, width, height))
    example = render(Plan((View((tile,), (1.0, 1.0, 1.0)),)), SOURCES.__getitem__, SIDE)
    np.testing.assert_array_equal(example.image[:height, :width], source.image[:, ::-1])
    left, top, right, bottom = source.boxes[0]
    np.testing.assert_allclose(example.boxes, [[width - right, top, width - left, bottom]])


@pytest.mark.parametrize(
    ("shift", "ignored"), [(0.0, False), (-48.0, False), (-64.0, True)], ids=["whole", "half", "a sliver"]
)
def test_of_what_is_cut_away_a_sliver_is_ignored(shift: float, ignored: bool) -> None:
    tile = Tile(0, 1.0, False, shift, 0.0, (0, 0, max(1, 90 + int(shift)), 60))  # the box is from 22 to 67
    example = render(Plan((View((tile,), (1.0, 1.0, 1.0)),)), SOURCES.__getitem__, SIDE)
    assert example.ignored.tolist() == [ignored]


def test_mixup_shows_both_and_forgets_what_either_does_not_know() -> None:
    bright, dark = np.full((96, 96, 3), 200, np.uint8), np.zeros((96, 96, 3), np.uint8)
    box = np.array([[0, 0, 9, 9]], np.float32)
    sources = [
        Source(bright, box, np.array([0]), np.zeros(1, bool), frozenset({1})),
        Source(dark, box, np.array([2]), np.ones(1, bool), frozenset({3})),
    ]
    plan = Plan(tuple(whole(number, [(96, 96)] * 2).views[0] for number in (0, 1)), share=0.25)
    example = render(plan, sources.__getitem__, SIDE)
    assert (example.image == 50).all()
    assert example.class_ids.tolist() == [0, 2]
    assert example.ignored.tolist() == [False, True]
    assert example.unknown == {1, 3}
    assert example.sources == (0, 1)


def test_colors_change_by_no_more_than_allowed() -> None:
    source = Source(
        np.full((96, 96, 3), (180, 90, 60), np.uint8), np.empty((0, 4)), np.empty(0), np.empty(0, bool)
    )
    values = []
    for seed in range(40):
        options = AugmentOptions(mosaic=0, mixup=0, scale=0, shift=0, hue=0, saturation=0, value=0.4)
        example = render(
            draw_plan(np.random.default_rng(seed), 0, [(96, 96)], SIDE, options), lambda _: source, SIDE
        )
        values.append(int(example.image[48, 48].max()))
    assert min(values) >= 180 * 0.6 - 2
    assert max(values) <= 180 * 1.4 + 2
    assert max(values) - min(values) > 60


@pytest.mark.parametrize("name", ["mosaic", "mixup", "flip", "scale", "hue"])
def test_amounts_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"augmentation {name} is 1.5"):
        AugmentOptions(**{name: 1.5})
