# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The stages behind a detector whose answers are known: tracks, names, covers, in the order of the bag."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.frame import Frame
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.fleet.one_bag.journal import Answer
from face_detect_ros.fleet.one_bag.scenes import SceneOf
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.result import Result
from face_detect_ros.pipeline.stream import Stream


class KnownAnswer:
    """Stands in for a detector. `answer`: what it says next."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.labels = pipeline.labels
        self.device = pipeline.device
        self.times = StageTimes()
        self.answer = Answer(Detections.empty(), self.times)

    def detect(self, images: Sequence[np.ndarray], options: DetectOptions) -> list[Detections]:
        """The answer for the one image that it belongs to."""
        self.times = self.answer.times
        return [self.answer.detections]

    def warmup(self) -> None:
        """Nothing is loaded."""

    def close(self) -> None:
        """The detector it stands for is closed by its owner."""


class Stages:
    """What `pipeline` does behind its detector, with a stream for each topic. One thread at a time may use it.

    Args:
        pipeline: Its stages are used; it is not closed here.
        options: Of every call.
    """

    def __init__(self, pipeline: Pipeline, options: PipelineOptions) -> None:
        self._known = KnownAnswer(pipeline)
        self._pipeline = Pipeline(self._known, pipeline.stages, options)
        self._streams: dict[str, Stream] = {}
        self.options = options

    def process(self, topic: str, frame: Frame, answer: Answer, scene_of: SceneOf | None = None) -> Result:
        """Process the next image of a topic without its network.

        Args:
            topic: Of the image.
            frame: The image.
            answer: What the detector found in it.
            scene_of: Gives the space that the image shows; None where there is no depth.

        Raises:
            GalleryError: The gallery cannot be read.
        """
        if topic not in self._streams:
            self._streams[topic] = self._pipeline.open_stream(topic)
        self._known.answer = answer
        self._streams[topic].scene_of = scene_of
        return self._pipeline.process([(self._streams[topic], frame)], self.options)[0]
