# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Exporting a gallery and importing it elsewhere."""

import base64
import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from helpers.galleries import MODEL, faces
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from face_detect_ros.core.errors import GalleryError
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.faces.gallery.transfer import export_gallery, import_portable, read_portable


@pytest.fixture
def exported(tmp_path):
    chip = np.zeros((8, 8, 3), np.uint8)
    with Gallery(tmp_path / "a.sqlite3", MODEL) as gallery:
        gallery.enroll("Zoë 王", faces(3)[:2], "a.jpg", [chip, chip])
        gallery.enroll("B", faces(3)[2], "b.jpg")
        assert export_gallery(gallery, tmp_path / "people.jsonl") == 3
    return tmp_path / "people.jsonl"


def content_of(gallery):
    with gallery.reading_looks() as (count, looks):
        found = list(looks)
    assert len(found) == count
    return found


def test_round_trip(tmp_path, exported):
    with Gallery(tmp_path / "a.sqlite3", MODEL) as gallery:
        original = content_of(gallery)
    portable = read_portable(exported)
    assert set(portable.looks) == {(MODEL, "1")}
    assert len(portable) == 3
    with Gallery(tmp_path / "b.sqlite3", MODEL) as gallery:
        assert import_portable(gallery, portable) == 3
        assert content_of(gallery) == original
        assert import_portable(gallery, portable) == 0  # again adds nothing
        assert export_gallery(gallery, tmp_path / "again.jsonl") == 3
    assert (tmp_path / "again.jsonl").read_bytes() == exported.read_bytes()


def test_the_file_is_as_documented(exported):
    lines = [json.loads(line) for line in exported.read_text(encoding="utf-8").splitlines()]
    assert lines[0] == {
        "format": "face_detect_ros gallery",
        "version": 2,
        "models": [{"id": MODEL, "version": "1"}],
        "looks": 3,
    }
    assert lines[1]["name"] == "B"
    assert lines[1]["chip"] is None
    embedding = np.frombuffer(base64.b64decode(lines[1]["embedding"]), "<f4")
    np.testing.assert_array_equal(embedding, faces(3)[2])
    assert exported.stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(exported.parent)) == ["a.sqlite3", "people.jsonl"]  # nothing temporary


def test_merging_adds_what_is_missing_and_removes_nothing(tmp_path, exported):
    with Gallery(tmp_path / "b.sqlite3", MODEL) as gallery:
        gallery.enroll("B", faces(9)[7:], "mine")
        gallery.enroll("Zoë 王", faces(3)[0], "mine")
        gallery.enroll("C", faces(9)[6], "mine")
        assert import_portable(gallery, read_portable(exported)) == 2
        assert {p.name: p.looks for p in gallery.people()} == {"B": 3, "C": 1, "Zoë 王": 2}


def test_an_empty_gallery(tmp_path):
    with Gallery(tmp_path / "a.sqlite3", MODEL) as gallery:
        assert export_gallery(gallery, tmp_path / "none.jsonl") == 0
        portable = read_portable(tmp_path / "none.jsonl")
        assert len(portable) == 0
        assert import_portable(gallery, portable) == 0


def test_looks_of_several_embedders(tmp_path, exported):
    with Gallery(tmp_path / "b.sqlite3", "other") as gallery:
        gallery.enroll("B", np.eye(1, 512, dtype=np.float32), "c.jpg")
        assert import_portable(gallery, read_portable(exported)) == 3
        assert [person.name for person in gallery.people()] == ["B"]
        assert export_gallery(gallery, tmp_path / "both.jsonl") == 4
        original = content_of(gallery)
    portable = read_portable(tmp_path / "both.jsonl")
    assert set(portable.looks) == {("other", "1"), (MODEL, "1")}
    with Gallery(tmp_path / "c.sqlite3") as gallery:
        assert import_portable(gallery, portable) == 4
        assert sorted(content_of(gallery)) == sorted(original)


def test_a_file_of_version_1_is_read(tmp_path, exported):
    lines = [json.loads(line) for line in exported.read_text(encoding="utf-8").splitlines()]
    (model,) = lines[0].pop("models")
    lines[0] |= {"version": 1, "model": model}
    for line in lines[1:]:
        del line["model"]
    old = tmp_path / "old.jsonl"
    old.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert read_portable(old).looks == read_portable(exported).looks


def test_export_replaces_nothing(tmp_path, exported):
    before = exported.read_bytes()
    with Gallery(tmp_path / "a.sqlite3", MODEL) as gallery:
        with pytest.raises(GalleryError, match="exists already"):
            export_gallery(gallery, exported)
        with pytest.raises(GalleryError, match="cannot be written"):
            export_gallery(gallery, tmp_path / "missing" / "file")
    assert exported.read_bytes() == before


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS], ids=errno.errorcode.get)
def test_export_to_a_disk_without_hard_links(tmp_path, exported, monkeypatch, code):
    def link(*_):
        raise OSError(code, os.strerror(code))  # as on a memory stick with FAT

    monkeypatch.setattr(os, "link", link)
    before = exported.read_bytes()
    with Gallery(tmp_path / "a.sqlite3", MODEL) as gallery:
        assert export_gallery(gallery, tmp_path / "stick.jsonl") == 3
        monkeypatch.setattr(
            Path, "exists", lambda path: False
        )  # as if it came up while the looks were written
        with pytest.raises(GalleryError, match="exists already"):
            export_gallery(gallery, exported)
    assert (tmp_path / "stick.jsonl").read_bytes() == exported.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["a.sqlite3", "people.jsonl", "stick.jsonl"]  # nothing temporary


