# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Recognizes how the outputs of an ONNX object detector are laid out, by shapes and by the numbers of a trial run.

Nothing is guessed: what fits no layout, or more than one, is refused with what is there and what would be understood.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.onnx.format import KEY, OnnxFormat
from face_detect_ros.detectors.onnx.labels import label_files
from face_detect_ros.detectors.onnx.layouts import LAYOUTS
from face_detect_ros.detectors.onnx.layouts.grids import cells_of, has_anchors
from face_detect_ros.detectors.onnx.layouts.layout import (
    SCORE_SLACK,
    Layout,
    Match,
    Proposals,
    Trial,
    UnclearError,
)
from face_detect_ros.zoo.published import coco

_NOWHERE_PX = 2.0
_FAR = 20.0  # times the input's size


def recognize(trial: Trial, file: Path) -> tuple[Layout, Match, dict[str, Any]]:
    """The one layout that the outputs have, what it reads, and the fields of `OnnxFormat` that the numbers tell.

    Raises:
        ConfigError: No layout fits, or more than one.
    """
    found, reasons = [], []
    for layout in LAYOUTS.values():
        match = layout.find(trial)
        if match is None:
            continue
        try:
            told = layout.agrees(trial, match)
        except UnclearError as unclear:
            reasons.append(f"they may be '{layout.name}', but {unclear}")
            continue
        if told is None:
            reasons.append(_why_not(layout))
        else:
            found.append((layout, match, told))
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(f"'{layout.name}'" for layout, _, _ in found)
        raise unknown(trial, file, f"they could be {names}")
    hint = _hint(trial, file)
    raise unknown(trial, file, hint or "; ".join(reasons) or "these outputs belong to none of them")


def matched(trial: Trial, described: OnnxFormat, file: Path) -> Match:
    """What the layout reads that the file's metadata names.

    Args:
        trial: The outputs for one image.
        described: What the metadata says.
        file: The model, for errors.

    Raises:
        ConfigError: The outputs do not have this layout.
    """
    layout = LAYOUTS[described.layout]
    match = layout.find(trial)
    if match is None:
        raise unknown(
            trial,
            file,
            f"its metadata names the layout '{layout.name}', which needs {layout.outputs}",
        )
    return match


def check(proposals: Proposals, trial: Trial, file: Path) -> None:
    """Check that what was read from the trial can be detections; where the metadata is wrong, it cannot.

    Args:
        proposals: As the chosen layout reads the outputs.
        trial: The outputs for one image.
        file: The model, for errors.

    Raises:
        ConfigError: Scores or boxes are impossible.
    """
    scores = proposals.scores.astype(np.float32)
    if proposals.objectness is not None:
        scores = np.concatenate([scores.ravel(), proposals.objectness.astype(np.float32)])
    if scores.size and not (scores.min() >= -SCORE_SLACK and scores.max() <= 1 + SCORE_SLACK):
        raise unknown(
            trial,
            file,
            f"read so, scores go from {scores.min():.3g} to {scores.max():.3g}, not from 0 to 1: the file gives raw "
            "numbers; export it with its activations, or correct its metadata",
        )
    rows = np.arange(len(proposals.scores))
    if proposals.class_ids is not None:  # what scores 0 is padding
        rows = np.flatnonzero(proposals.scores > 0)
    boxes = proposals.boxes(rows)
    if not len(boxes):
        return
    reach = np.abs(boxes).max()
    if reach <= _NOWHERE_PX:
        raise unknown(
            trial,
            file,
            f"read so, all boxes lie within {_NOWHERE_PX:.0f} px of the upper left corner: they are fractions of the "
            'image; its metadata should say "unit": "fractions"',
        )
    if np.median(np.abs(boxes)) > _FAR * max(trial.size):
        raise unknown(
            trial,
            file,
            f"read so, boxes reach to {reach:.3g} px: they are in pixels already, or of another layout",
        )


def unknown(trial: Trial, file: Path, why: str) -> ConfigError:
    """An error that shows the outputs and the layouts that are understood.

    Args:
        trial: The outputs for one image.
        file: The model.
        why: What does not fit, as the beginning of a sentence.
    """
    there = "; ".join(f"{name} {tuple(value.shape)}" for name, value in trial.outputs.items())
    return ConfigError(
        f"{file}: cannot tell how its outputs are to be read: {there} for an input of {trial.size[0]}x"
        f"{trial.size[1]}. {why[0].upper()}{why[1:]}. "
        f"Layouts that are understood: {', '.join(LAYOUTS)} (see docs/objects.md). If it is one of these, say so in "
        f'the file\'s metadata: {KEY} = {{"layout": "..."}}'
    )


def _why_not(layout: Layout) -> str:
    if layout.name == "boxes_scores":
        return "boxes and scores alone do not say what pixels should be and whether boxes overlap"
    return f"they have the shapes of '{layout.name}', but not its numbers"


def _hint(trial: Trial, file: Path) -> str:
    """What is known of outputs that are often met and are of no layout."""
    if {"cls_8", "obj_8", "bbox_8", "kps_8"} <= set(trial.outputs):
        return f"this is the face detector YuNet: give it to the face detector, as yunet:{file}"
    dense = [
        value.shape[2]
        for value in trial.outputs.values()
        if value.ndim == 3
        and (cells_of(value.shape[1], trial.size) is not None or has_anchors(value.shape[1], trial.size))
    ]
    if len(dense) != 1 or dense[0] < 6:
        return ""
    if trial.label_count is None:
        if dense[0] in (4 + len(coco.CLASSES), 5 + len(coco.CLASSES)):
            return ""
        return (
            f"whether one of the {dense[0]} columns is objectness depends on the number of classes: name them, one a "
            f"line, in {label_files(file)[0].name} beside it"
        )
    if dense[0] - trial.label_count not in (4, 5):
        return f"{dense[0]} columns fit neither 4 nor 5 more than the {trial.label_count} names of classes"
    return ""
