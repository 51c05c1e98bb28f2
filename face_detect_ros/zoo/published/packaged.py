# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Weights that come with this package, in its folder `weights`; a card beside each describes them."""

from __future__ import annotations

from pathlib import Path

from face_detect_ros.core.errors import WeightsError

_FOLDER = Path(__file__).parents[2] / "weights"


def locate(name: str) -> Path:
    """Returns the path of the file `name`. Raises WeightsError if it is missing."""
    path = _FOLDER / name
    if not path.is_file():
        raise WeightsError(f"{path}: comes with face_detect_ros but is missing; install the package again")
    return path


def card(name: str) -> Path:
    """Returns the path of the Markdown file about the weights `name`."""
    return _FOLDER / Path(name).with_suffix(".md")
