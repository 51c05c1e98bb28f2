# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A node around a pipeline: frames in, results out."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
import time
import traceback
from collections.abc import Sequence
from typing import ClassVar, TypeVar

from face_detect_ros.core.errors import ImageError, PerceptionError
from face_detect_ros.core.frame import Frame, LazyFrame
from face_detect_ros.core.mailbox import Worker
from face_detect_ros.core.protocols import DetectOptions, ResizableBatch
from face_detect_ros.core.statistics import Throttle
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.entry import ANY_PRECISION
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.engines import cpu
from face_detect_ros.images.limits import HIGHEST_IMAGE_MPX
from face_detect_ros.images.raw import DecodeOptions
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.recipe import Recipe
from face_detect_ros.pipeline.result import Result
from face_detect_ros.pipeline.stream import Stream
from face_detect_ros.ros.inputs.camera import TRANSPORTS, ImageInput
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.nodes.lifecycle import PRIVACY, NodeParameters, PerceptionNode
from face_detect_ros.ros.outputs.detections import DetectionsOutput
from face_detect_ros.ros.outputs.images import AnnotatedOutput
from face_detect_ros.ros.outputs.labels import LabelInfoTopic
from face_detect_ros.ros.outputs.markers import MarkersOutput
from face_detect_ros.ros.outputs.output import Output
from face_detect_ros.ros.parameters import parameter
from face_detect_ros.tracking import catalogue as trackers
from face_detect_ros.tracking.options import TrackerOptions

WARNING_PERIOD_S = 5.0


@dataclasses.dataclass(frozen=True)
class DetectorParameters(NodeParameters):
    """Parameters of a detector node; a subclass gives `model` and the thresholds their defaults."""

    model: str = parameter("", "Detector, by its name in the catalogue.", at_configure=True)
    device: str = parameter("auto", "Where the network runs: auto, cpu, cuda or cuda:N.", at_configure=True)
    precision: str = parameter(
        "auto", "Number format of the network.", choices=ANY_PRECISION, at_configure=True
    )
    engine: str = parameter(
        engines.AUTO,
        "What computes the network; auto: the fastest, as measured.",
        choices=engines.CHOICES,
        at_configure=True,
    )
    threads: int = parameter(
        0,
        "Threads of the network on a CPU; 0: one for each core but one.",
        minimum=0,
        maximum=1024,
        at_configure=True,
    )
    image_transport: str = parameter(
        TRANSPORTS[0], "Form of the image topic.", choices=TRANSPORTS, at_configure=True
    )
    max_image_mpx: float = parameter(
        DecodeOptions.max_image_mpx,
        "Larger images are refused, in megapixels.",
        minimum=0.1,
        maximum=HIGHEST_IMAGE_MPX,
        at_configure=True,
    )
    image_bits: int = parameter(
        DecodeOptions.bits,
        "Bits of 16-bit pixels that hold the value, such as 10 or 12 for raw sensors; 0: as the encoding says.",
        minimum=0,
        maximum=16,
        at_configure=True,
    )
    score_threshold: float = parameter(
        DetectOptions.score_threshold, "Lowest score published.", minimum=0.0, maximum=1.0
    )
    iou_threshold: float = parameter(
        DetectOptions.iou_threshold,
        "Overlap above which the lower score of two boxes of a class is dropped.",
        minimum=0.0,
        maximum=1.0,
    )
    max_detections: int = parameter(
        DetectOptions.max_detections, "Most detections of one image.", minimum=1, maximum=10_000
    )
    min_size_px: int = parameter(
        DetectOptions.min_size_px,
        "Smallest box side looked for, in pixels of the image; smaller costs time.",
        minimum=1,
        maximum=10_000,
    )
    tracker: str = parameter(
        trackers.DEFAULT_TRACKER,
        "How detections become tracks.",
        choices=tuple(trackers.TRACKERS),
        at_configure=True,
    )
    min_hits: int = parameter(
        TrackerOptions.min_hits,
        "Detections of a thing before its track has an id.",
        minimum=1,
        maximum=100,
        at_configure=True,
    )
    max_age_s: float = parameter(
        TrackerOptions.max_age_s,
        "A track without a detection for longer is lost.",
        minimum=0.0,
        maximum=600.0,
        at_configure=True,
    )
    max_age_images: int = parameter(
        TrackerOptions.max_age_images,
        "A track is not lost before it was missed in more images than this.",
        minimum=0,
        maximum=1000,
        at_configure=True,
    )
    lost_age_s: float = parameter(
        TrackerOptions.lost_age_s,
        "A lost track may be found again for this long.",
        minimum=0.0,
        maximum=600.0,
        at_configure=True,
    )

    privacy: bool = PRIVACY

    @property
    def detect_options(self) -> DetectOptions:
        names = [field.name for field in dataclasses.fields(DetectOptions) if field.name != "class_ids"]
        return DetectOptions(**{name: getattr(self, name) for name in names})

    def decode_options(self) -> DecodeOptions:
        """How images are decoded. Raises ConfigError for unusable settings."""
        return DecodeOptions(max_image_mpx=self.max_image_mpx, bits=self.image_bits)

    @property
    def tracker_options(self) -> TrackerOptions:
        return TrackerOptions(
            min_hits=self.min_hits,
            max_age_s=self.max_age_s,
            max_age_images=self.max_age_images,
            lost_age_s=self.lost_age_s,
        )

    @property
    def frames_at_once(self) -> int:
        """Most waiting images that one call of the pipeline takes."""
        return 1


