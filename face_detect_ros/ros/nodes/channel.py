# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One camera of a detector node."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.core.freshness import Freshness
from face_detect_ros.core.mailbox import Mailbox
from face_detect_ros.core.rate_limit import RateLimit
from face_detect_ros.pipeline.stream import Stream
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.inputs.camera import ImageInput
from face_detect_ros.ros.inputs.space import SpaceInput
from face_detect_ros.ros.outputs.diagnostics import Health
from face_detect_ros.ros.outputs.output import Output

FAR = 2.0
"""From this multiple of the highest latency on, it is an error."""
LATE_S = 5.0
"""For so long a failure behind the detections is reported."""


class Channel:
    """What belongs to one camera from configure to cleanup: its images, its way through the pipeline, its results.

    Args:
        topics: Names of its topics.
        make_input: Makes its input, which hands images to the given function.
        make_space: Makes what tells where things are in its images.
        make_outputs: Makes its outputs; those of another channel have other topics.
        max_rate_hz: Gives the most images per second that are processed; 0 for all.

    Attributes:
        stream: Its way through the pipeline; None until that is loaded.
        mailbox: Where its images wait; None until the pipeline is loaded.
        frame_id: Of its latest image.
        rejection: Why the latest image was not processed.
        told_of_stamps: Whether odd stamps were reported.
        listening: Whether it takes images.
    """

    def __init__(
        self,
        topics: CameraTopics,
        make_input: Callable[[Callable[[LazyFrame], None]], ImageInput],
        make_space: Callable[[ImageInput], SpaceInput],
        make_outputs: Callable[[Channel], Sequence[Output]],
        max_rate_hz: Callable[[], float],
    ) -> None:
        self.topics = topics
        self.stream: Stream | None = None
        self.mailbox: Mailbox[LazyFrame] | None = None
        self.frame_id = self.rejection = ""
        self.told_of_stamps = False
        self.listening = False
        self._max_rate_hz = max_rate_hz
        self._rate_limit = RateLimit()
        self._over_rate = self._stale = 0
        self._late = (float("-inf"), "")
        self._freshness = Freshness()
        self.input = make_input(self._receive)
        self.space = make_space(self.input)
        self.outputs = tuple(make_outputs(self))

    @property
    def name(self) -> str:
        """As in the parameter `cameras`; empty for the only camera."""
        return self.topics.camera

    def open(self, stream: Stream, mailbox: Mailbox[LazyFrame]) -> None:
        """Take images from now on, once the input is started."""
        self.stream, self.mailbox = stream, mailbox
        self.frame_id = self.rejection = ""
        stream.scene_of = self.space.scene_of

    def failed_late(self, reason: str) -> None:
        """Remember that an image gave detections, but then neither images nor what else is published after them."""
        self._late = (time.monotonic(), reason.partition("\n")[0])

    @property
    def locates(self) -> bool:
        """Whether somebody needs positions."""
        return any(output.locates and output.wanted() for output in self.outputs)

    def discard(self) -> None:
        """Count an image as dropped that was taken from the mailbox and gives no result."""
        if self.mailbox is not None:
            self.mailbox.discard()

    @property
    def wanted(self) -> bool:
        """Whether somebody subscribes to any of its results."""
        return any(output.wanted() for output in self.outputs)

    def listen(self, yes: bool) -> None:
        """Subscribe to the images, or no longer."""
        if yes and not self.listening:
            self.space.start(lambda: self.locates)
            self.input.start()
        elif not yes and self.listening:
            self.input.stop()
            self.space.stop()
        self.listening = yes

    def close(self) -> None:
        """Remove the topics."""
        self.listen(False)
        for output in self.outputs:
            output.close()

    def health(self, max_latency_ms: float) -> Health:
        """What is told on `/diagnostics`; a latency above `max_latency_ms` (0: none) is a problem."""
        statistics = None if self.stream is None else self.stream.statistics
        camera = self.frame_id or self.input.wire_topic
        if statistics is None or not self.listening:
            return Health(camera, values=self.values())
        problem, error = self.input.problem, ""
        arrive, come = statistics.input_rate.hz() > 0, statistics.output_rate.hz() > 0
        if not problem and arrive and not come and self.rejection:
            problem = f"images arrive, but none can be processed: {self.rejection}"
        failed_s, reason = self._late
        if not problem and time.monotonic() - failed_s < LATE_S:
            problem = f"detections are published, but no images: {reason}"
        if max_latency_ms and come and (slow := statistics.slowness(max_latency_ms)):
            far = statistics.latency_ms.percentile(95) > FAR * max_latency_ms
            problem, error = problem or slow, slow if far else ""
        return Health(camera, problem or self.space.problem, self.values(), error)

    def values(self) -> dict[str, str]:
        """Figures for diagnostics."""
        if self.stream is None or self.mailbox is None:
            return {}
        values = {
            "image_topic": self.input.wire_topic,
            "received": str(self.mailbox.received + self._over_rate + self._stale),
            "dropped": str(self.mailbox.dropped),
            "over_rate": str(self._over_rate),
            "stale": str(self._stale),
            **self.stream.statistics.values(),
            **self.space.values(),
        }
        for output in self.outputs:
            values |= output.values()
        return values

    def _receive(self, frame: LazyFrame) -> None:
        if self.mailbox is not None and self.stream is not None:
            self.stream.statistics.input_rate.tick()
            clock_ns = self.topics.node.get_clock().now().nanoseconds
            if self._freshness.stale(frame.stamp_ns, clock_ns, frame.arrival_s):
                self._stale += 1
            elif self._rate_limit.allows(frame.arrival_s, self._max_rate_hz()):
                self.space.expect(frame)
                self.mailbox.put(frame)
            else:
                self._over_rate += 1
