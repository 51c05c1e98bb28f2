# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/image_annotated` and `~/image_anonymized`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.outputs.image_output import ImageOutput
from face_detect_ros.viz.draw import draw_detections


class AnnotatedOutput(ImageOutput):
    """The image with its detections drawn on it.

    Args:
        topics: Of the camera.
        jpeg_quality: Gives the quality of the compressed image.
        private: Whether to draw on the covered image, so that no face leaves the robot.
    """

    locates = True

    def __init__(
        self, topics: CameraTopics, jpeg_quality: Callable[[], int], private: Callable[[], bool]
    ) -> None:
        super().__init__(topics, "~/image_annotated", jpeg_quality)
        self._private = private

    @property
    def covers(self) -> bool:  # type: ignore[override]
        return self._private()

    def image(self, result: Result) -> np.ndarray | None:
        canvas = result.covered if self._private() else result.frame.image
        if canvas is None:  # this frame was in work when somebody subscribed
            return None
        positions = result.positions
        distances = None if positions is None else np.linalg.norm(positions.points, axis=1)
        return draw_detections(
            canvas, result.detections, result.labels, names=result.names, distances_m=distances
        )


class AnonymizedOutput(ImageOutput):
    """The image with every face covered."""

    covers = True

    def __init__(self, topics: CameraTopics, jpeg_quality: Callable[[], int]) -> None:
        super().__init__(topics, "~/image_anonymized", jpeg_quality)

    def image(self, result: Result) -> np.ndarray | None:
        return result.covered  # None: this frame was in work when somebody subscribed
