# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Makes people unrecognizable in images that leave the robot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.result import Result
from face_detect_ros.pipeline.stage import Step
from face_detect_ros.viz.anonymize import Anonymizer, AnonymizerOptions


class CoverFaces:
    """Covers every face, faint ones too, where a call asks for `Result.covered`."""

    name = "cover"

    def __init__(self, options: AnonymizerOptions) -> None:
        self._options = options

    def open(self) -> Step:
        anonymizer = Anonymizer(self._options)

        def step(result: Result, options: PipelineOptions) -> Result:
            if not options.cover:
                return result
            frame = result.frame
            covered = anonymizer.apply(
                frame.image,
                result.detections,
                frame.stamp_ns,
                result.names,
                result.faint.boxes,
                arrival_s=frame.arrival_s,
            )
            return replace(result, covered=covered)

        return step

    def close(self) -> None:
        """Nothing is shared."""


class CoverEverything:
    """Leaves no pixel of the camera's image: for detectors that do not know where faces are."""

    name = "cover"

    def open(self) -> Step:
        def step(result: Result, options: PipelineOptions) -> Result:
            return replace(result, covered=np.zeros_like(result.frame.image)) if options.cover else result

        return step

    def close(self) -> None:
        """Nothing is shared."""
