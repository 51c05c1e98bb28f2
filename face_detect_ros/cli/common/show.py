# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Annotated images before somebody's eyes: in a window, or in the terminal where there is none."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable

import cv2
import numpy as np

from face_detect_ros.core.errors import ConfigError

_WINDOW = "face_detect_ros"
_UPPER_HALF = "\N{UPPER HALF BLOCK}"
_HOME, _CLEAR = "\x1b[H", "\x1b[2J"


def open_show() -> Callable[[np.ndarray], None]:
    """The function to call with each (H, W, 3) uint8 RGB image.

    A window where there is a display and OpenCV has windows (its headless build, which the pip environment has, is
    without); else blocks of color on stderr, two pixels a character. Raises ConfigError where there is neither.
    """
    if (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")) and _opens_windows():
        return _show_in_window
    if sys.stderr.isatty():
        sys.stderr.write(_CLEAR)
        return _show_in_terminal
    raise ConfigError("--show: there is no display, and stderr is no terminal; use --save DIR")


def _opens_windows() -> bool:
    try:
        cv2.namedWindow(_WINDOW, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    except cv2.error:
        return False
    return True


def _show_in_window(image: np.ndarray) -> None:
    cv2.imshow(_WINDOW, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if cv2.waitKey(1) & 0xFF in (ord("q"), 27):
        raise KeyboardInterrupt


def _show_in_terminal(image: np.ndarray) -> None:
    columns, lines = shutil.get_terminal_size()
    # what is printed about the image goes below
    sys.stderr.write(_HOME + as_blocks(image, columns, max(2, lines - 6)))
    sys.stderr.flush()


def as_blocks(image: np.ndarray, columns: int, lines: int) -> str:
    """An image as lines of colored half blocks for a terminal with 24-bit color, its shape kept.

    Args:
        image: (H, W, 3) uint8 RGB.
        columns: Most characters in a line.
        lines: Most lines.
    """
    height, width = image.shape[:2]
    scale = min(columns / width, 2 * lines / height)
    size = max(1, int(width * scale)), max(2, int(height * scale) // 2 * 2)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    rows = []
    for upper, lower in zip(small[::2].tolist(), small[1::2].tolist(), strict=True):
        cells = (
            f"\x1b[38;2;{a[0]};{a[1]};{a[2]}m\x1b[48;2;{b[0]};{b[1]};{b[2]}m{_UPPER_HALF}"
            for a, b in zip(upper, lower, strict=True)
        )
        rows.append("".join(cells) + "\x1b[0m\x1b[K\n")
    return "".join(rows)
