# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tracks: who keeps a number, who gets a new one, and what time does to them."""

from dataclasses import dataclass

import numpy as np
import pytest

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.tracking.iou import IouTracker
from face_detect_ros.tracking.options import TrackerOptions

STEP_S = 0.1
AT_ONCE = TrackerOptions(min_hits=1)


def square(x: float, y: float = 100, side: float = 40) -> tuple[float, float, float, float]:
    return (x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def found(*boxes: tuple[float, ...], class_ids: list[int] | None = None) -> Detections:
    count = len(boxes)
    return Detections(np.array(boxes).reshape(-1, 4), np.full(count, 0.9), class_ids or [0] * count)


def at(step: float) -> int:
    return 1_700_000_000_000_000_000 + round(step * STEP_S * 1e9)


def run(tracker: IouTracker, pictures: list[list[tuple[float, ...]]]) -> list[list[int]]:
    return [tracker.update(found(*boxes), at(step)).track_ids.tolist() for step, boxes in enumerate(pictures)]


@dataclass
class Case:
    """The boxes of one image after the other, and the numbers that they should get."""

    pictures: list[list[tuple[float, ...]]]
    ids: list[list[int]]


NOTHING: list[tuple[float, ...]] = []
CASES = {
    "nothing": Case([NOTHING] * 3, [[]] * 3),
    "one that stands still": Case([[square(100)]] * 4, [[1]] * 4),
    "one that moves": Case([[square(100 + 15 * t)] for t in range(8)], [[1]] * 8),
    "one that moves by three quarters of its width": Case(
        [[square(100 + 30 * t)] for t in range(6)], [[1]] * 6
    ),
    "one that grows": Case([[square(100, side=40 * 1.2**t)] for t in range(8)], [[1]] * 8),
    "birth": Case([[square(100)], [square(100), square(300)]], [[1], [1, 2]]),
    "birth listed first": Case([[square(100)], [square(300), square(100)]], [[1], [2, 1]]),
    "death, and another elsewhere": Case([[square(100)], NOTHING, [square(300)]], [[1], [], [2]]),
    "the order of detections does not matter": Case(
        [[square(100), square(300)], [square(300), square(100)]], [[1, 2], [2, 1]]
    ),
    "missed in a few images": Case(
        [[square(100)]] * 3 + [NOTHING] * 5 + [[square(100)]], [[1]] * 3 + [[]] * 5 + [[1]]
    ),
    "missed while moving": Case(
        [[square(100 + 20 * t)] for t in range(4)] + [NOTHING] * 3 + [[square(100 + 20 * 7)]],
        [[1]] * 4 + [[]] * 3 + [[1]],
    ),
    "missed for longer than max_age_s": Case(
        [[square(100)]] + [NOTHING] * 11 + [[square(100)]], [[1]] + [[]] * 11 + [[2]]
    ),
    "crossing on two lines": Case(
        [[square(100 + 20 * t, 100), square(300 - 20 * t, 125)] for t in range(11)], [[1, 2]] * 11
    ),
    "crossing unseen in the middle": Case(
        [[square(100 + 20 * t), square(300 - 20 * t)] for t in range(4)]
        + [NOTHING] * 3
        + [[square(100 + 20 * t), square(300 - 20 * t)] for t in range(7, 11)],
        [[1, 2]] * 4 + [[]] * 3 + [[1, 2]] * 4,
    ),
    "two detections of one face": Case(
        [[square(100)], [square(102), square(110)], [square(102)]], [[1], [1, 2], [1]]
    ),
    "two side by side": Case([[square(100), square(145)], [square(105), square(150)]], [[1, 2], [1, 2]]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_numbers(case: Case) -> None:
    assert run(IouTracker(AT_ONCE), case.pictures) == case.ids


def test_many() -> None:
    start = [square(60 * i, 60 * j) for i in range(10) for j in range(10)]
    shuffled = np.random.default_rng(0).permutation(100)
    tracker = IouTracker(AT_ONCE)
    (first,) = run(tracker, [start])
    moved = [tuple(v + 8 for v in start[i]) for i in shuffled]
    second = tracker.update(found(*moved), at(1)).track_ids
    assert first == list(range(1, 101))
    assert second.tolist() == [first[i] for i in shuffled]


def test_classes_are_kept_apart() -> None:
    tracker = IouTracker(AT_ONCE)
    assert tracker.update(found(square(100), square(100), class_ids=[0, 1]), at(0)).track_ids.tolist() == [
        1,
        2,
    ]
    assert tracker.update(found(square(100), square(100), class_ids=[1, 0]), at(1)).track_ids.tolist() == [
        2,
        1,
    ]
    assert tracker.update(found(square(100), class_ids=[7]), at(2)).track_ids.tolist() == [3]


def test_everything_else_is_passed_on() -> None:
    before = Detections(
        [square(100), square(200)],
        [0.5, 0.75],
        [3, 4],
        track_ids=[77, 78],
        landmarks=np.ones((2, 5, 2)),
        embeddings=np.ones((2, 128)),
    )
    after = IouTracker(AT_ONCE).update(before, 0)
    for name in ("boxes", "scores", "class_ids", "landmarks", "embeddings"):
        assert np.array_equal(getattr(before, name), getattr(after, name))
    assert after.track_ids.tolist() == [1, 2]
    assert before.track_ids.tolist() == [77, 78]
    assert IouTracker(AT_ONCE).update(Detections.empty(), 0).track_ids.shape == (0,)


def test_stamps_a_moment_apart_do_not_throw_a_track_off() -> None:
    tracker = IouTracker(AT_ONCE)
    tracker.update(found(square(100)), 0)
    tracker.update(found(square(103)), 1)  # 3 px in a nanosecond
    assert tracker.update(found(square(100)), 100_000_000).track_ids.tolist() == [1]


def test_two_instances_side_by_side_are_as_each_alone() -> None:
    case = CASES["crossing on two lines"]
    a, b = IouTracker(AT_ONCE), IouTracker(AT_ONCE)
    together = []
    for step, boxes in enumerate(case.pictures):
        together.append(a.update(found(*boxes), at(step)).track_ids.tolist())
        b.update(found(square(500), square(600), square(700)), at(step))
    assert together == case.ids


def test_the_same_input_gives_the_same_numbers() -> None:
    def numbers() -> list[list[int]]:
        generator = np.random.default_rng(3)
        pictures = [
            [square(x, y) for x, y in generator.uniform(0, 400, (generator.integers(0, 30), 2))]
            for _ in range(30)
        ]
        return run(IouTracker(AT_ONCE), pictures)

    assert numbers() == numbers()
    for ids in numbers():
        assert len(set(ids)) == len(ids)


def test_options_decide() -> None:
    pictures = [[square(100)], [square(125)]]  # IoU 0.23
    assert run(IouTracker(AT_ONCE, iou_threshold=0.2, search_margin=0.0), pictures) == [[1], [1]]
    assert run(IouTracker(AT_ONCE, iou_threshold=0.3, search_margin=0.0), pictures) == [[1], [2]]
    assert run(IouTracker(AT_ONCE, iou_threshold=0.3, search_margin=0.5), pictures) == [[1], [1]]
    gap = [[square(100)], NOTHING, [square(100)]]
    assert run(IouTracker(TrackerOptions(min_hits=1, max_age_s=0.15, max_age_images=0)), gap) == [
        [1],
        [],
        [2],
    ]
    assert run(IouTracker(TrackerOptions(min_hits=1, max_age_s=0.2, max_age_images=0)), gap) == [[1], [], [1]]


@pytest.mark.parametrize(
    "wrong", [{"iou_threshold": 0.0}, {"iou_threshold": 1.1}, {"search_margin": float("nan")}], ids=str
)
def test_bad_arguments_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        IouTracker(**wrong)


@pytest.mark.parametrize("box", [(5, 5, 5, 5), (50, 50, 20, 20), (-1e6, -1e6, 1e6, 1e6)], ids=str)
def test_degenerate_boxes_get_a_number_too(box: tuple[float, ...]) -> None:
    tracker = IouTracker(AT_ONCE)
    for step in range(3):
        assert len(tracker.update(found(box, square(100)), at(step)).track_ids) == 2
