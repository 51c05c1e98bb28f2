# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What every tracker of the catalogue promises, whatever its method."""

import numpy as np
import pytest

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.tracking import catalogue
from face_detect_ros.tracking.options import TrackerOptions
from face_detect_ros.tracking.protocol import NO_TRACK, Tracker, has_track

EVERY_TRACKER = pytest.mark.parametrize("name", catalogue.TRACKERS)
MS = 1_000_000
START_NS = 1_700_000_000_000 * MS


def found(*centers_x: float, scores: float | list[float] = 0.9) -> Detections:
    """A square of 40 px at each x."""
    boxes = [(x - 20, 80, x + 20, 120) for x in centers_x]
    return Detections(boxes, np.broadcast_to(scores, len(boxes)), np.zeros(len(boxes)))


def tracker_of(name: str, **options: float) -> Tracker:
    """Publishes ids at once unless told otherwise."""
    return catalogue.create(name, TrackerOptions(**{"min_hits": 1, **options}))


def ids_of(tracker: Tracker, detections: Detections, ms: float, **more: float) -> list[int]:
    tracked = tracker.update(detections, START_NS + round(ms * MS), **more)
    assert np.array_equal(tracked.boxes, detections.boxes)
    assert tracked.track_ids is not None
    return tracked.track_ids.tolist()


@EVERY_TRACKER
@pytest.mark.parametrize("hz", [0.2, 1, 2, 5, 10, 30, 60])
def test_a_thing_keeps_its_id_at_every_rate(name: str, hz: float) -> None:
    tracker = tracker_of(name)
    generator = np.random.default_rng(0)
    # the same jitter of the clock and of the detector for all rates
    for step, (jitter_ms, shift) in enumerate(generator.normal(0, [3, 1], (20, 2))):
        ms = step * 1000 / hz + jitter_ms
        assert ids_of(tracker, found(100 + shift, 400 - shift), ms) == [1, 2]


@EVERY_TRACKER
def test_a_moving_thing_keeps_its_id_through_dropped_images(name: str) -> None:
    tracker = tracker_of(name)
    for step in [0, 1, 2, 4, 5, 9, 10, 11, 14, 20, 21]:
        assert ids_of(tracker, found(100 + 4 * step), step * 33) == [1]


@EVERY_TRACKER
def test_a_few_missed_detections_do_not_end_a_track_at_a_slow_rate(name: str) -> None:
    tracker = tracker_of(name)
    assert ids_of(tracker, found(100), 0) == [1]
    for step in range(1, 4):
        ids_of(tracker, found(), 2000 * step)
    assert ids_of(tracker, found(100), 8000) == [1]


@EVERY_TRACKER
def test_a_long_gap_ends_a_track(name: str) -> None:
    tracker = tracker_of(name)
    assert ids_of(tracker, found(100), 0) == [1]
    assert ids_of(tracker, found(100), 3_600_000) == [2]


@EVERY_TRACKER
def test_images_slightly_out_of_order_keep_their_ids(name: str) -> None:
    tracker = tracker_of(name)
    for step in range(20):
        ms = 50 * step - (27 if step % 3 == 2 else 0) - (30 if step % 3 == 2 else 0)
        assert ids_of(tracker, found(100 + ms / 10), ms) == [1]


@EVERY_TRACKER
def test_two_publishers_on_one_topic_keep_their_ids(name: str) -> None:
    tracker = tracker_of(name)
    for step in range(41):
        if step % 2:
            assert ids_of(tracker, found(300, 400), 33 * step - 60) == [2, 3]
        else:
            assert ids_of(tracker, found(100), 33 * step) == [1]


@EVERY_TRACKER
def test_a_late_image_ages_nothing(name: str) -> None:
    tracker = tracker_of(name, max_age_s=0.0, max_age_images=1, lost_age_s=0.0)
    ids_of(tracker, found(100), 1000)
    for _ in range(4):
        ids_of(tracker, found(), 900)
    assert ids_of(tracker, found(100), 1100) == [1]


@EVERY_TRACKER
def test_time_that_starts_again_starts_new_tracks(name: str) -> None:
    tracker = tracker_of(name)
    assert [ids_of(tracker, found(100), ms) for ms in (10_000, 10_100)] == [[1], [1]]
    assert [ids_of(tracker, found(100), ms) for ms in (0, 100)] == [[2], [2]]


@EVERY_TRACKER
def test_reset_forgets_tracks_but_not_their_ids(name: str) -> None:
    tracker = tracker_of(name)
    ids_of(tracker, found(100), 0)
    tracker.reset()
    assert ids_of(tracker, found(100), 100) == [2]


