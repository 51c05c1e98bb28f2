"""Published weights: where they come from, what they are, and under which licence."""

from __future__ import annotations

from dataclasses import dataclass

from face_detect_ros.core.errors import ConfigError


@dataclass(frozen=True)
class RemoteFile:
    """One file of a checkpoint.

    name: inside the checkpoint's folder. url: where it is published. sha256: 64 hex digits, or empty where the
    digest is recorded on first fetch.
    """

    name: str
    url: str
    sha256: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """Published weights of one model.

    files: one (then `cache.locate` gives that file) or several (then it gives their folder).
    source: page to read about them. licence: SPDX, of the weights. input_size: side of the square in pixels.
    classes: what they detect, in words. ap: published COCO val2017 AP in per cent, or None.
    reference: where `ap` is from.
    """

    name: str
    files: tuple[RemoteFile, ...]
    source: str
    licence: str
    input_size: int
    classes: str
    ap: float | None
    reference: str


CHECKPOINTS: dict[str, Checkpoint] = {}


def find(name: str) -> Checkpoint:
    """The checkpoint of that name. Raises ConfigError, listing what there is, for an unknown one."""
    if name not in CHECKPOINTS:
        raise ConfigError(f"checkpoint '{name}' is not known; choose one of: {', '.join(CHECKPOINTS)}")
    return CHECKPOINTS[name]
