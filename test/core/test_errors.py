# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Errors quote what others wrote; nothing in it reaches a terminal or log as a command."""

import pytest

from face_detect_ros.core.errors import ImageError, WeightsError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("model.pt: damaged", "model.pt: damaged"),
        ("a\x1b[2Jb\nc\r\td", r"a\x1b[2Jb\nc\r\td"),
        ("a\u202eb\x00\x9b", r"a\u202eb\x00\x9b"),
        ("张伟 Ærøskøbing क्\u200dष", "张伟 Ærøskøbing क्\u200dष"),
    ],
    ids=["plain", "terminal", "direction", "names"],
)
def test_control_characters_are_escaped(text, shown):
    assert str(WeightsError(text)) == shown
    assert str(ImageError("step", text)) == shown
