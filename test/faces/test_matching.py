# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Who is it: names only where that is certain."""

import itertools
import math

import numpy as np
import pytest
from helpers.galleries import at_distance, faces, snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from face_detect_ros.core.errors import ConfigError, GalleryError
from face_detect_ros.faces.gallery.people import GallerySnapshot
from face_detect_ros.faces.matching import Match, MatchOptions, match, own_limit, separation, similarity
from face_detect_ros.faces.votes import TrackVotes

OPTIONS = MatchOptions()


def test_nobody_in_the_gallery():
    (found,) = match(faces(1), GallerySnapshot.empty(), OPTIONS)
    assert found == Match(None, None, math.inf, math.inf, 0.0)


def test_no_faces():
    assert match(np.empty((0, 128), np.float32), snapshot({"A": faces(1)}), OPTIONS) == []


@pytest.mark.parametrize(
    ("distance", "name"), [(0.0, "A"), (0.3, "A"), (0.45, "A"), (0.47, None), (0.9, None)]
)
def test_one_person(distance, name):
    face = faces(1)[0]
    (found,) = match(at_distance(face, distance)[None], snapshot({"A": face[None]}), OPTIONS)
    assert found.name == name
    assert found.nearest == "A"
    assert found.distance == pytest.approx(distance, abs=2e-3)
    assert found.runner_up_distance == math.inf
    assert found.similarity == pytest.approx(similarity(distance, MatchOptions()), abs=0.03)


def test_many_people():
    looks = faces(50)
    people = snapshot({f"person {number:02d}": looks[number : number + 1] for number in range(50)})
    seen = np.stack([at_distance(look, 0.4, seed) for seed, look in enumerate(looks)])
    assert [found.name for found in match(seen, people, OPTIONS)] == [person.name for person in people.people]
    assert all(found.name is None for found in match(faces(50, seed=9), people, OPTIONS))


def test_a_batch_equals_single_faces():
    people = snapshot({"A": faces(4)[:2], "B": faces(4)[2:]})
    seen = np.concatenate([faces(4), faces(5, seed=3)])
    assert match(seen, people, OPTIONS) == [match(face[None], people, OPTIONS)[0] for face in seen]


def test_between_two_people_it_is_nobody():
    one = faces(1)[0]
    other = at_distance(one, 0.7)
    people = snapshot({"A": one[None], "B": other[None]})
    for share, name in ((0.0, "A"), (0.3, "A"), (0.48, None), (0.5, None), (0.52, None), (0.7, "B")):
        (found,) = match(((1 - share) * one + share * other)[None], people, OPTIONS)
        assert found.name == name, share
        assert {found.nearest} <= {"A", "B"}


def test_the_runner_up_is_another_person_and_not_a_second_look():
    face = faces(1)[0]
    people = snapshot({"A": np.stack([face, at_distance(face, 0.01)]), "B": faces(2)[1:]})
    (found,) = match(face[None], people, OPTIONS)
    assert found.name == "A"
    assert found.runner_up_distance > 0.6


def test_the_same_face_under_two_names_is_nobody():
    face = faces(1)
    (found,) = match(face, snapshot({"A": face, "B": face}), OPTIONS)
    assert found.name is None


def test_people_who_resemble_each_other_have_narrower_limits():
    one = faces(2)[0]
    people = snapshot({"A": one[None], "B": at_distance(one, 0.4)[None], "C": faces(2)[1:]})
    assert separation(0, people) == pytest.approx(0.4, abs=1e-3)
    assert own_limit(0, people, OPTIONS) == pytest.approx(0.38, abs=1e-3)
    assert own_limit(2, people, OPTIONS) == OPTIONS.accept_distance
    assert own_limit(0, people, MatchOptions(separation_factor=0)) == OPTIONS.accept_distance
    assert separation(0, snapshot({"A": one[None]})) == math.inf
    # further from both than they are from each other: a third person, though A is clearly the nearest
    seen = one + 0.45 * (one - people.embeddings[1]) / 0.4
    assert match(seen[None], people, OPTIONS)[0].name is None
    assert match(seen[None], people, MatchOptions(separation_factor=0))[0].name == "A"


def test_100000_looks_are_answered_as_the_definition_says():
    rng = np.random.default_rng(2)
    center = rng.normal(size=128)  # a common part, as dlib's embeddings have one
    looks = (center * 0.1 + rng.normal(size=(100_000, 128)) * 0.05).astype(np.float32)
    names = [f"{number:05d}" for number in range(25_000)]
    people = snapshot({name: looks[4 * index : 4 * index + 4] for index, name in enumerate(names)})
    seen = np.stack([at_distance(looks[77_777], 0.3), looks[5], rng.normal(size=128).astype(np.float32)])
    for face, found in zip(seen, match(seen, people, OPTIONS), strict=True):
        exact = np.linalg.norm(looks.astype(np.float64) - face, axis=1).reshape(-1, 4).min(axis=1)
        first, second = np.argsort(exact)[:2]
        assert found.nearest == names[first]
        assert found.distance == pytest.approx(exact[first], abs=2e-3)
        assert found.runner_up_distance == pytest.approx(exact[second], abs=1e-3)


