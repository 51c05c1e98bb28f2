# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The one way from frames to results: nodes, commands, bags and tests all use it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.frame import Frame
from face_detect_ros.core.protocols import Detector, StageTimes
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.result import Result
from face_detect_ros.pipeline.stage import Stage, Step
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
        detecting: Held while the detector is at work; given where a stage uses it, too.
    """

    def __init__(
        self,
        detector: Detector,
        stages: Sequence[Stage],
        default_options: PipelineOptions,
        detecting: threading.Lock | None = None,
    ) -> None:
        self.detector = detector
        self.stages = tuple(stages)
        self.default_options = default_options
        self._detecting = detecting or threading.Lock()

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

    def detect(
        self, images: Sequence[np.ndarray], options: PipelineOptions
    ) -> tuple[list[Detections], StageTimes]:
        """Run the detector alone. Another thread may be at work in the stages meanwhile.

        Args:
            images: (H, W, 3) uint8 RGB each.
            options: What to detect.

        Returns:
            The detections of each image, and how long that took.

        Raises:
            DetectorError: The detector fails.
        """
        with self._detecting:
            return self.detector.detect(images, options.wide), self.detector.times

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
        results: list[Result] = []
        for answer in self.process_each(batch, options, early):
            if isinstance(answer, Exception):
                try:
                    raise answer
                finally:
                    del answer  # its traceback would keep itself alive, with the images
            results.append(answer)
        return results

    def process_each(
        self,
        batch: Sequence[tuple[Stream, Frame]],
        options: PipelineOptions,
        early: Callable[[Stream, Result], None] | None = None,
    ) -> list[Result | Exception]:
        """Like `process`, but a stage or `early` that fails on one frame does not stop the others.

        Returns:
            For each frame, in order, its result, or the exception that a stage or `early` raised.

        Raises:
            DetectorError: The detector failed, or the pipeline is closed.
        """
        if not batch:
            return []
        found, times = self.detect([frame.image for _, frame in batch], options)
        answers: list[Result | Exception] = []
        for (stream, frame), detections in zip(batch, found, strict=True):
            scene = None if stream.scene_of is None else partial(stream.scene_of, frame)
            answers.append(
                Result(
                    frame,
                    self.labels,
                    detections,
                    Detections.empty(),
                    scene=scene,
                    times=times,
                    region=stream.region,
                )
            )
        # what is known of a stream's image must be known before its next one; but no stream waits until others are done
        for indices in _rounds([stream for stream, _ in batch]):
            for index in indices:
                stream, frame = batch[index]
                stream.advance(frame)
                then = None if early is None else partial(early, stream)
                answers[index] = _attempt(_steps(stream)[0], answers[index], options, then)
            for index in indices:
                answers[index] = _attempt(_steps(batch[index][0])[1], answers[index], options)
        return answers

    def warmup(self) -> None:
        """Do what the first call would otherwise pay for."""
        self.detector.warmup()

    def close(self) -> None:
        """Release everything, also while another thread is inside `process`, which then ends with an error or soon.
        Calling it twice is fine."""
        self.detector.close()
        for stage in self.stages:
            stage.close()


def _attempt(
    steps: Sequence[Step],
    answer: Result | Exception,
    options: PipelineOptions,
    then: Callable[[Result], None] | None = None,
) -> Result | Exception:
    """The result after more steps, or the exception that one of them, or `then`, raised."""
    if isinstance(answer, Exception):
        return answer
    try:
        for step in steps:
            answer = step(answer, options)
        if then is not None:
            then(answer)
    except Exception as error:  # noqa: BLE001 - the frames of other streams may be fine
        return error
    return answer


def _steps(stream: Stream) -> tuple[list[Step], list[Step]]:
    """The steps until detections are final, and those behind."""
    names, steps = list(stream.steps), list(stream.steps.values())
    final = names.index(Locate.name if Locate.name in names else Track.name) + 1
    return steps[:final], steps[final:]


def _rounds(streams: Sequence[Stream]) -> list[list[int]]:
    """Indices of a batch in rounds: the first image of each stream, then the second of each."""
    rounds: list[list[int]] = []
    seen: Counter[int] = Counter()
    for index, stream in enumerate(streams):
        number = seen[id(stream)]
        seen[id(stream)] += 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(index)
    return rounds
