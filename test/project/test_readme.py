# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The Chinese README says what the English one says: the same headings, commands, tables, images and links."""

import re

import pytest
from helpers.paths import ROOT

ENGLISH, CHINESE = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
FENCED = re.compile(r"^```.*?^```", re.M | re.S)


def headings(text):
    """The level of each heading."""
    return [len(level) for level in re.findall(r"^(#+) ", FENCED.sub("", text), re.M)]


def commands(text):
    """Every line of every block of code, without its comment."""
    return [re.split(r"\s+# ", line)[0] for block in FENCED.findall(text) for line in block.splitlines()]


def tables(text):
    """The code in the cells of each row."""
    rows = [line for line in FENCED.sub("", text).splitlines() if line.startswith("|")]
    return [[sorted(re.findall(r"`[^`]+`", cell)) for cell in row.strip("|").split("|")] for row in rows]


def links(text):
    """Where its links and images lead, but for the one to the other language."""
    found = re.findall(r"\]\(([^)]+)\)", FENCED.sub("", text))
    return sorted(link for link in found if not link.startswith("README"))


@pytest.mark.parametrize("part", [headings, commands, tables, links])
def test_both_have_the_same(part):
    english, chinese = part(ENGLISH), part(CHINESE)
    different = [(e, c) for e, c in zip(english, chinese, strict=False) if e != c]
    assert different[:3] == [], f"README.zh-CN.md does not follow README.md: {part.__doc__}"
    assert len(english) == len(chinese)


def test_the_chinese_one_is_chinese():
    paragraphs = [
        line for line in FENCED.sub("", CHINESE).splitlines() if len(line) > 60 and line[0] not in "|!<"
    ]
    assert all(re.search(r"[\u4e00-\u9fff]", line) for line in paragraphs)