def changed(record, **values):
    return {**record, **values}


def without(record, key):
    return {name: value for name, value in record.items() if name != key}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines[:-1], "has 2 looks, its first line says 3"),
        (lambda lines: [*lines, lines[-1]], "has 4 looks"),
        (lambda lines: [], "line 1: is not an exported gallery"),
        (lambda lines: [["x"], *lines[1:]], "line 1: is not an exported gallery"),
        (lambda lines: [changed(lines[0], format="x"), *lines[1:]], "line 1: is not an exported"),
        (lambda lines: [changed(lines[0], version=3), *lines[1:]], "version 3.*update"),
        (lambda lines: [changed(lines[0], version="1"), *lines[1:]], "version is '1'"),
        (lambda lines: [changed(lines[0], version=True), *lines[1:]], "version is True"),
        (lambda lines: [changed(lines[0], looks=-1), *lines[1:]], "looks is -1"),
        (lambda lines: [changed(lines[0], models=None), *lines[1:]], "models is None"),
        (lambda lines: [changed(lines[0], models=[]), *lines[1:]], "line 2: model is 0, but line 1 names 0"),
        (lambda lines: [changed(lines[0], models=["m"]), *lines[1:]], "model is 'm'"),
        (lambda lines: [changed(lines[0], models=[{"id": "m"}]), *lines[1:]], "is missing version"),
        (lambda lines: [lines[0], changed(lines[1], model=1), *lines[2:]], "line 2: model is 1"),
        (lambda lines: [lines[0], changed(lines[1], model=True), *lines[2:]], "line 2: model is True"),
        (lambda lines: [changed(lines[0], extra=1), *lines[1:]], "unknown keys: extra"),
        (lambda lines: [lines[0], without(lines[1], "at"), *lines[2:]], "line 2: is missing at"),
        (lambda lines: [lines[0], changed(lines[1], more=1), *lines[2:]], "line 2: .*more"),
        (lambda lines: [lines[0], changed(lines[1], name=""), *lines[2:]], "line 2: .*name"),
        (lambda lines: [lines[0], changed(lines[1], name="unknown"), *lines[2:]], "line 2: .*unknown"),
        (lambda lines: [lines[0], changed(lines[1], name=7), *lines[2:]], "line 2: name is 7"),
        (lambda lines: [lines[0], changed(lines[1], source="\ud800"), *lines[2:]], "not valid Unicode"),
        (lambda lines: [lines[0], changed(lines[1], at="yesterday"), *lines[2:]], "at is 'yesterday'"),
        (lambda lines: [lines[0], changed(lines[1], embedding="AAAA"), *lines[2:]], "3 bytes"),
        (lambda lines: [lines[0], changed(lines[1], embedding="?"), *lines[2:]], "embedding is not base64"),
        (lambda lines: [lines[0], changed(lines[1], embedding="é"), *lines[2:]], "embedding is not base64"),
        (lambda lines: [lines[0], changed(lines[1], chip="é"), *lines[2:]], "chip is not base64"),
        (
            lambda lines: [
                lines[0],
                changed(lines[1], embedding=base64.b64encode(np.full(128, np.nan, "<f4").tobytes()).decode()),
                *lines[2:],
            ],
            "line 2: .*not finite",
        ),
        (lambda lines: [lines[0], changed(lines[1], chip="AAAA"), *lines[2:]], "not a PNG image"),
        (lambda lines: [lines[0], [1], *lines[2:]], "line 2: is not a JSON object"),
    ],
)
def test_files_with_a_fault(tmp_path, exported, change, said):
    lines = [json.loads(line) for line in exported.read_text(encoding="utf-8").splitlines()]
    exported.write_text("".join(json.dumps(line) + "\n" for line in change(lines)))
    with pytest.raises(GalleryError, match=said) as caught:
        read_portable(exported)
    assert str(exported) in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"{", b"{}" * 3, b"[" * 100000, b"x" * 5_000_000, b'{"a":1,"a":2}']
)
def test_files_that_are_something_else(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(GalleryError, match="line 1"):
        read_portable(path)


def test_no_file(tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(GalleryError, match="give a file"):
            read_portable(path)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_harmless(exported, position, byte):
    content = bytearray(exported.read_bytes())
    content[position % len(content)] = byte
    path = exported.with_name("changed.jsonl")
    path.write_bytes(content)
    try:
        portable = read_portable(path)
    except GalleryError:
        return
    assert len(portable) == 3
