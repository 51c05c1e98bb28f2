# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A look: one embedding of one person, as the gallery's file holds it."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import NamedTuple

import numpy as np

from face_detect_ros.core.errors import GalleryError
from face_detect_ros.core.frame import check_image
from face_detect_ros.core.text import as_utf8
from face_detect_ros.faces.gallery.people import GallerySnapshot, Person, comparable

_LONGEST_SOURCE = 1000


class StoredLook(NamedTuple):
    """One row of the gallery, checked.

    Attributes:
        embedding: float32, little endian.
        at: See `as_text`.
        source: What it was taken from.
        chip: PNG.
    """

    embedding: bytes
    at: str
    source: str
    chip: bytes | None = None


def as_bytes(embedding: np.ndarray) -> bytes:
    """(D,) as the gallery stores it."""
    return bytes(embedding.astype("<f4").tobytes())


def as_text(moment: datetime) -> str:
    """UTC, ISO 8601 to the second with a Z."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_moment(text: str) -> datetime:
    """The inverse of `as_text`. Raises ValueError for another form."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


Model = tuple[str, str]
"""Id and version of what made an embedding."""


def model_text(model: Model) -> str:
    """The model, for people to read."""
    return f"{model[0]} (version {model[1]})"


_LOOKS = (
    "SELECT name, {columns} FROM looks JOIN people ON people.number = looks.person "
    "JOIN models ON models.number = looks.model {where} ORDER BY name, looks.number"
)


def load_people(connection: sqlite3.Connection) -> tuple[Person, ...]:
    """Everybody, by name, whatever embedder made their looks."""
    rows = connection.execute(_LOOKS.format(columns="at, source, models.id, models.version", where=""))
    return _people(rows.fetchall())


def load_snapshot(connection: sqlite3.Connection, model: Model, revision: int) -> GallerySnapshot:
    """Everybody who has looks of one embedder, and these looks.

    Args:
        connection: To the gallery's database.
        model: (id, version) of the embedder.
        revision: Number of the snapshot.

    Raises:
        GalleryError: The looks differ in length, or one of them cannot be compared.
    """
    columns = "at, source, models.id, models.version, embedding"
    query = _LOOKS.format(columns=columns, where="WHERE models.id = ? AND models.version = ?")
    rows = connection.execute(query, model).fetchall()
    people = _people([row[:5] for row in rows])
    lengths = {len(row[5]) for row in rows}
    if len(lengths) > 1 or any(length % 4 for length in lengths):
        raise GalleryError(f"looks of {model_text(model)} differ in length; the gallery has been altered")
    matrix = np.frombuffer(b"".join(row[5] for row in rows), "<f4").reshape(len(rows), -1 if rows else 0)
    for look in np.flatnonzero(~comparable(matrix))[:1]:
        raise GalleryError(
            f"a look of '{rows[look][0]}' is all zeros, far too large or not finite; forget this person and "
            "enroll them again"
        )
    index = np.repeat(np.arange(len(people), dtype=np.int32), [person.looks for person in people])
    return GallerySnapshot(people, matrix, index, revision)


def _people(rows: Sequence[tuple[str, str, str, str, str]]) -> tuple[Person, ...]:
    """rows: name, at, source, model's id and version of each look, sorted by name."""
    people = []
    for name, group in itertools.groupby(rows, key=lambda row: row[0]):
        looks = list(group)
        sources = sorted({row[2] for row in looks})
        models = sorted({model_text((row[3], row[4])) for row in looks})
        taken = tuple(as_moment(row[1]) for row in sorted(looks, key=lambda row: row[1]))
        people.append(Person(name, len(looks), taken[0], tuple(sources), tuple(models), taken))
    return tuple(people)


def check_source(source: str) -> str:
    """`source` as the gallery keeps it: valid text, cut at its start if it is very long."""
    # file names may hold anything; the gallery and its exports hold text
    clean = as_utf8(source)
    return clean if len(clean) <= _LONGEST_SOURCE else f"...{clean[3 - _LONGEST_SOURCE :]}"


def as_png(chip: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB as a PNG file. Raises ImageError, GalleryError."""
    import cv2  # here: only those who keep images need it

    check_image(chip)
    good, data = cv2.imencode(".png", cv2.cvtColor(chip, cv2.COLOR_RGB2BGR))
    if not good:
        raise GalleryError("a chip cannot be encoded as PNG")
    return bytes(data.tobytes())
