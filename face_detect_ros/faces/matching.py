# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Who is it: the nearest person of the gallery, or nobody where that is not certain.

Distances are Euclidean between embeddings of one embedder. dlib's 0.6 is the threshold for *pairs* of images; among a
thousand people nearly every stranger is within 0.6 of somebody. A name is therefore given only if

- the nearest look is within `accept_distance`,
- it is nearer than that person's own limit: `separation_factor` times the distance from their looks to the
  nearest look of anybody else, so that people who resemble others must be matched more closely,
- the nearest look of any *other* person is further by `margin` at least,

and, on a track, if several looks agree (`TrackVotes`). Otherwise the face has no name; it is never guessed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from face_detect_ros.faces.gallery.people import GallerySnapshot, check_embeddings
from face_detect_ros.faces.options import MatchOptions

_SCREENED_FROM = 20_000  # looks; fewer are compared in half a millisecond
_FEW = 64
_ROUNDING = 1e-5  # of the squared lengths: more than `_squared` loses in float32
_MOST_SCREENED = 0.2  # of all looks; more are compared sooner where they lie, one after the other

__all__ = ["Match", "MatchOptions", "match", "own_limit", "separation", "similarity"]


@dataclass(frozen=True)
class Match:
    """One face compared with the gallery.

    Attributes:
        name: Who it is; None: unknown.
        nearest: Whose look is nearest, certain or not; None only if the gallery is empty.
        distance: To that look; inf if the gallery is empty.
        runner_up_distance: To the nearest look of anybody else; inf if there is nobody else.
        similarity: How probable it is that two images at this distance show one person, were there as many
            pairs of one person as of two: see `similarity`. Not the probability of the name, which also depends
            on how many people there are.
    """

    name: str | None
    nearest: str | None
    distance: float
    runner_up_distance: float
    similarity: float


def similarity(distance: float, options: MatchOptions) -> float:
    """How likely it is that a pair of images shows one person, were there as many pairs of one person as of two.

    A logistic, fitted to 1,800 pairs of three folds of LFW. For dlib's descriptor it is 0.5 at 0.616, 0.99 at 0.52
    and 0.01 at 0.71; measured against fitted, it is off by 0.05 at most where 5 % of the pairs lie, and by 0.005 in
    the rest.

    Args:
        distance: Between the two embeddings.
        options: With the parameters of the logistic.

    Returns:
        0 to 1, falling with the distance.
    """
    # beyond 2 it is 0 anyway, and exp would overflow
    return 1.0 / (1.0 + math.exp(options.even_slope * (min(distance, 2.0) - options.even_distance)))


def match(embeddings: np.ndarray, people: GallerySnapshot, options: MatchOptions) -> list[Match]:
    """Compare each face with everybody in the gallery.

    Args:
        embeddings: (N, D) float32, one per face.
        people: Everybody.
        options: How close a face must be to get a name.

    Returns:
        N matches, in the order of the faces.

    Raises:
        GalleryError: The embeddings have another length than those of the gallery.
    """
    if not len(embeddings):
        return []
    if not people.people:
        return [Match(None, None, math.inf, math.inf, 0.0)] * len(check_embeddings(embeddings))
    faces = check_embeddings(embeddings, people.embeddings.shape[1])
    return [_match_one(face, people, options) for face in faces]


def own_limit(person: int, people: GallerySnapshot, options: MatchOptions) -> float:
    """Distance below which a look may be that of a person: shorter for people who look like somebody else.

    Args:
        person: Index of the person.
        people: Everybody.
        options: How close a face must be to get a name.
    """
    if not options.separation_factor or len(people.people) < 2:
        return options.accept_distance
    return min(options.accept_distance, options.separation_factor * separation(person, people))


