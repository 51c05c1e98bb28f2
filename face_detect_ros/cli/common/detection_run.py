# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detecting in files and live sources one after the other, for `face_detect_ros detect`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from face_detect_ros.bags.frames import BagFrames, image_topics
from face_detect_ros.cli.common.exits import report
from face_detect_ros.cli.common.live import LiveFrames
from face_detect_ros.cli.common.media import MediaFile, VideoFrames
from face_detect_ros.cli.common.progress import FilesProgress
from face_detect_ros.cli.common.results import OutputFolder, as_record
from face_detect_ros.core.errors import DetectorError, ImageError, OutputError, SourceError
from face_detect_ros.core.frame import Frame
from face_detect_ros.images.raw import DecodeOptions
from face_detect_ros.images.reading import read_image
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.result import Result
from face_detect_ros.viz.draw import draw_detections


class DetectionRun:
    """Detects in one file after another; one that fails is reported and counted, and the next follows."""

    def __init__(
        self,
        pipeline: Pipeline,
        options: PipelineOptions,
        output: OutputFolder | None,
        print_record: Callable[[dict[str, Any]], None],
        show: Callable[[np.ndarray], None] | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            pipeline: What finds, tracks and recognizes.
            options: For every image.
            output: Where annotated images and videos go; None: nowhere.
            print_record: Gets what `as_record` makes of each image.
            show: Gets each annotated image; None: nobody looks.
        """
        self.failures = 0
        self._images = 0
        self._detections = 0
        self._total_ms = 0.0
        self._pipeline = pipeline
        self._options = options
        # an image of its own has no track over which to vote
        self._at_once = replace(options, match=replace(options.match, looks_needed=1))
        self._output = output
        self._print_record = print_record
        self._show = show

    def process(self, item: MediaFile, progress: FilesProgress) -> None:
        try:
            if item.live:
                self._process_live(item)
            elif item.is_bag:
                self._process_bag(item, progress)
            elif item.is_video:
                self._process_video(item, progress)
            else:
                self._process_image(item)
        except (SourceError, OutputError) as error:  # these name the file
            self._fail(error)
        except (DetectorError, ImageError) as error:
            self._fail(f"{item.path}: {error}")

    def _fail(self, error: object) -> None:
        report(error)
        self.failures += 1

    def summary(self) -> str:
        mean_ms = self._total_ms / self._images if self._images else 0.0
        failed = f", {self.failures} failed" if self.failures else ""
        images, found = (
            f"{count} {noun}{'s' * (count != 1)}"
            for count, noun in ((self._images, "image"), (self._detections, "detection"))
        )
        return f"{images}, {found}, {mean_ms:.0f} ms each{failed}"

    def _process_image(self, item: MediaFile) -> None:

        frame = Frame(read_image(item.path))
        result = self._pipeline.process([(self._pipeline.open_stream(), frame)], self._at_once)[0]
        result = replace(result, detections=replace(result.detections, track_ids=None))
        self._report(str(item.path), result)
        drawn = self._drawn(result)
        if self._output and drawn is not None:
            self._output.save_image(item, drawn)

    def _process_video(self, item: MediaFile, progress: FilesProgress) -> None:

        with VideoFrames(item.path) as video, contextlib.ExitStack() as opened:
            progress.expect(video.count())
            saved = (
                opened.enter_context(self._output.open_video(item, video.rate_hz)) if self._output else None
            )
            stream = self._pipeline.open_stream(str(item.path))
            for index, image in enumerate(video):
                # from 1 s on: a stamp of 0 means that there is none
                frame = Frame(image, stamp_ns=round((1 + index / video.rate_hz) * 1e9))
                result = self._pipeline.process([(stream, frame)], self._options)[0]
                self._report(f"{item.path}#{index}", result)
                drawn = self._drawn(result)
                if saved and drawn is not None:
                    saved.write(drawn)
                progress.advance()
            for problem in video.problems:
                self._fail(problem)

    def _process_bag(self, item: MediaFile, progress: FilesProgress) -> None:

        topics = [item.topic] if item.topic else image_topics(item.path)
        if not topics:
            raise SourceError(f"{item.path}: has no topic with images that can be processed")
        with contextlib.ExitStack() as opened:
            bags = [
                opened.enter_context(BagFrames(item.path, topic, DecodeOptions(), self._fail))
                for topic in topics
            ]
            progress.expect(sum(bag.topic.count for bag in bags))
            for bag in bags:
                saved = (
                    opened.enter_context(
                        self._output.open_video(item, bag.rate_hz, bag.topic.name if len(bags) > 1 else "")
                    )
                    if self._output
                    else None
                )
                stream = self._pipeline.open_stream(f"{item.path}#{bag.topic.name}")
                for index, frame in enumerate(bag):
                    result = self._pipeline.process([(stream, frame)], self._options)[0]
                    self._report(f"{stream.name}#{index}", result)
                    drawn = self._drawn(result)
                    if saved and drawn is not None:
                        saved.write(drawn)
                    progress.advance()

    def _process_live(self, item: MediaFile) -> None:
        """The newest image again and again, until the source ends or the user ends it."""
        with LiveFrames(item.source) as frames, contextlib.ExitStack() as opened:
            rate_hz = frames.rate_hz
            saved = opened.enter_context(self._output.open_video(item, rate_hz)) if self._output else None
            stream = self._pipeline.open_stream(frames.description)
            for index, frame in enumerate(frames):
                result = self._pipeline.process([(stream, frame)], self._options)[0]
                self._report(f"{frames.description}#{index}", result)
                drawn = self._drawn(result)
                if saved and drawn is not None:
                    saved.write(drawn, frame.stamp_ns * 1e-9)

    def _drawn(self, result: Result) -> np.ndarray | None:
        """The annotated image, which is shown already; None if nobody wants it."""
        if self._output is None and self._show is None:
            return None
        drawn = draw_detections(result.frame.image, result.detections, result.labels, names=result.names)
        if self._show is not None:
            self._show(drawn)
        return drawn

    def _report(self, name: str, result: Result) -> None:

        record = as_record(name, result)
        self._images += 1
        self._detections += len(result.detections)
        self._total_ms += sum(record["ms"].values())
        self._print_record(record)
