# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every source file says whose it is (REP 2004)."""

from helpers.paths import ROOT

FOLDERS = ("face_detect_ros", "launch", "test", "tools", "docs")
SOURCES = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") if file.stat().st_size]
HEADER = "# SPDX-FileCopyrightText: 2026 face_detect_ros authors\n# SPDX-License-Identifier: Apache-2.0\n"


def test_every_source_file_has_a_copyright_statement():
    assert [str(file) for file in SOURCES if HEADER not in file.read_text()[:300]] == []
