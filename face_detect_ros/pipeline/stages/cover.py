# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Makes people unrecognizable in images that leave the robot."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.result import Result
from face_detect_ros.pipeline.stage import Step
from face_detect_ros.viz.anonymize import Anonymizer, AnonymizerOptions

Cover = Literal["faces", "heads", "persons"]
COVERS: tuple[str, ...] = get_args(Cover)

PERSON_SCORE = 0.1
"""Persons from this score on are covered: far below what is published, since a needless cover hides little."""
_PERSON = "person"
_HEAD_HEIGHT, _HEAD_WIDTHS = 0.35, 1.0
"""How far down a person's box the head reaches: a share of the box's height, or of its width where the box shows only
the upper part of a person. Both are generous."""


class CoverFaces:
    """Covers every face, faint ones too, where a call asks for `Result.covered`.

    Args:
        options: How faces are covered.
        cover: "faces"; "heads", also the upper part of each person without a face; or "persons", all of each person.
        persons: Detector of persons; closed with the stage. Needed for all but "faces".
        faces: Detector of faces, for all but "faces": it looks again at the image turned upside down. Not closed.
        detecting: Held while `faces` is at work: bags have images detected in another thread.

    Raises:
        ConfigError: `persons` does not know persons, or somebody is exempt from a cover that is not of faces.
    """

    name = "cover"

    def __init__(
        self,
        options: AnonymizerOptions,
        cover: Cover = "faces",
        persons: Detector | None = None,
        faces: Detector | None = None,
        detecting: threading.Lock | None = None,
    ) -> None:
        if cover not in COVERS:
            raise ConfigError(f"cover is '{cover}'; choose one of: {', '.join(COVERS)}")
        if cover != "faces" and options.whom != AnonymizerOptions.whom:
            raise ConfigError(
                f"{cover} are covered without knowing whose they are; cover {AnonymizerOptions.whom}, or faces only"
            )
        self._options = options
        self._cover = cover
        self._persons = persons
        self._faces = faces if cover != "faces" else None
        self._detecting = detecting or threading.Lock()
        self._find: DetectOptions | None = None
        if cover != "faces":
            if persons is None or _PERSON not in persons.labels:
                raise ConfigError(f"{cover} cannot be covered: no detector that knows persons")
            person = persons.labels.index(_PERSON)
            self._find = DetectOptions(score_threshold=PERSON_SCORE, max_detections=300, class_ids=(person,))

    def open(self) -> Step:
        anonymizer = Anonymizer(self._options)

        def step(result: Result, options: PipelineOptions) -> Result:
            if not options.cover:
                return result
            frame = result.frame
            more = [result.faint.boxes, self._turned(frame.image, options), self._without_face(result)]
            covered = anonymizer.apply(
                frame.image,
                result.detections,
                frame.stamp_ns,
                result.names,
                np.concatenate(more),
                arrival_s=frame.arrival_s,
            )
            return replace(result, covered=covered)

        return step

    def close(self) -> None:
        if self._persons is not None:
            self._persons.close()

    def _turned(self, image: np.ndarray, options: PipelineOptions) -> np.ndarray:
        """(K, 4) faces that are found in the image turned upside down; xyxy px of the image as it is."""
        if self._faces is None:
            return np.empty((0, 4), np.float32)
        with self._detecting:
            (found,) = self._faces.detect([np.ascontiguousarray(image[::-1, ::-1])], options.wide)
        height, width = image.shape[:2]
        return np.array([width, height, width, height], np.float32) - found.boxes[:, [2, 3, 0, 1]]

    def _without_face(self, result: Result) -> np.ndarray:
        """(K, 4) boxes, xyxy px, of what is covered besides faces."""
        if self._persons is None or self._find is None:
            return np.empty((0, 4), np.float32)
        (persons,) = self._persons.detect([result.frame.image], self._find)
        if self._cover == "persons":
            return persons.boxes
        # a face that is found upside down spares no head: that of another may be there
        return heads(persons, np.concatenate([result.detections.boxes, result.faint.boxes]))


def heads(persons: Detections, faces: np.ndarray) -> np.ndarray:
    """The upper parts of persons in whom no face was found.

    Args:
        persons: Their boxes.
        faces: (N, 4) xyxy, pixels of the image.

    Returns:
        (K, 4) xyxy in pixels of the image, the upper part of each person that holds the center of no face.
    """
    upper = persons.boxes.copy()
    sides = upper[:, 2:] - upper[:, :2]
    height = np.maximum(_HEAD_HEIGHT * sides[:, 1], _HEAD_WIDTHS * sides[:, 0])
    upper[:, 3] = upper[:, 1] + np.minimum(height, sides[:, 1])
    centers = (faces[:, :2] + faces[:, 2:]) / 2
    inside = (centers[None] >= upper[:, None, :2]) & (centers[None] <= upper[:, None, 2:])
    # one face belongs to one person: of those in whose upper part it is, the smallest
    area = np.where(inside.all(axis=2), ((upper[:, 2:] - upper[:, :2]).prod(axis=1))[:, None], np.inf)
    has_face = np.zeros(len(upper), bool)
    if area.size:
        nearest = area.argmin(axis=0)
        has_face[nearest[np.isfinite(area.min(axis=0))]] = True
    return upper[~has_face]


class CoverEverything:
    """Leaves no pixel of the camera's image: for detectors that do not know where faces are."""

    name = "cover"

    def open(self) -> Step:
        def step(result: Result, options: PipelineOptions) -> Result:
            return replace(result, covered=np.zeros_like(result.frame.image)) if options.cover else result

        return step

    def close(self) -> None:
        """Nothing is shared."""
