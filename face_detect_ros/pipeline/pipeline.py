# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The one way from frames to results: nodes, commands, bags and tests all use it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.frame import Frame
from face_detect_ros.core.protocols import Detector
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.result import Result
from face_detect_ros.pipeline.stage import Stage
from face_detect_ros.pipeline.stages.locate import Locate
from face_detect_ros.pipeline.stages.track import Track
from face_detect_ros.pipeline.stream import Stream

S = TypeVar("S", bound=Stage)


class Pipeline:
    """A detector and the stages behind it. One thread at a time may use an instance.

    Args:
        detector: Finds things in a batch of images. Closed with the pipeline.
        stages: At work on each result, in this order. Closed with the pipeline.
        default_options: For callers that have none of their own.
    """

    def __init__(self, detector: Detector, stages: Sequence[Stage], default_options: PipelineOptions) -> None:
        self.detector = detector
        self.stages = tuple(stages)
        self.default_options = default_options

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names that `Detections.class_ids` index into."""
        return self.detector.labels

    @property
    def device(self) -> str:
        """Where the detector computes, for people to read."""
        return self.detector.device

    def stage(self, kind: type[S]) -> S | None:
        """The stage of this kind; None if there is none."""
        return next((stage for stage in self.stages if isinstance(stage, kind)), None)

    def open_stream(self, name: str = "") -> Stream:
        """A stream of its own for one source of frames."""
        return Stream(name, {stage.name: stage.open() for stage in self.stages})

    def process(
        self,
        batch: Sequence[tuple[Stream, Frame]],
        options: PipelineOptions,
        early: Callable[[Stream, Result], None] | None = None,
    ) -> list[Result]:
        """Process the frames of any number of streams in one detector call.

        Args:
            batch: Streams of this pipeline with a frame each. A stream may occur several times, its oldest frame first.
            options: For all of them.
            early: Called with each result as soon as its detections are final, before anybody is recognized.

        Returns:
            A result for each frame, in order.

        Raises:
            DetectorError: The detector failed, or the pipeline is closed.
            GalleryError: The gallery can no longer be read.
        """
        if not batch:
            return []
        found = self.detector.detect([frame.image for _, frame in batch], options.wide)
        times = self.detector.times
        results = []
        for (stream, frame), detections in zip(batch, found, strict=True):
            stream.advance(frame)
            scene = None if stream.scene_of is None else partial(stream.scene_of, frame)
            result = Result(frame, self.labels, detections, Detections.empty(), scene=scene, times=times)
            final = Locate.name if Locate.name in stream.steps else Track.name
            for name, step in stream.steps.items():
                result = step(result, options)
                if early is not None and name == final:
                    early(stream, result)
            results.append(result)
        return results

    def warmup(self) -> None:
        """Do what the first call would otherwise pay for."""
        self.detector.warmup()

    def close(self) -> None:
        """Release everything, also while another thread is inside `process`, which then ends with an error or soon.
        Calling it twice is fine."""
        self.detector.close()
        for stage in self.stages:
            stage.close()
