# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The benchmark of drawing runs, on what a video would show."""

from face_detect_ros.benchmarks import drawing


def test_rows(monkeypatch) -> None:
    monkeypatch.setattr(drawing, "SIZES", ((320, 240), (640, 480)))
    small, vga = drawing.run()
    assert small.name == "draw 10 faces 320x240"
    assert small.goal is None
    assert vga.goal == 2.0
    assert vga.limit is not None
    assert vga.ours > vga.limit