@settings(max_examples=60)
@given(
    counts=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    spread=st.floats(0.01, 1.5),
    accept=st.floats(0.05, 1.0),
    margin=st.floats(0.0, 0.5),
    seed=st.integers(0, 10_000),
)
def test_a_name_always_keeps_its_promises(counts, spread, accept, margin, seed):
    rng = np.random.default_rng(seed)
    people = snapshot(
        {f"{i}": (rng.normal(size=(n, 128)) * spread / 16).astype(np.float32) for i, n in enumerate(counts)}
    )
    options = MatchOptions(accept_distance=accept, margin=margin)
    for found in match((rng.normal(size=(3, 128)) * spread / 16).astype(np.float32), people, options):
        assert 0.0 <= found.similarity <= 1.0
        assert found.distance <= found.runner_up_distance
        assert found.nearest is not None
        if found.name is not None:
            assert found.name == found.nearest
            assert found.distance < accept
            assert found.runner_up_distance - found.distance >= margin


def test_similarity():
    assert similarity(0.0, MatchOptions()) == pytest.approx(1.0)
    assert similarity(0.616, MatchOptions()) == pytest.approx(0.5)
    assert similarity(0.52, MatchOptions()) == pytest.approx(0.99, abs=0.003)
    assert similarity(0.71, MatchOptions()) == pytest.approx(0.01, abs=0.003)
    assert similarity(math.inf, MatchOptions()) < 1e-20


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accept_distance", 0.0),
        ("accept_distance", 2.1),
        ("accept_distance", math.nan),
        ("margin", -0.1),
        ("margin", math.nan),
        ("separation_factor", -1.0),
        ("looks_needed", 0),
        ("looks_to_lose", 0),
    ],
)
def test_options_out_of_range(name, value):
    with pytest.raises(ConfigError, match=name):
        MatchOptions(**{name: value})


def test_embeddings_that_cannot_be():
    with pytest.raises(GalleryError):
        match(np.ones((1, 64)), snapshot({"A": faces(1)}), OPTIONS)


def look(name: str | None, distance: float = 0.3) -> Match:
    return Match(name, name or "A", distance, 0.9, similarity(distance, MatchOptions()))


def named(votes: TrackVotes, looks: str, track: int = 1, options: MatchOptions = OPTIONS) -> str:
    """One letter per look and per answer; - is unknown."""
    answers = ""
    for letter in looks:
        (answer,) = votes.update([track], [look(None if letter == "-" else letter)], options)
        answers += answer.name or "-"
    return answers


@pytest.mark.parametrize(
    ("looks", "answers"),
    [
        ("AAAA", "--AA"),
        ("A-A-A", "----A"),
        ("-----", "-----"),
        ("ABABABAB", "--------"),  # ambiguous
        ("AABBB", "----B"),
        ("AAABAABA", "--AAAAAA"),  # one odd look does not make it flicker
        ("AAA---A", "--AAAAA"),
        ("AAABBB", "--AAAB"),
        ("AAA----------AAA", "--AAAAAAAAAA---A"),
        ("A---------A", "-----------"),
        ("AA----------A", "-------------"),  # too long ago to count
    ],
)
def test_votes_over_a_track(looks, answers):
    assert named(TrackVotes(), looks) == answers


def test_looks_needed():
    assert named(TrackVotes(), "AA", options=MatchOptions(looks_needed=1)) == "AA"
    assert named(TrackVotes(), "AAAAAA", options=MatchOptions(looks_needed=5)) == "----AA"


def test_tracks_and_instances_share_nothing():
    one, two = TrackVotes(), TrackVotes()
    assert named(one, "AA") == "--"
    assert named(two, "AA") == "--"
    assert named(one, "A", track=2) == "-"
    assert named(one, "A") == "A"
    assert named(two, "-A") == "-A"


def test_an_ended_track_is_forgotten():
    votes = TrackVotes()
    assert named(votes, "AAA", track=1) == "--A"
    assert named(votes, "A", track=2) == "-"
    votes.keep_only([2])
    assert len(votes) == 1
    assert named(votes, "A", track=1) == "-"
    assert named(votes, "AA", track=2) == "-A"
    votes.clear()
    assert len(votes) == 0


def test_a_named_track_has_the_figures_of_its_latest_confirmation():
    votes = TrackVotes()
    for distance in (0.3, 0.31, 0.32):
        votes.update([1], [look("A", distance)], OPTIONS)
    (answer,) = votes.update([1], [look(None, 0.9)], OPTIONS)
    assert (answer.name, answer.distance) == ("A", 0.32)
    (answer,) = votes.update([1], [look("A", 0.2)], OPTIONS)
    assert answer.distance == 0.2


def test_several_tracks_in_one_image():
    votes = TrackVotes()
    for _ in range(3):
        answers = votes.update(np.array([7, 9, 8]), [look("A"), look("B"), look(None)], OPTIONS)
    assert [answer.name for answer in answers] == ["A", "B", None]
    assert votes.update([], [], OPTIONS) == []


@settings(max_examples=100)
@given(st.text("AB-", max_size=60))
def test_a_name_needs_as_many_looks_as_it_says(looks):
    answers = named(TrackVotes(), looks)
    for index, answer in enumerate(answers):
        if answer != "-":
            assert looks[: index + 1].count(answer) >= OPTIONS.looks_needed
    changes = sum(a != b for a, b in itertools.pairwise(answers))
    assert changes <= max(1, len(looks) / OPTIONS.looks_needed)
