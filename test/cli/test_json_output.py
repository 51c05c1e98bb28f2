# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names in JSON: exact in every script, and valid JSON whatever stdout can encode."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.cli.common.json_output import print_json
from face_detect_ros.faces.gallery.gallery import Gallery

NAMES = {
    "Chinese": "王小明",
    "Japanese": "さくら 桜",
    "Korean": "김민준",
    "Cyrillic": "Наталья Щукина",
    "Arabic": "محمد الأمين",
    "Devanagari": "प्रिया शर्मा",
    "diacritics": "José Ångström Nguyễn",
    "beyond 16 bits": "𠮷野家 😀",
    "quotes": 'O\'Neil "Tip" \\',
}
by_script = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())


def printed(record: dict, encoding: str, monkeypatch: pytest.MonkeyPatch) -> bytes:
    raw = io.BytesIO()
    # as app.main sets up stdout
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace"))
    print_json(record)
    return raw.getvalue()


@by_script
def test_names_are_readable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    line = printed({"name": name}, "utf-8", monkeypatch)
    assert json.loads(line) == {"name": name}
    assert json.dumps(name, ensure_ascii=False).encode() in line
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1


@by_script
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_json_stays_valid_where_stdout_cannot_encode_a_name(
    name: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = printed({"name": name}, encoding, monkeypatch)
    assert json.loads(line.decode(encoding)) == {"name": name}


def test_a_file_name_that_is_not_utf8_stays_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    path = b"/photos/\xff\xe9.png".decode("utf-8", "surrogateescape")
    assert json.loads(printed({"image": path}, "utf-8", monkeypatch)) == {"image": path}


def test_the_gallery_lists_names_as_they_were_given(tmp_path: Path) -> None:
    path = tmp_path / "gallery.sqlite3"
    looks = np.eye(len(NAMES), 128, dtype=np.float32)
    with Gallery(path, "a model") as gallery:
        for name, look in zip(NAMES.values(), looks, strict=True):
            gallery.enroll(name, look, f"{name}.jpg")
    result = CliRunner().invoke(app, ["people", "list", "--json", "--gallery", str(path)])
    assert {person["name"] for person in json.loads(result.stdout)["people"]} == set(NAMES.values())
    assert NAMES["Chinese"] in result.stdout
