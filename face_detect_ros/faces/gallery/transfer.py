# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A gallery as one portable text file, and back.

The file is JSON lines in UTF-8. The first line says what it is:

    {"format": "face_detect_ros gallery", "version": 2, "models": [{"id": "...", "version": "..."}, ...], "looks": N}

Each of the N lines after it is one look:

    {"name": "...", "model": 0, "at": "2026-11-01T12:00:00Z", "source": "...", "embedding": "...", "chip": null}

`model` is an index into `models`, the embedders that made the looks; `embedding` is base64 of float32, little endian;
`chip` is base64 of a PNG image, or null. Version 1, which had one `model` for all looks, is read as well.

Merging: a name that the gallery knows gets the looks it does not have yet, bit for bit; a new name is added;
nothing is removed or replaced. All or nothing: a file with a fault anywhere changes nothing.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from face_detect_ros.core.errors import GalleryError
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.faces.gallery.looks import Model, StoredLook, as_moment, check_source
from face_detect_ros.faces.gallery.people import check_embeddings, check_name
from face_detect_ros.files.looking import exists
from face_detect_ros.files.whole_file import move_new

FORMAT = "face_detect_ros gallery"
VERSION = 2
_HEADER_KEYS = {1: {"format", "version", "model", "looks"}, 2: {"format", "version", "models", "looks"}}
_LOOK_KEYS = {"name", "at", "source", "embedding", "chip"}
_MOST_MODELS = 100
_LONGEST_LINE = 4_000_000  # a large chip; a longer line is not a look
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Portable:
    """The checked content of a file: looks by embedder and name."""

    looks: dict[Model, dict[str, list[StoredLook]]]

    def __len__(self) -> int:
        return sum(len(looks) for people in self.looks.values() for looks in people.values())


def export_gallery(gallery: Gallery, target: Path) -> int:
    """Write everything in a gallery to a new file of mode 0600.

    Args:
        gallery: To export.
        target: The file.

    Returns:
        Number of looks.

    Raises:
        GalleryError: The file exists already or cannot be written; nothing is left behind then.
    """
    if exists(target, GalleryError):
        raise GalleryError(f"{target}: exists already; give another name or remove it first")
    try:
        # mode 0600; under its name only when it is whole
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with open(handle, "w", encoding="utf-8") as file:
                written = _write(gallery, file.write)
                file.flush()
                os.fsync(file.fileno())
            move_new(Path(temporary), target)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except FileExistsError as error:
        raise GalleryError(f"{target}: exists already; give another name or remove it first") from error
    except OSError as error:
        raise GalleryError(f"{target}: cannot be written: {error.strerror or error}") from error
    return written


def read_portable(source: Path) -> Portable:
    """Check a whole file. Raises GalleryError with the path, the line and what is wrong there."""
    try:
        with source.open("rb") as file:
            lines = _lines(source, iter(lambda: file.readline(_LONGEST_LINE + 1), b""))
            header = _header(source, next(lines, (1, None))[1])
            looks: dict[Model, dict[str, list[StoredLook]]] = {}
            found = 0
            for number, record in lines:
                model, name, look = _look(f"{source}, line {number}", record, header)
                looks.setdefault(model, {}).setdefault(name, []).append(look)
                found += 1
    except OSError as error:
        raise GalleryError(f"{source}: {error.strerror or error}; give a file that can be read") from error
    if found != header.count:
        raise GalleryError(
            f"{source}: has {found} looks, its first line says {header.count}; it is cut off or altered"
        )
    return Portable(looks)


def import_portable(gallery: Gallery, portable: Portable) -> int:
    """Merge an export into a gallery; looks of several embedders may be side by side.

    Args:
        gallery: Changed in place.
        portable: As `read_portable` gives it.

    Returns:
        Number of looks that were new.

    Raises:
        GalleryError: The gallery cannot be written.
    """
    return gallery.add(portable.looks) if len(portable) else 0


def _write(gallery: Gallery, write: Callable[[str], Any]) -> int:
    with gallery.reading_looks() as (count, looks):
        models = gallery.models
        described = [{"id": name, "version": version} for name, version in models]
        header = {"format": FORMAT, "version": VERSION, "models": described, "looks": count}
        write(json.dumps(header, ensure_ascii=False) + "\n")
        for name, model, look in looks:
            record = {
                "name": name,
                "model": models.index(model),
                "at": look.at,
                "source": look.source,
                "embedding": base64.b64encode(look.embedding).decode(),
                "chip": None if look.chip is None else base64.b64encode(look.chip).decode(),
            }
            write(json.dumps(record, ensure_ascii=False) + "\n")
    return count