P = TypeVar("P", bound=DetectorParameters)


class DetectorNode(PerceptionNode[P]):
    """Subscribes `image_raw`; publishes `~/detections`, `~/image_annotated`, `~/markers`, `~/label_info`.

    A subclass says which pipeline it runs (`recipe`), with which options (`options`), and what else it publishes
    (`make_outputs`). A worker thread runs the pipeline on the newest frames, so callbacks never wait for a network, and
    a slow one drops frames.
    """

    task: ClassVar[str]
    health_of = "detections"
    topics: ClassVar[dict[str, str]] = {
        "image_raw": "subscribed: the camera; image_raw/compressed with image_transport:=compressed",
        "camera_info": "subscribed, beside the image: used for markers",
        "~/detections": "vision_msgs/Detection2DArray: boxes, classes, scores, tracks",
        "~/image_annotated": "sensor_msgs/Image with the detections drawn on it",
        "~/markers": "visualization_msgs/MarkerArray for RViz",
        "~/label_info": "vision_msgs/LabelInfo: names of the classes",
        "/diagnostics": "state, rates, latencies, dropped and rejected images",
    }

    def __init__(
        self, name: str, schema: type[P], hub: ImageHub | None = None, **node_arguments: object
    ) -> None:
        # before the base: its timers may report at once
        self.outputs: list[Output] = []
        self.pipeline: Pipeline | None = None
        self._configured: P | None = None
        self.stream: Stream | None = None
        self._worker: Worker[LazyFrame] | None = None
        self._input: ImageInput | None = None
        self._label_info: LabelInfoTopic | None = None
        self._largest_batch = 1
        self._camera = ""  # frame_id of its images
        self._rejection = ""
        self._throttle = Throttle(WARNING_PERIOD_S)
        self._told_of_stamps = False
        super().__init__(name, schema, hub, **node_arguments)

    # what a subclass writes

    def recipe(self, params: P) -> Recipe:
        """The pipeline that the parameters describe. Raises ConfigError."""
        return Recipe(
            task=self.task,
            model=params.model,
            device=params.device,
            precision=params.precision,
            engine=params.engine,
            # a core is left to the camera, DDS and the other nodes
            threads=params.threads or max(1, cpu.cores() - 1),
            tracker=params.tracker,
            tracker_options=params.tracker_options,
        )

    def options(self, params: P, labels: Sequence[str]) -> PipelineOptions:
        """Settings of the next call of the pipeline. Raises ConfigError."""
        return PipelineOptions(params.detect_options)

    def make_outputs(self, params: P) -> list[Output]:
        """The topics with results; the first are published first."""
        return [
            DetectionsOutput(self),
            AnnotatedOutput(self, private=params.privacy),
            MarkersOutput(
                self,
                lambda: "" if self._input is None else self._input.camera_info_topic,
                lambda: self._input is not None and self._input.rectified,
            ),
        ]

    def prepare_worker(self, device: str) -> None:
        """Called on the worker thread before its first image."""

    def leave_a_core(self) -> None:
        """Have PyTorch leave a core to the camera, DDS and the other nodes, unless OMP_NUM_THREADS says otherwise.

        Call it on the worker thread. A network of many small steps waits for all its threads at each: one that has to
        share its core doubles the latency.
        """
        torch = sys.modules.get("torch")
        if torch is not None and "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(self.params.threads or max(1, cpu.cores() - 1))

    def finished(self, result: Result) -> None:
        """Called on the worker with every result before it is published, whether somebody subscribes or not."""

    def label_names(self) -> list[str]:
        """What `~/label_info` lists."""
        return [] if self.pipeline is None else list(self.pipeline.labels)

    # the state machine's work

    def configure(self) -> None:
        params = self._configured = self.params
        self.outputs = self.make_outputs(params)
        self._label_info = LabelInfoTopic(self)
        self._input = ImageInput(
            self, self.hub, params.image_transport, self._receive, params.decode_options()
        )

    def load(self) -> Pipeline:
        params = self._configured or self.params
        pipeline = self.recipe(params).build()
        try:
            self.options(params, pipeline.labels)
            if isinstance(pipeline.detector, ResizableBatch):
                pipeline.detector.largest_batch = params.frames_at_once
            pipeline.warmup()
        except BaseException:
            pipeline.close()
            raise
        return pipeline

    def adopt(self, loaded: Pipeline) -> None:
        params = self._configured or self.params
        self.pipeline = loaded
        self._camera = self._rejection = ""
        self.stream = loaded.open_stream(self.get_fully_qualified_name())
        self._largest_batch = params.frames_at_once
        self._worker = Worker(
            self._process,
            self._failed,
            name=self.get_name(),
            capacity=params.frames_at_once,
            on_start=lambda: self.prepare_worker(loaded.device),
        )
        self.get_logger().info(f"{params.model} on {loaded.device} is ready for images on {self.wire_topic}")

    def discard(self, loaded: Pipeline) -> None:
        loaded.close()

    def activate(self) -> None:
        if self._input is None:
            raise RuntimeError("the node is not configured")
        self._input.start()
        self.announce_labels(self.params)

    def deactivate(self) -> None:
        if self._input is not None:
            self._input.stop()

    def cleanup(self, timeout_s: float) -> bool:
        self.deactivate()
        idle = True
        if self.pipeline is not None:
            self.pipeline.close()  # also wakes a detector that is at work, where it can be woken
        if self._worker is not None:
            idle = self._worker.stop(timeout_s)
        for output in self.outputs:
            output.close()
        if self._label_info is not None:
            self._label_info.close()
        self.pipeline = self._worker = self._input = self._label_info = self.stream = None
        self.outputs = []
        return idle

    def on_parameters_changed(self, new: P, old: P) -> None:
        if new.model != old.model:
            catalogue.find(new.model, task=self.task)
        new.decode_options()
        if self.pipeline is not None:
            self.options(new, self.pipeline.labels)
        if self.active and new.detect_options.score_threshold != old.detect_options.score_threshold:
            self.announce_labels(new)

    def once_a_second(self) -> None:
        for output in self.outputs:
            output.once_a_second(active=self.active)
        if self.active and self._input is not None:
            self._input.watch()

    def health(self) -> tuple[str, str, dict[str, str]]:
        pipeline, worker, stream = self.pipeline, self._worker, self.stream
        if pipeline is None or worker is None or stream is None or self._input is None:
            return "", "", {}
        values = {
            "model": "" if self._configured is None else self._configured.model,
            "device": pipeline.device,
            "image_topic": self.wire_topic,
            "received": str(worker.mailbox.received),
            "dropped": str(worker.mailbox.dropped),
            **stream.statistics.values(),
        }
        for output in self.outputs:
            values |= output.values()
        return self._camera or self.wire_topic, self._problem(stream) if self.active else "", values

    def _problem(self, stream: Stream) -> str:
        """What keeps results from coming; empty while all is well."""
        if self._input is not None and self._input.problem:
            return self._input.problem
        if (
            stream.statistics.input_rate.hz() > 0
            and stream.statistics.output_rate.hz() == 0
            and self._rejection
        ):
            return f"images arrive, but none can be processed: {self._rejection}"
        return ""

    @property
    def wire_topic(self) -> str:
        """Where the images come from; empty before configure."""
        return "" if self._input is None else self._input.wire_topic

    def announce_labels(self, params: P) -> None:
        """Publish `~/label_info`."""
        if self._label_info is not None and self.pipeline is not None:
            self._label_info.announce(self.label_names(), params.detect_options.score_threshold)

    # the way of a frame

    def _receive(self, frame: LazyFrame) -> None:
        if self._worker is not None and self.stream is not None:
            self.stream.statistics.input_rate.tick()
            self._worker.mailbox.put(frame)

    def _process(self, first: LazyFrame) -> None:
        pipeline, worker, stream = self.pipeline, self._worker, self.stream
        if not self.active or pipeline is None or worker is None or stream is None:
            return
        waiting = [first, *worker.mailbox.take_waiting(self._largest_batch - 1)]
        frames = [frame for lazy in waiting if (frame := self._decoded(lazy, stream))]
        if not frames:
            return
        jumps = stream.statistics.time_jumps
        try:
            results = self._results(pipeline, stream, frames)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next frame may be fine
            self._skip(stream, error, len(frames))
            return
        if stream.statistics.time_jumps > jumps and self._throttle.allows("time"):
            self.get_logger().warning(
                f"image stamps went back by {stream.statistics.latest_jump_s:.3f} s; going on"
            )
        rest = [output for output in self.outputs if not output.early and not output.deferred]
        for result in results:
            self.finished(result)
            self._publish(pipeline, result, rest)
        self._publish(pipeline, results[-1], [output for output in self.outputs if output.deferred])

    def _results(self, pipeline: Pipeline, stream: Stream, frames: Sequence[Frame]) -> list[Result]:
        params = self.params
        options = self.options(params, pipeline.labels)
        if any(output.covers and output.wanted() for output in self.outputs):
            options = dataclasses.replace(options, cover=True)
        early = functools.partial(self._publish_early, pipeline)
        results = pipeline.process([(stream, frame) for frame in frames], options, early)
        detector = pipeline.detector
        if isinstance(detector, ResizableBatch) and detector.largest_batch < self._largest_batch:
            self.get_logger().warning(
                f"out of memory with {self._largest_batch} images at once; going on with {detector.largest_batch}"
            )
            self._largest_batch = detector.largest_batch
        return results

    def _decoded(self, lazy: LazyFrame, stream: Stream) -> Frame | None:
        """The frame; None, and counted, if it cannot be used."""
        try:
            return lazy.frame()
        except ImageError as error:
            self._reject(stream, error.reason, str(error))
            return None

    def _publish_early(self, pipeline: Pipeline, stream: Stream, result: Result) -> None:
        if self._publish(pipeline, result, [output for output in self.outputs if output.early]):
            self._camera = result.frame.frame_id
            self._count(stream, result)

    def _publish(self, pipeline: Pipeline, result: Result, outputs: Sequence[Output]) -> bool:
        """Publish what somebody subscribes to. False if the node was deactivated meanwhile."""
        for output in outputs:
            with self.gate:
                if not self.active or self.pipeline is not pipeline:
                    return False
                if output.wanted():
                    output.publish(result)
        return True

    def _count(self, stream: Stream, result: Result) -> None:
        now_s = time.monotonic()
        arrival_s, stamp_ns = result.frame.arrival_s, result.frame.stamp_ns
        measured = stream.statistics.published(
            detections=len(result.detections),
            latency_ms=(self.get_clock().now().nanoseconds - stamp_ns) / 1e6,
            processing_ms=0.0 if arrival_s is None else (now_s - arrival_s) * 1e3,
            network_ms=result.times.network_ms,
        )
        if not measured and not self._told_of_stamps:
            self._told_of_stamps = True
            what = (
                "have no stamp" if stamp_ns == 0 else f"are stamped {stamp_ns / 1e9:.3f} s, by another clock"
            )
            self.get_logger().warning(
                f"images {what}: their latency cannot be measured; tracks and names follow their arrival or order"
            )

    def _failed(self, error: Exception) -> None:
        if self.stream is not None:
            self._skip(self.stream, error, 1)

    def _skip(self, stream: Stream, error: Exception, images: int) -> None:
        if not self.active or not self.context.ok():
            return  # an end in the middle of a frame is not a failure
        if isinstance(error, PerceptionError):
            self._reject(stream, "detector", str(error), images)
        else:
            trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            self._reject(stream, "internal", f"{type(error).__name__}: {error}\n{trace}", images)

    def _reject(self, stream: Stream, reason: str, message: str, images: int = 1) -> None:
        stream.statistics.reject(reason, images)
        self._rejection = message.partition("\n")[0]
        if self._throttle.allows(reason):
            self.get_logger().warning(f"{'image' if images == 1 else f'{images} images'} skipped: {message}")
