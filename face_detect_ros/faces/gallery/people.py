# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Known people and their looks, as one consistent view of the gallery."""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from face_detect_ros.core.errors import GalleryError
from face_detect_ros.faces.screening import Screen

SHORTEST, LONGEST = 32, 4096
"""Numbers of an embedding, at least and at most."""
_LEAST_SQUARED, _MOST_SQUARED = 1e-8, 1e8
"""Squared norm of an embedding, at least and at most. Embedders give about 1; float32 has its limits."""

UNKNOWN = "unknown"
"""What an identity is called that nobody is sure of; no person can have this name."""

LONGEST_NAME = 100
_JOINERS = "\u200c\u200d"  # invisible, but Persian and Indic names are spelled with them


@dataclass(frozen=True)
class Person:
    """Somebody in the gallery.

    Attributes:
        looks: How many embeddings there are of them.
        since: When the first of these came in, UTC.
        sources: From what they were taken, each named once, sorted.
        models: The embedders that made them, as "id (version)", each named once, sorted.
        taken: When each embedding came in, UTC, the oldest first.
    """

    name: str
    looks: int
    since: datetime
    sources: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    taken: tuple[datetime, ...] = ()


@dataclass(frozen=True, eq=False)
class GallerySnapshot:
    """The people and embeddings of a gallery at one moment; never changes.

    Attributes:
        people: Sorted by name.
        embeddings: (N, D) float32, the looks of one person next to each other, in the order of `people`.
        person_index: (N,) int32, index into `people` of each look.
        revision: Grows with every change of the gallery.
        squared_norms: (N,) float32, computed here.
        starts: (P,) int64, the first look of each person, computed here.
        separations: By person index, filled by recognition.separation as it is asked.

    Raises ValueError where these do not fit together.
    """

    people: tuple[Person, ...]
    embeddings: np.ndarray
    person_index: np.ndarray
    revision: int = 0
    squared_norms: np.ndarray = field(init=False)
    starts: np.ndarray = field(init=False)
    separations: dict[int, float] = field(init=False, default_factory=dict, repr=False)

    @functools.cached_property
    def screen(self) -> Screen:
        """Bounds for a large gallery, computed when first asked for: about a second for 400,000 looks."""
        return Screen(self.embeddings)

    def __post_init__(self) -> None:
        embeddings = np.ascontiguousarray(self.embeddings, np.float32)
        index = np.asarray(self.person_index, np.int32)
        counts = [person.looks for person in self.people]
        expected = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        if (
            embeddings.ndim != 2
            or len(embeddings) != len(index)
            or 0 in counts
            or not np.array_equal(index, expected)
        ):
            raise ValueError("looks must lie person by person, in the order of `people`, at least one each")
        values = {
            "embeddings": embeddings,
            "person_index": index,
            "squared_norms": np.einsum("nd,nd->n", embeddings, embeddings),
            "starts": np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)[: len(counts)],
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def empty(cls) -> GallerySnapshot:
        return cls((), np.empty((0, 0)), np.empty(0))

    def index_of(self, name: str) -> int | None:
        """Index of `name` in `people`; None if there is nobody of this name."""
        for index, person in enumerate(self.people):
            if person.name == name:
                return index
        return None


def check_name(name: str) -> str:
    """`name` as the gallery keeps it: without blanks at its ends, in Unicode's composed form (NFC).

    The same name typed or read from a folder on different systems is thus one name. Capitals count. Raises
    GalleryError for an empty, unprintable or overlong name and for "unknown".
    """
    clean = unicodedata.normalize("NFC", name).strip()
    if not clean:
        raise GalleryError("a person needs a name: it is empty")
    if not all(letter.isprintable() or letter in _JOINERS for letter in clean):
        raise GalleryError(f"name {clean!r} has characters that cannot be shown; leave them out")
    if not any(letter.isprintable() and not letter.isspace() for letter in clean):
        raise GalleryError(f"name {clean!r} shows nothing; give a name that can be read")
    if len(clean) > LONGEST_NAME:
        raise GalleryError(f"name '{clean[:20]}...' has {len(clean)} characters; at most {LONGEST_NAME}")
    if clean.casefold() == UNKNOWN:
        raise GalleryError(f"name '{clean}' stands for people who are not in the gallery; choose another")
    return clean


def comparable(embeddings: np.ndarray) -> np.ndarray:
    """Whether distances to embeddings can be computed in float32.

    Args:
        embeddings: (N, D) float32.

    Returns:
        (N,) bool.
    """
    squared = np.einsum("nd,nd->n", embeddings, embeddings)
    usable: np.ndarray = (squared >= _LEAST_SQUARED) & (squared <= _MOST_SQUARED)  # false for NaN
    return usable


def check_embeddings(embeddings: np.ndarray, length: int | None = None) -> np.ndarray:
    """Check embeddings.

    Args:
        embeddings: (N, D), N at least 1, or a single one, (D,).
        length: D, where it is known.

    Returns:
        (N, D) float32.

    Raises:
        GalleryError: It is something else.
    """
    array = np.asarray(embeddings, np.float32)
    if array.ndim == 1:
        array = array[None]
    fits = array.ndim == 2 and len(array) and SHORTEST <= array.shape[1] <= LONGEST
    if not fits or length not in (None, array.shape[1]):
        raise GalleryError(
            f"embeddings have shape {array.shape}; expected (N, {length or 'D'}), N at least 1"
        )
    if not comparable(array).all():
        raise GalleryError("an embedding is all zeros, far too large or not finite; take the image again")
    return np.ascontiguousarray(array)
