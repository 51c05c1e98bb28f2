# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Small files of others: what is read, and what is refused with its path and a reason."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.files.reading import (
    number,
    numbers,
    parse_json,
    parse_yaml,
    read_bytes,
    read_json,
    read_object,
    read_text,
    read_yaml,
)


def aliases(levels: int, each: int = 9) -> str:
    """Each level repeats the one before it `each` times."""
    lines = ["l0: &l0 [" + ", ".join(["x"] * each) + "]"]
    lines += [f"l{n}: &l{n} [" + ", ".join([f"*l{n - 1}"] * each) + "]" for n in range(1, levels)]
    return "\n".join(lines)


def test_plain_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b'\xef\xbb\xbf{"a": [1, 2.5, "\xc3\xa9"]}')
    assert read_bytes(path).startswith(b"\xef\xbb\xbf{")
    assert read_text(path) == '{"a": [1, 2.5, "é"]}'
    assert read_yaml(path) == read_json(tmp_path / path.name) == {"a": [1, 2.5, "é"]}
    assert read_object(path)["a"][0] == 1
    link = tmp_path / "link"
    link.symlink_to(path)
    assert read_text(link)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "folder|directory"),
        (os.mkfifo, "a pipe, not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "a device, not a file"),
        (lambda path: path.symlink_to(path), "symbolic link"),
        (lambda path: path.write_bytes(bytes(101)), "larger than"),
        (lambda path: path.symlink_to("/proc/self/maps"), "larger than"),  # of size 0, it says
    ],
    ids=["missing", "folder", "pipe", "device", "circle", "too large", "of unknown size"],
)
def test_what_is_no_small_file_is_refused(tmp_path: Path, make, says: str) -> None:
    path = tmp_path / "it"
    make(path)
    with pytest.raises(WeightsError, match=says) as caught:
        read_bytes(path, most_bytes=100, error=WeightsError, hint="copy it again")
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith("; copy it again")


def test_a_pipe_is_waited_for_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"content",), daemon=True)
    writer.start()
    assert read_bytes(path, pipes=True) == b"content"


def test_what_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a\xff")
    with pytest.raises(ConfigError, match=r"not a UTF-8 text .* at byte 1"):
        read_text(path)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, "1" * 6000, b"\xff", '{"a": 1} x'],
    ids=["empty", "open", "deep", "long number", "binary", "more"],
)
def test_bad_json_is_an_error_with_its_name(text) -> None:
    if text == "1" * 6000 and not hasattr(int, "bit_count"):
        pytest.skip("this Python reads numbers of any length")
    with pytest.raises(ConfigError, match=r"labels\.json: not JSON"):
        parse_json(text, "labels.json")


def test_json_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(ConfigError, match=r"list\.json: not a JSON object"):
        read_object(tmp_path / "list.json")


@pytest.mark.parametrize(
    "text",
    [
        "a: [1",
        "[" * 60 + "]" * 60,
        "- " * 3000,
        aliases(9),
        "&a [*a]",
        "a: *missing",
        "a: 2024-13-45",
        "? [a]\n: b",
        "a: !!python/object/apply:os.getcwd []",
        "[" + "a," * 100_001 + "]",
        "<<: 3",
        "a: \0",
    ],
    ids=[
        "open",
        "deep",
        "deep lists",
        "billion laughs",
        "circle",
        "unknown alias",
        "bad date",
        "key that is a list",
        "call",
        "too many values",
        "bad merge",
        "zero byte",
    ],
)
def test_bad_yaml_is_an_error_with_its_name(text: str) -> None:
    with pytest.raises(ConfigError, match=r"data\.yaml: not YAML that can be used"):
        parse_yaml(text, "data.yaml")


def test_aliases_are_fine_within_bounds() -> None:
    assert parse_yaml("a: &a [1, 2]\nb: *a\nc: {<<: {x: 3}}", "") == {"a": [1, 2], "b": [1, 2], "c": {"x": 3}}
    assert len(parse_yaml(aliases(3), "")["l2"]) == 9


def test_opencvs_yaml() -> None:
    text = "%YAML:1.0\n---\nK: !!opencv-matrix\n   rows: 1\n   cols: 2\n   dt: d\n   data: [ 1., 2.5e+01 ]\n"
    assert parse_yaml(text, "") == {"K": {"rows": 1, "cols": 2, "dt": "d", "data": [1.0, 25.0]}}


@pytest.mark.parametrize(("value", "result"), [(1, 1.0), (-2.5, -2.5), ("1e-3", 0.001)])
def test_numbers(value, result: float) -> None:
    assert number(value) == result
    assert numbers([value, value], 2) == [result, result]


@pytest.mark.parametrize(
    "value", [None, True, "x", [], float("nan"), float("inf"), "1e999", 10**400, 2e15], ids=str
)
def test_what_is_not_a_number(value) -> None:
    with pytest.raises(ValueError, match=r"is not a (finite )?number$|float"):
        number(value)
    with pytest.raises(ValueError, match=r"is not a (finite )?number$|float"):
        numbers([1, value])


def test_lists_of_another_length() -> None:
    with pytest.raises(ValueError, match="2 numbers, expected 3"):
        numbers([1, 2], 3)
    with pytest.raises(ValueError, match="not a list"):
        numbers("12")
