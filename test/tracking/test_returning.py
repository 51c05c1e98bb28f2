# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Faces that come back get the id they had."""

import numpy as np
import pytest

from face_detect_ros.tracking.returning import ReturningFaces

GENERATOR = np.random.default_rng(0)
ADA, BEA, CARL = (vector / np.linalg.norm(vector) for vector in GENERATOR.normal(size=(3, 128)))


def again(look: np.ndarray, distance: float = 0.3) -> np.ndarray:
    """Another look at the same face."""
    step = GENERATOR.normal(size=128)
    return look + distance * step / np.linalg.norm(step)


class Stream:
    """Faces of one stream, and the ids that a tracker would give them."""

    def __init__(self) -> None:
        self.returning = ReturningFaces(lost_age_s=10.0)
        self.ids: dict[int, int] = {}

    def see(
        self, now_s: float, tracks: dict[int, np.ndarray | None], names: dict[int, str] | None = None
    ) -> list[int]:
        """tracks: the look at each, by the id it began with; names: by that id, too."""
        looks = {self.ids.get(track, track): look for track, look in tracks.items() if look is not None}
        named = {self.ids.get(track, track): name for track, name in (names or {}).items()}
        shown = [self.ids.get(track, track) for track in tracks]
        earlier = self.returning.update(
            shown, now_s, looks=looks, names=named, accept_distance=0.52, margin=0.07
        )
        self.ids.update(
            {
                track: earlier[abs(id_)]
                for track, id_ in zip(tracks, shown, strict=True)
                if abs(id_) in earlier
            }
        )
        return [self.ids.get(track, track) for track in tracks]


@pytest.fixture
def stream() -> Stream:
    return Stream()


def test_a_face_that_comes_back_keeps_its_id(stream: Stream) -> None:
    assert stream.see(0, {1: ADA, 2: BEA}) == [1, 2]
    assert stream.see(1, {2: None}) == [2]
    assert stream.see(5, {2: None, 3: again(ADA)}) == [2, 1]
    assert stream.see(6, {3: None, 2: again(BEA)}) == [1, 2]


def test_the_first_look_may_come_later(stream: Stream) -> None:
    stream.see(0, {1: ADA})
    assert stream.see(5, {2: None}) == [2]
    assert stream.see(5.1, {2: None}) == [2]
    assert stream.see(5.2, {2: again(ADA)}) == [1]


def test_a_face_that_was_in_the_image_with_an_earlier_one_is_another(stream: Stream) -> None:
    stream.see(0, {1: ADA, 2: None})
    assert stream.see(1, {2: again(ADA)}) == [2]


def test_an_unconfirmed_track_may_be_an_earlier_face(stream: Stream) -> None:
    stream.see(0, {1: ADA})
    look = {2: again(ADA)}
    found = stream.returning.update([-2], 5, looks=look, names={}, accept_distance=0.52, margin=0.07)
    assert found == {2: 1}


def test_somebody_else_gets_another_id(stream: Stream) -> None:
    stream.see(0, {1: ADA})
    assert stream.see(1, {2: BEA}) == [2]
    assert stream.see(2, {3: CARL, 2: None}) == [3, 2]


def test_a_face_that_is_in_the_image_is_not_given_twice(stream: Stream) -> None:
    stream.see(0, {1: ADA})
    assert stream.see(1, {1: None, 2: again(ADA)}) == [1, 2]


def test_two_that_look_alike_are_not_guessed(stream: Stream) -> None:
    stream.see(0, {1: ADA, 2: again(ADA, 0.05)})
    assert stream.see(1, {3: ADA}) == [3]


def test_a_face_without_a_name_is_forgotten_in_time(stream: Stream) -> None:
    stream.see(0, {1: ADA})
    assert stream.see(10.5, {2: again(ADA)}) == [2]


def test_somebody_with_a_name_keeps_the_id_however_long_it_was(stream: Stream) -> None:
    stream.see(0, {1: ADA}, {1: "Ada"})
    assert stream.see(3600, {2: again(ADA)}) == [2]
    assert stream.see(3601, {2: None}, {2: "Ada"}) == [1]
    assert stream.see(3602, {2: None}, {2: "Ada"}) == [1]


def test_a_stranger_does_not_get_the_id_of_somebody_with_a_name(stream: Stream) -> None:
    stream.see(0, {1: ADA}, {1: "Ada"})
    assert stream.see(1, {2: again(ADA)}) == [2]


def test_another_person_with_a_name_gets_their_own_id(stream: Stream) -> None:
    stream.see(0, {1: ADA}, {1: "Ada"})
    stream.see(1, {2: BEA}, {2: "Bea"})
    assert stream.see(2, {3: BEA, 4: ADA}, {3: "Bea", 4: "Ada"}) == [2, 1]


def test_tracks_without_looks_or_id_pass(stream: Stream) -> None:
    assert stream.see(0, {5: None, 0: None, -7: None}) == [5, 0, -7]
    assert stream.see(0, {}) == []


def test_reset_forgets(stream: Stream) -> None:
    stream.see(0, {1: ADA})
    stream.returning.reset()
    assert stream.see(1, {2: again(ADA)}) == [2]


def test_memory_is_bounded(stream: Stream) -> None:
    for track in range(1, 1500):
        stream.see(track / 1000, {track: None}, {track: f"name {track}"})
    assert stream.see(2, {2000: None}, {2000: "name 1"}) == [2000]
    assert stream.see(2, {2001: None}, {2001: "name 1400"}) == [1400]