def separation(person: int, people: GallerySnapshot) -> float:
    """Distance from the looks of a person to the nearest look of anybody else; inf if there is nobody else.

    Computed when first asked for (as much work as matching their looks) and kept with the snapshot.

    Args:
        person: Index of the person.
        people: Everybody.
    """
    known = people.separations.get(person)
    if known is None:
        first = people.starts[person]
        looks = people.embeddings[first : first + people.people[person].looks]
        found = [_two_nearest(look, people) for look in looks]
        others = [runner_up if nearest == person else squared for nearest, squared, runner_up in found]
        known = people.separations[person] = _root(min(others))
    return known


def _match_one(face: np.ndarray, people: GallerySnapshot, options: MatchOptions) -> Match:
    person, squared, squared_to_other = _two_nearest(face, people)
    distance, runner_up = _root(squared), _root(squared_to_other)
    certain = (
        distance < options.accept_distance
        and runner_up - distance >= options.margin
        and distance < own_limit(person, people, options)  # last, because it may have to be computed
    )
    name = people.people[person].name
    return Match(name if certain else None, name, distance, runner_up, similarity(distance, options))


def _two_nearest(face: np.ndarray, people: GallerySnapshot) -> tuple[int, float, float]:
    """(D,) to the index of the nearest person, the squared distance to them, and that to the nearest other (or inf)."""
    if len(people.embeddings) >= _SCREENED_FROM and len(people.people) > 1:
        looks = _perhaps_nearest(face, people)
        if len(looks) <= len(people.embeddings) * _MOST_SCREENED:
            return _two_nearest_of(face, people, looks)
    squared = _squared(face, people.embeddings, people.squared_norms)
    if len(people.people) < len(squared):
        squared = np.minimum.reduceat(squared, people.starts)
    return _least_two(squared)


def _perhaps_nearest(face: np.ndarray, people: GallerySnapshot) -> np.ndarray:
    """Indices, ascending, of all looks that may be the nearest of the nearest two people."""
    bounds = people.screen.lower_bounds(face)
    # two people have a look within `limit`, so nobody further away is among the nearest two
    one = int(bounds.argmin())
    first = people.starts[people.person_index[one]]
    theirs = slice(first, first + people.people[people.person_index[one]].looks)
    kept = bounds[theirs].copy()
    bounds[theirs] = np.inf
    other = int(bounds.argmin())
    bounds[theirs] = kept
    rounding = _ROUNDING * float(face @ face + people.squared_norms.max())
    limit = _two_nearest_of(face, people, np.sort([one, other]))[2] + rounding
    looks = np.flatnonzero(bounds <= limit)
    if len(looks) > _FEW:  # more exact distances give a better limit
        few = looks[np.argpartition(bounds[looks], _FEW)[:_FEW]]
        limit = min(limit, _two_nearest_of(face, people, np.sort(few))[2] + rounding)
        looks = looks[bounds[looks] <= limit]
    return looks


def _two_nearest_of(face: np.ndarray, people: GallerySnapshot, looks: np.ndarray) -> tuple[int, float, float]:
    """As `_two_nearest`, among the looks with these indices, ascending."""
    squared = _squared(face, people.embeddings[looks], people.squared_norms[looks])
    persons, starts = np.unique(people.person_index[looks], return_index=True)
    nearest, distance, runner_up = _least_two(np.minimum.reduceat(squared, starts))
    return int(persons[nearest]), distance, runner_up


def _least_two(values: np.ndarray) -> tuple[int, float, float]:
    """Index of the least of (N,), it, and the least of the others (inf without any). Changes `values`."""
    least = int(values.argmin())
    value = float(values[least])
    values[least] = np.inf
    return least, value, float(values.min())


def _squared(face: np.ndarray, embeddings: np.ndarray, squared_norms: np.ndarray) -> np.ndarray:
    """(D,), (N, D) and (N,) to (N,) float32: squared distances."""
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b: the gallery's memory is read once, and nothing else takes time. By einsum:
    # a matrix product of this shape is no faster, and its threads wait for each other on a busy machine
    squared: np.ndarray = squared_norms - 2 * np.einsum("nd,d->n", embeddings, face)
    squared += face @ face
    return squared


def _root(squared: float) -> float:
    # rounding can make the distance between equals a little negative
    return math.sqrt(max(float(squared), 0.0))