def _lines(source: Path, raw: Iterator[bytes]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(raw, 1):
        place = f"{source}, line {number}"
        if len(line) > _LONGEST_LINE:
            _refuse(place, "is too long for a look")
        try:
            yield number, json.loads(line.decode("utf-8"), object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise GalleryError(f"{place}: is not a JSON object ({error}); export it again") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key is given twice")
    return record


@dataclass(frozen=True)
class _Header:
    """What the first line says."""

    version: int
    count: int
    models: tuple[Model, ...]


def _header(source: Path, record: Any) -> _Header:
    place = f"{source}, line 1"
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        _refuse(place, f'is not an exported gallery: no "format": "{FORMAT}"')
    version = record.get("version")
    if type(version) is int and version > VERSION:
        raise GalleryError(
            f"{place}: version {version} of the format, this face_detect_ros knows {VERSION}; update it"
        )
    if type(version) is not int or version not in _HEADER_KEYS:
        _refuse(place, f"version is {version!r}, expected 1 to {VERSION}")
    _check_keys(place, record, _HEADER_KEYS[version])
    count = record["looks"]
    if type(count) is not int or count < 0:
        _refuse(place, f"looks is {count!r}, expected a number")
    models = record["models"] if version > 1 else [record["model"]] if record["model"] is not None else []
    if not isinstance(models, list) or len(models) > _MOST_MODELS:
        _refuse(place, f"models is {models!r:.40}, expected a list")
    return _Header(version, count, tuple(_model(place, each) for each in models))


def _model(place: str, record: Any) -> Model:
    if not isinstance(record, dict):
        _refuse(place, f"model is {record!r:.40}, expected an id and a version")
    _check_keys(place, record, {"id", "version"})
    return _text(place, record, "id"), _text(place, record, "version")


def _look(place: str, record: Any, header: _Header) -> tuple[Model, str, StoredLook]:
    if not isinstance(record, dict):
        _refuse(place, "is not a JSON object")
    _check_keys(place, record, _LOOK_KEYS if header.version == 1 else _LOOK_KEYS | {"model"})
    number = record.get("model", 0)
    if type(number) is not int or not 0 <= number < len(header.models):
        _refuse(place, f"model is {number!r:.40}, but line 1 names {len(header.models)}")
    at = _text(place, record, "at")
    try:
        name = check_name(_text(place, record, "name"))
        as_moment(at)
        embedding = _decoded(place, record, "embedding")
        chip = None if record["chip"] is None else _decoded(place, record, "chip")
        if len(embedding) % 4:
            _refuse(place, f"embedding has {len(embedding)} bytes, which are not whole numbers of 4 bytes")
        check_embeddings(np.frombuffer(embedding, "<f4"))
    except ValueError as error:
        raise GalleryError(f"{place}: at is '{at}', expected a time like 2026-11-01T12:00:00Z") from error
    except GalleryError as error:
        raise error if str(error).startswith(place) else GalleryError(f"{place}: {error}") from error
    if chip is not None and not chip.startswith(_PNG):
        _refuse(place, "chip is not a PNG image")
    return (
        header.models[number],
        name,
        StoredLook(embedding, at, check_source(_text(place, record, "source")), chip),
    )


def _check_keys(place: str, record: dict[str, Any], expected: set[str]) -> None:
    missing, unknown = expected - record.keys(), record.keys() - expected
    if missing:
        _refuse(place, f"is missing {', '.join(sorted(missing))}")
    if unknown:
        _refuse(place, f"has unknown keys: {', '.join(sorted(unknown))}")


def _text(place: str, record: dict[str, Any], key: str) -> str:
    value = record[key]
    if not isinstance(value, str):
        _refuse(place, f"{key} is {value!r:.40}, expected text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise GalleryError(f"{place}: {key} is not valid Unicode; export it again") from error
    return value


def _decoded(place: str, record: dict[str, Any], key: str) -> bytes:
    try:
        return base64.b64decode(_text(place, record, key), validate=True)
    except ValueError as error:
        raise GalleryError(f"{place}: {key} is not base64 ({error}); export it again") from error


def _refuse(place: str, what: str) -> NoReturn:
    raise GalleryError(f"{place}: {what}; export it again")
