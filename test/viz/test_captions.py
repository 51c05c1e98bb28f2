# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where captions go: inside the image, beside their boxes, not over each other."""

import numpy as np
import pytest

from face_detect_ros.viz.captions import place_captions

IMAGE = (640, 480)
LONG, SHORT = (90, 18), (30, 18)
GAP = 3


def place(*boxes: tuple[float, ...], image: tuple[int, int] = IMAGE) -> list[tuple[int, ...] | None]:
    """x, y, right and bottom of each caption; None where it is left out."""
    sizes = np.array([[LONG, SHORT]] * len(boxes)).reshape(-1, 2, 2)
    shown, corners = place_captions(np.array(boxes, float).reshape(-1, 4), sizes, image, GAP)
    return [
        None if version < 0 else (x, y, x + sizes[0, version, 0], y + sizes[0, version, 1])
        for version, (x, y) in zip(shown.tolist(), corners.tolist(), strict=True)
    ]


def overlap(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0) * max(high, 0)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param((200, 200, 300, 300), (200, 179), id="above"),
        pytest.param((200, 5, 300, 100), (200, 103), id="below, for want of room above"),
        pytest.param((600, 200, 640, 300), (550, 179), id="slides along the right edge"),
        pytest.param((-60, 200, 40, 300), (0, 179), id="slides along the left edge"),
        pytest.param((200, 5, 300, 478), (303, 5), id="at the right"),
        pytest.param((540, 5, 640, 478), (447, 5), id="at the left"),
        pytest.param((0, 0, 640, 480), (3, 3), id="inside"),
    ],
)
def test_one_caption(box: tuple[int, ...], expected: tuple[int, int]) -> None:
    (caption,) = place(box)
    assert caption == (*expected, expected[0] + LONG[0], expected[1] + LONG[1])


def test_nothing_to_place() -> None:
    assert place() == []


def test_a_caption_does_not_cover_a_neighbor() -> None:
    """The usual place of the lower box's caption would hide the upper box."""
    upper, lower = (200, 100, 230, 120), (200, 125, 300, 300)
    _, caption = place(upper, lower)
    assert overlap(caption, upper) == 0


def test_captions_of_close_boxes_avoid_each_other() -> None:
    captions = place((200, 200, 220, 230), (225, 200, 245, 230), (250, 200, 270, 230))
    assert None not in captions
    for index, caption in enumerate(captions):
        assert all(overlap(caption, other) == 0 for other in captions[:index])


@pytest.mark.parametrize("count", [1, 10, 60, 300])
def test_a_crowd(count: int) -> None:
    """All inside, none over another by more than a tenth, and left out only where it is really full."""
    random = np.random.default_rng(count)
    corners = random.uniform((0, 0), IMAGE, (count, 2))
    boxes = np.concatenate([corners, corners + random.uniform(5, 150, (count, 2))], axis=1)
    captions = [caption for caption in place(*boxes) if caption is not None]
    for index, (left, top, right, bottom) in enumerate(captions):
        assert left >= 0
        assert top >= 0
        assert right <= IMAGE[0]
        assert bottom <= IMAGE[1]
        for other in captions[:index]:
            smaller = min((right - left) * (bottom - top), (other[2] - other[0]) * (other[3] - other[1]))
            assert overlap((left, top, right, bottom), other) <= 0.1 * smaller
    assert len(captions) >= {1: 1, 10: 10, 60: 55, 300: 100}[count]


def test_the_first_captions_get_the_room() -> None:
    captions = place(*[(100, 100, 130, 130)] * 50)
    assert captions[0] is not None
    assert captions[0][2] - captions[0][0] == LONG[0]
    assert None in captions


@pytest.mark.parametrize("image", [(1, 1), (20, 300), (300, 10)])
def test_images_smaller_than_a_caption(image: tuple[int, int]) -> None:
    (caption,) = place((0, 0, *image), image=image)
    assert caption is not None
    assert min(caption[:2]) >= 0
    assert caption[0] < image[0]
    assert caption[1] < image[1]


@pytest.mark.parametrize(
    "box", [(-1e9, -1e9, 1e9, 1e9), (1e7, 1e7, 2e7, 2e7), (10, 10, 10, 10), (50, 50, 20, 20)]
)
def test_any_box_has_a_caption_inside(box: tuple[float, ...]) -> None:
    (caption,) = place(box)
    assert caption is not None
    assert 0 <= caption[0] <= caption[2] <= IMAGE[0]
    assert 0 <= caption[1] <= caption[3] <= IMAGE[1]
