# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Locates detections in space."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from face_detect_ros.depth.positions import locate
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.result import Result
from face_detect_ros.pipeline.stage import Step

STANDING = ("person",)
"""Classes that stand on the ground plane, if the scene has one."""


class Locate:
    """Adds positions to the results of streams that have a camera model with depth or a ground plane."""

    name = "locate"

    def open(self) -> Step:
        return _step

    def close(self) -> None:
        """Nothing is shared."""


def _step(result: Result, options: PipelineOptions) -> Result:
    found = result.detections
    if result.scene is None or not options.locate or not len(found):
        return result
    scene = result.scene()
    if scene is None:
        return result
    standing = np.array([name in STANDING for name in result.labels], bool)
    return replace(result, positions=locate(scene, found.boxes, standing[found.class_ids], found.masks))