@EVERY_TRACKER
@pytest.mark.parametrize("stamp_ns", [0, START_NS], ids=["zero", "constant"])
@pytest.mark.parametrize("arrivals", [True, False], ids=["arrival known", "arrival unknown"])
def test_without_usable_stamps_ages_follow_arrival_or_the_number_of_images(
    name: str, stamp_ns: int, arrivals: bool
) -> None:
    tracker = tracker_of(name, max_age_images=0, lost_age_s=0.0)
    period_s = 0.3

    def see(detections: Detections, step: int) -> list[int]:
        arrival_s = step * period_s if arrivals else None
        return tracker.update(detections, stamp_ns, arrival_s=arrival_s).track_ids.tolist()

    for step in range(3):
        assert see(found(100), step) == [1]
    for step in range(3, 8):  # 1.8 s by arrival, 0.2 s at the assumed rate
        see(found(), step)
    assert see(found(100), 8) == [2 if arrivals else 1]


@EVERY_TRACKER
def test_a_weak_detection_continues_a_track_but_starts_none(name: str) -> None:
    tracker = tracker_of(name)
    assert ids_of(tracker, found(100, 300, scores=[0.9, 0.3]), 0, score_threshold=0.5) == [1, NO_TRACK]
    assert ids_of(tracker, found(100, 300, scores=[0.3, 0.3]), 100, score_threshold=0.5) == [1, NO_TRACK]
    tracked = tracker.update(found(100, 300), START_NS + 200 * MS, score_threshold=0.5)
    assert tracked.track_ids.tolist() == [1, 2]
    assert has_track(tracked).all()


@EVERY_TRACKER
def test_an_id_is_published_once_a_thing_was_seen_often_enough(name: str) -> None:
    tracker = tracker_of(name, min_hits=3)
    assert [ids_of(tracker, found(100), 100 * step) for step in range(4)] == [[-1], [-1], [1], [1]]
    assert has_track(tracker.update(found(100, 300), START_NS + 400 * MS)).tolist() == [True, False]


@EVERY_TRACKER
def test_a_thing_that_every_second_image_shows_gets_an_id(name: str) -> None:
    tracker = tracker_of(name, min_hits=3)
    seen = [ids_of(tracker, found(100) if step % 2 == 0 else found(), 33 * step) for step in range(7)]
    assert seen[::2] == [[-1], [-1], [1], [1]]


@pytest.mark.parametrize(("hz", "images"), [(30, 4), (10, 4), (5, 3), (3, 2), (1, 2)])
def test_a_slow_source_needs_fewer_images_to_confirm_a_thing(hz: float, images: int) -> None:
    tracker = catalogue.create("motion")
    seen = [ids_of(tracker, found(100), step * 1000 / hz) for step in range(5)]
    assert seen == [[-1]] * (images - 1) + [[1]] * (5 - images + 1)


@EVERY_TRACKER
def test_a_track_goes_on_under_an_earlier_id(name: str) -> None:
    tracker = tracker_of(name, min_hits=3, max_age_s=0.2, max_age_images=0, lost_age_s=5.0)
    for step in range(4):
        ids_of(tracker, found(100), 33 * step)
    assert ids_of(tracker, found(500), 1000) == [-2]
    tracker.rename(-2, 1)
    assert ids_of(tracker, found(500), 1033) == [1]
    assert ids_of(tracker, found(100, 500), 1066) == [-3, 1]  # nothing else has that id
    tracker.rename(99, 7)
    tracker.rename(1, 1)
    assert ids_of(tracker, found(100, 500), 1100) == [-3, 1]


@EVERY_TRACKER
def test_everything_else_is_passed_on(name: str) -> None:
    before = Detections(
        [(80, 80, 120, 120), (180, 80, 220, 120)],
        [0.5, 0.75],
        [3, 4],
        track_ids=[77, 78],
        landmarks=np.ones((2, 5, 2)),
        embeddings=np.ones((2, 128)),
    )
    after = tracker_of(name).update(before, 0)
    for field in ("boxes", "scores", "class_ids", "landmarks", "embeddings"):
        assert np.array_equal(getattr(before, field), getattr(after, field))
    assert after.track_ids.tolist() == [1, 2]
    assert before.track_ids.tolist() == [77, 78]


@EVERY_TRACKER
def test_nothing_is_tracked_as_nothing(name: str) -> None:
    tracked = tracker_of(name).update(Detections.empty(), 0)
    assert tracked.track_ids.shape == (0,)
    assert not has_track(Detections.empty()).size


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_hits": 0},
        {"max_age_images": -1},
        {"max_age_s": -1.0},
        {"max_age_s": float("inf")},
        {"lost_age_s": float("nan")},
    ],
    ids=str,
)
def test_bad_options_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TrackerOptions(**wrong)


def test_an_unknown_tracker_is_refused_with_what_there_is() -> None:
    with pytest.raises(ConfigError, match="'botsort' is unknown; choose one of: motion, iou"):
        catalogue.create("botsort")
