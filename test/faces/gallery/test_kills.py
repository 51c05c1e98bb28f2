# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""SIGKILL while the gallery is written. Long form: test/attack/kills.py."""

from attack.kills import one_kill


def test_nothing_acknowledged_is_lost_and_nothing_is_half_written(tmp_path):
    known: set[str] = set()
    for number, after_s in enumerate((0.0, 0.05)):
        assert one_kill(tmp_path / "gallery.db", 10_000 * number, after_s, known) == []
    assert known
