# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the best model of a training gets right and wrong, in files for the page about the training."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2

from face_detect_ros.core.errors import OutputError
from face_detect_ros.detectors.catalogue import OBJECT_OPTIONS
from face_detect_ros.evaluation.coco import Found
from face_detect_ros.evaluation.coco_annotations import CocoAnnotations
from face_detect_ros.evaluation.mistakes import confusion, examples, find_mistakes
from face_detect_ros.files.whole_file import whole_folder
from face_detect_ros.reports.training import BEST, WORST
from face_detect_ros.training import state

_NAME_LETTERS = 60  # up to four bytes each; file systems allow 255


def write(
    folder: Path, epoch: int, held_back: CocoAnnotations, found: Found, figures: Mapping[str, Any]
) -> None:
    """Write `best.json`, with the figures and the confusion, and `worst`, images with the mistakes drawn on them.

    Args:
        folder: Of the training.
        epoch: That the model is of, from 1.
        held_back: Images to evaluate on.
        found: What the model found in them.
        figures: Of the model, as `evaluate coco` prints them.

    Raises:
        OutputError: The folder cannot be written.
        SourceError: An image cannot be read.
    """
    mistakes = find_mistakes(held_back, found, OBJECT_OPTIONS.score_threshold)
    record = {"epoch": epoch, **figures, "confusion": confusion(mistakes, held_back.categories)}
    shown = examples(mistakes, [image.path for image in held_back.images])
    try:
        with whole_folder(folder / WORST) as new:
            for place, (image, caption) in enumerate(shown, 1):
                # names of classes may have slashes
                name = re.sub(r"[\s/]", "_", caption.replace(":", ""))[:_NAME_LETTERS]
                _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
                (new / f"{place:02}_{name}.jpg").write_bytes(data.tobytes())
    except OSError as error:
        raise OutputError(f"{folder / WORST}: {error.strerror or error}; make room") from error
    with state.written_whole(folder / BEST) as path:
        path.write_text(json.dumps(record), encoding="utf-8")
