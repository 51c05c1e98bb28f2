# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Folders that tests read from."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEST = ROOT / "test"
SHARED = ROOT.parent / "shared" / "data"
FIELD = ROOT.parent / "shared" / "cases" / "field"
