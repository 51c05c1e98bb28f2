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
    """0 to 1, falling with the distance: how likely it is that a pair shows one person, were there as many of each.

    A logistic, fitted to 1,800 pairs of three folds of LFW. For dlib's descriptor it is 0.5 at 0.616, 0.99 at 0.52 and
    0.01 at 0.71; measured against fitted, it is off by 0.05 at most where 5 % of the pairs lie, and by 0.005 in the
    rest.
    """
    # beyond 2 it is 0 anyway, and exp would overflow
    return 1.0 / (1.0 + math.exp(options.even_slope * (min(distance, 2.0) - options.even_distance)))


def match(embeddings: np.ndarray, people: GallerySnapshot, options: MatchOptions) -> list[Match]:
    """Each face of (N, D) `embeddings` compared with everybody. Raises GalleryError for another shape."""
    if not len(embeddings):
        return []
    if not people.people:
        return [Match(None, None, math.inf, math.inf, 0.0)] * len(check_embeddings(embeddings))
    faces = check_embeddings(embeddings, people.embeddings.shape[1])
    return [_match_one(face, people, options) for face in faces]


def own_limit(person: int, people: GallerySnapshot, options: MatchOptions) -> float:
    """Distance below which a look may be that of the person with this index."""
    if not options.separation_factor or len(people.people) < 2:
        return options.accept_distance
    return min(options.accept_distance, options.separation_factor * separation(person, people))


def separation(person: int, people: GallerySnapshot) -> float:
    """Distance from the looks of a person to the nearest look of anybody else; inf if there is nobody else.

    Computed when first asked for (as much work as matching their looks) and kept with the snapshot.
    """
    known = people.separations.get(person)
    if known is None:
        nearest = np.full(len(people.people), np.inf, np.float32)
        first = people.starts[person]
        for look in people.embeddings[first : first + people.people[person].looks]:
            nearest = np.minimum(nearest, _squared_to_people(look, people))
        nearest[person] = np.inf
        known = people.separations[person] = _root(nearest.min())
    return known


def _match_one(face: np.ndarray, people: GallerySnapshot, options: MatchOptions) -> Match:
    squared = _squared_to_people(face, people)
    person = int(squared.argmin())
    distance = _root(squared[person])
    squared[person] = np.inf
    runner_up = _root(squared.min())
    certain = (
        distance < options.accept_distance
        and runner_up - distance >= options.margin
        and distance < own_limit(person, people, options)  # last, because it may have to be computed
    )
    name = people.people[person].name
    return Match(name if certain else None, name, distance, runner_up, similarity(distance, options))


def _squared_to_people(face: np.ndarray, people: GallerySnapshot) -> np.ndarray:
    """(D,) to (P,) float32: squared distance to the nearest look of each person."""
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b: the gallery's memory is read once, and nothing else takes time. By einsum:
    # a matrix product of this shape is no faster, and its threads wait for each other on a busy machine
    partial: np.ndarray = people.squared_norms - 2 * np.einsum("nd,d->n", people.embeddings, face)
    if len(people.people) < len(partial):
        partial = np.minimum.reduceat(partial, people.starts)
    partial += face @ face
    return partial


def _root(squared: float) -> float:
    # rounding can make the distance between equals a little negative
    return math.sqrt(max(float(squared), 0.0))
