# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Text from outside in logs and messages."""

from __future__ import annotations

import pytest

from face_detect_ros.core.text import as_utf8, printable, shown_url, without_credentials


def test_control_characters_and_line_breaks_are_shown_as_such() -> None:
    assert printable("a\x1b[2Jb\nc\r\u202e é 王 \\") == "a\\x1b[2Jb\\nc\\r\\u202e é 王 \\"


def test_what_utf8_cannot_encode_is_written_out() -> None:
    assert as_utf8("h\udcff/é 王\n") == "h\\udcff/é 王\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://admin:hunter2@camera/main: no answer", "rtsp://camera/main: no answer"),
        ("cannot open 'https://u:hunter2@a/b' or http://c:d@e", "cannot open 'https://a/b' or http://e"),
        ("rtsp:/admin:hunter2@camera", "rtsp:/camera"),
        ("//admin:hunt@er2@camera", "//camera"),
        ("rtsp//admin:hunter2@camera", "rtsp//camera"),
        ("rtsp:admin:hunter2@camera: missing", "camera: missing"),
        ("'admin:hunter2@camera' is missing", "'camera' is missing"),
        ("model.onnx: 3 names; 12:30 at noon", "model.onnx: 3 names; 12:30 at noon"),
        ("mail someone@example.org", "mail someone@example.org"),
        ("rtsp://hunter2@camera/main: no answer", "rtsp://camera/main: no answer"),
        ("get 'https://b/x.mcap?X-Amz-Signature=hunter2': 403", "get 'https://b/x.mcap': 403"),
        (
            "https://b/x.mcap?sig=hunter2: not there, https://c/d.",
            "https://b/x.mcap: not there, https://c/d.",
        ),
        ("http://host:80/a@b", "http://b"),  # an unescaped / may belong to a password
    ],
)
def test_credentials_are_left_out(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://me:secret@b/x", "s3://b/x"),
        ("s3://secret@b/x", "s3://b/x"),
        ("s3://b/day=1/a@b#c.mcap", "s3://b/day=1/a@b#c.mcap"),
        ("https://b/x.mcap?X-Amz-Signature=secret", "https://b/x.mcap"),
        ("abfs://container@account.dfs.core.windows.net/x?sig=secret", "abfs://container@account.dfs.core.windows.net/x"),
        ("drives/a@b?c", "drives/a@b?c"),
    ],
)  # fmt: skip
def test_how_objects_of_stores_are_shown(url: str, shown: str) -> None:
    assert shown_url(url, keys=True) == shown
