# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The way of frames through a detector node, on its worker thread."""

from __future__ import annotations

import dataclasses
import time
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from face_detect_ros.core import pauses
from face_detect_ros.core.errors import ImageError, PerceptionError
from face_detect_ros.core.frame import Frame, LazyFrame
from face_detect_ros.core.protocols import ResizableBatch
from face_detect_ros.core.statistics import Throttle
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.nodes.channel import Channel
from face_detect_ros.ros.outputs.output import Output

if TYPE_CHECKING:
    from face_detect_ros.ros.nodes.detector import DetectorNode

Work = Sequence[tuple[Channel, Frame]]
"""Frames of one batch, with the cameras they come from."""

WARNING_PERIOD_S = 5.0


class Flow:
    """Takes batches of frames, has the pipeline process them, and publishes what somebody wants.

    Args:
        node: Whose options and outputs are used.
        pipeline: Loaded.
        channels: The cameras; batches name them by their index.
        largest_batch: Most frames in one call of the pipeline.

    Attributes:
        largest_batch: The same, or fewer if memory ran out.
    """

    def __init__(
        self, node: DetectorNode[Any], pipeline: Pipeline, channels: Sequence[Channel], largest_batch: int
    ) -> None:
        self.largest_batch = largest_batch
        self._node = node
        self._pipeline = pipeline
        self._channels = tuple(channels)
        self._throttle = Throttle(WARNING_PERIOD_S)
        self._pauses = pauses.of_this_process()
        self._began_s: float | None = None

    @property
    def busy_s(self) -> float:
        """For how long it has been at work on the images in hand; 0 if there are none."""
        began_s = self._began_s
        return 0.0 if began_s is None else time.monotonic() - began_s

    def process(self, batch: list[tuple[int, LazyFrame]]) -> None:
        self._began_s = time.monotonic()
        try:
            self._process(batch)
        finally:
            self._began_s = None

    def _process(self, batch: list[tuple[int, LazyFrame]]) -> None:
        channels = self._channels
        if not self._node.active:
            for index, _ in batch:
                channels[index].discard()
            return
        work = [
            (channels[index], frame)
            for index, lazy in batch
            if self._is_fresh(channels[index], lazy)
            and (frame := self._decoded(channels[index], lazy)) is not None
        ]
        if work:
            self._process_frames(work)

    def _is_fresh(self, channel: Channel, lazy: LazyFrame) -> bool:
        """Whether the process has not stood still since an image came; otherwise it is counted as dropped."""
        if not self._pauses.since(lazy.arrival_s):
            return True
        channel.discard()
        if self._throttle.allows("pause"):
            self._node.get_logger().warning(
                f"the process stood still for {self._pauses.latest_s:.1f} s; images from before are dropped"
            )
        return False

    def _process_frames(self, work: Work) -> None:
        jumps = [channel.stream.statistics.time_jumps for channel, _ in work]  # type: ignore[union-attr]
        published: set[tuple[int, int]] = set()  # channels and frames whose detections are out

        def early(channel: Channel, result: Result) -> None:
            published.add((id(channel), id(result.frame)))
            self._publish_early(channel, result)

        try:
            answers = self._answers(work, early)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next frame may be fine
            if len({id(channel) for channel, _ in work}) > 1:
                for one in work:  # the image of one camera is no reason to skip those of others
                    self._process_frames([one])
            else:
                self._skip(work[0][0], error, len(work))
            return
        for (channel, _), before in zip(work, jumps, strict=True):
            statistics = channel.stream.statistics  # type: ignore[union-attr]
            if statistics.time_jumps == before:
                continue
            self._node.time_went_back()
            if self._throttle.allows(f"time {channel.name}"):
                self._node.get_logger().warning(
                    f"{_of(channel)}image stamps went back by {statistics.latest_jump_s:.3f} s; going on"
                )
        newest: dict[str, tuple[Channel, Result]] = {}
        for (channel, frame), answer in zip(work, answers, strict=True):
            if isinstance(answer, Exception):
                self._skip(channel, answer, 0 if (id(channel), id(frame)) in published else 1)
            elif self._publish_rest(channel, answer):
                newest[channel.name] = channel, answer
        for channel, result in newest.values():
            self._publish_rest(channel, result, deferred=True)

    def _publish_rest(self, channel: Channel, result: Result, *, deferred: bool = False) -> bool:
        """Publish what follows the detections. False if that fails, which is no reason to skip other cameras."""
        try:
            if not deferred:
                self._node.finished(result, channel)
            rest = [output for output in channel.outputs if not output.early and output.deferred == deferred]
            self._publish(result, rest)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next frame may be fine
            self._skip(channel, error, 0)
            return False
        return True

    def _answers(self, work: Work, early: Callable[[Channel, Result], None]) -> list[Result | Exception]:
        params = self._node.params
        options = self._node.options(params, self._pipeline.labels)
        for channel, _ in work:
            channel.stream.region = self._node.areas(channel.name).region  # type: ignore[union-attr]
        if any(output.covers and output.wanted() for output in self._node.outputs):
            options = dataclasses.replace(options, cover=True)
        options = dataclasses.replace(options, locate=any(channel.locates for channel, _ in work))
        channels = {id(channel.stream): channel for channel, _ in work}
        answers = self._pipeline.process_each(
            [(channel.stream, frame) for channel, frame in work],  # type: ignore[misc]
            options,
            lambda stream, result: early(channels[id(stream)], result),
        )
        detector = self._pipeline.detector
        if isinstance(detector, ResizableBatch) and detector.largest_batch < self.largest_batch:
            self._node.get_logger().warning(
                f"out of memory with {self.largest_batch} images at once; going on with {detector.largest_batch}"
            )
            self.largest_batch = detector.largest_batch
        return answers

    def _decoded(self, channel: Channel, lazy: LazyFrame) -> Frame | None:
        """The frame; None, and counted, if it cannot be used."""
        try:
            return lazy.frame()
        except ImageError as error:
            self._reject(channel, error.reason, str(error))
            return None

    def _publish_early(self, channel: Channel, result: Result) -> None:
        if self._publish(result, [output for output in channel.outputs if output.early]):
            channel.frame_id = result.frame.frame_id
            self._count(channel, result)
        else:
            channel.discard()

    def _publish(self, result: Result, outputs: Sequence[Output]) -> bool:
        """Publish what somebody subscribes to. False if the node was deactivated or stood still meanwhile."""
        arrival_s = result.frame.arrival_s
        if arrival_s is not None and self._pauses.since(arrival_s):
            return False  # a result that is as old as the pause misleads whoever acts on it
        for output in outputs:
            with self._node.gate:
                if not self._node.active or self._node.pipeline is not self._pipeline:
                    return False
                if output.always or output.wanted():
                    output.publish(result)
        return True

    def _count(self, channel: Channel, result: Result) -> None:
        now_s = time.monotonic()
        arrival_s, stamp_ns = result.frame.arrival_s, result.frame.stamp_ns
        measured = channel.stream.statistics.published(  # type: ignore[union-attr]
            detections=len(result.detections),
            latency_ms=(self._node.get_clock().now().nanoseconds - stamp_ns) / 1e6,
            processing_ms=0.0 if arrival_s is None else (now_s - arrival_s) * 1e3,
            network_ms=result.times.network_ms,
        )
        if not measured and not channel.told_of_stamps:
            channel.told_of_stamps = True
            what = (
                "have no stamp" if stamp_ns == 0 else f"are stamped {stamp_ns / 1e9:.3f} s, by another clock"
            )
            self._node.get_logger().warning(
                f"{_of(channel)}images {what}: their latency cannot be measured; tracks and names follow their "
                "arrival or order"
            )

    def failed(self, error: Exception) -> None:
        for channel in self._channels[:1]:
            self._skip(channel, error, 1)

    def _skip(self, channel: Channel, error: Exception, images: int) -> None:
        if not self._node.active or not self._node.context.ok():
            for _ in range(images):
                channel.discard()
            return  # an end in the middle of a frame is not a failure
        if not images:
            channel.failed_late(str(error))
        if isinstance(error, PerceptionError):
            self._reject(channel, "detector", str(error), images)
        else:
            trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            self._reject(channel, "internal", f"{type(error).__name__}: {error}\n{trace}", images)

    def _reject(self, channel: Channel, reason: str, message: str, images: int = 1) -> None:
        if channel.stream is not None and images:
            channel.stream.statistics.reject(reason, images)
        channel.rejection = message.partition("\n")[0]
        if self._throttle.allows(f"{channel.name} {reason}"):
            what = {0: "what follows the detections", 1: "image"}.get(images, f"{images} images")
            self._node.get_logger().warning(f"{_of(channel)}{what} skipped: {message}")


def _of(channel: Channel) -> str:
    """The beginning of a message about a camera, where there are several."""
    return f"{channel.name}: " if channel.name else ""
