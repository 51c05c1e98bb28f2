"""A look: one embedding of one person, as the gallery's file holds it."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timezone
from typing import NamedTuple

import numpy as np

from face_detect_ros.core.errors import GalleryError
from face_detect_ros.core.frame import check_image
from face_detect_ros.faces.gallery.people import DIMENSIONS, GallerySnapshot, Person

_LONGEST_SOURCE = 1000


class StoredLook(NamedTuple):
    """One row of the gallery, checked.

    embedding: 128 float32, little endian. at: see `as_text`. source: what it was taken from. chip: PNG.
    """

    embedding: bytes
    at: str
    source: str
    chip: bytes | None = None


def as_bytes(embedding: np.ndarray) -> bytes:
    """(128,) as the gallery stores it."""
    return bytes(embedding.astype("<f4").tobytes())


def as_text(moment: datetime) -> str:
    """UTC, ISO 8601 to the second with a Z."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_moment(text: str) -> datetime:
    """The inverse of `as_text`. Raises ValueError for another form."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def load_snapshot(connection: sqlite3.Connection, revision: int) -> GallerySnapshot:
    """Everybody and everything in the tables `people` and `looks`."""
    rows = connection.execute(
        "SELECT name, embedding, at, source FROM looks "
        "JOIN people ON people.number = looks.person ORDER BY name, looks.number"
    ).fetchall()
    people: list[Person] = []
    index: list[int] = []
    sources: set[str] = set()
    looks, since = 0, ""
    for position, (name, _, at, source) in enumerate(rows):
        looks, since = looks + 1, min(since or at, at)
        sources.add(source)
        index.append(len(people))
        if position + 1 == len(rows) or rows[position + 1][0] != name:
            people.append(Person(name, looks, as_moment(since), tuple(sorted(sources))))
            looks, since, sources = 0, "", set()
    matrix = np.frombuffer(b"".join(row[1] for row in rows), "<f4").reshape(-1, DIMENSIONS)
    return GallerySnapshot(tuple(people), matrix, np.array(index, np.int32), revision)


def check_source(source: str) -> str:
    """`source` as the gallery keeps it: valid text, cut at its start if it is very long."""
    # file names may hold anything; the gallery and its exports hold text
    clean = source.encode(errors="backslashreplace").decode()
    return clean if len(clean) <= _LONGEST_SOURCE else f"...{clean[3 - _LONGEST_SOURCE :]}"


def as_png(chip: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB as a PNG file. Raises ImageError, GalleryError."""
    import cv2  # here: only those who keep pictures need it

    check_image(chip)
    good, data = cv2.imencode(".png", cv2.cvtColor(chip, cv2.COLOR_RGB2BGR))
    if not good:
        raise GalleryError("a chip cannot be encoded as PNG")
    return bytes(data.tobytes())
