"""Weights that come with this package, in its folder `weights`; a card beside each says what it is."""

from __future__ import annotations

from pathlib import Path

from face_detect_ros.core.errors import WeightsError

_FOLDER = Path(__file__).parents[2] / "weights"


def locate(name: str) -> Path:
    """The file called `name`. Raises WeightsError where it is not there."""
    path = _FOLDER / name
    if not path.is_file():
        raise WeightsError(f"{path}: comes with face_detect_ros but is not there; install the package again")
    return path


def card(name: str) -> Path:
    """The Markdown file about the weights called `name`."""
    return _FOLDER / Path(name).with_suffix(".md")
