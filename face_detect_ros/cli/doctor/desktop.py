# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What screens, videos and drawn names need."""

from __future__ import annotations

import importlib
import os
import shutil

from face_detect_ros.cli.doctor.finding import Finding


def check_display() -> Finding:
    display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    if not display:
        return Finding("display", "note", "none: no screen source and no RViz here", "nothing else needs one")
    return Finding("display", "ok", display)


def check_ffmpeg() -> Finding:
    path = shutil.which("ffmpeg")
    if path is None:
        return Finding(
            "ffmpeg",
            "note",
            "not there",
            "sudo apt install ffmpeg; the screen source and videos in H.264 need it",
        )
    return Finding("ffmpeg", "ok", path)


def check_fonts() -> Finding:
    fonts = importlib.import_module("face_detect_ros.viz.fonts")
    base = fonts.base_typeface(bold=True).path or "Pillow's own font"
    missing = fonts.missing_scripts()
    if missing:
        return Finding(
            "fonts",
            "note",
            f"{base}; none for {', '.join(missing)}",
            "sudo apt install fonts-dejavu-core fonts-noto-core fonts-noto-cjk; only names drawn in images need them",
        )
    return Finding("fonts", "ok", base)
