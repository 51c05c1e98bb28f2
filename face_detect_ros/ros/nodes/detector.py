"""A node around any detector: images in, detections out."""

from __future__ import annotations

import dataclasses
import time
import traceback
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, LabelInfo
from visualization_msgs.msg import MarkerArray

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ImageError, PerceptionError
from face_detect_ros.core.frame import Frame, LazyFrame
from face_detect_ros.core.mailbox import Worker
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.core.statistics import Throttle
from face_detect_ros.detectors import catalogue
from face_detect_ros.ros import qos
from face_detect_ros.ros.inputs.camera import TRANSPORTS, ImageHub, ImageInput
from face_detect_ros.ros.messages import markers
from face_detect_ros.ros.messages.detections import detections_message, label_info_message
from face_detect_ros.ros.messages.images import image_message
from face_detect_ros.ros.nodes.lifecycle import NodeParameters, PerceptionNode
from face_detect_ros.ros.outputs.diagnostics import PipelineStatistics
from face_detect_ros.ros.parameters import parameter
from face_detect_ros.tracking import catalogue as trackers
from face_detect_ros.viz.draw import draw_detections

WARNING_PERIOD_S = 5.0


@dataclasses.dataclass(frozen=True)
class DetectorParameters(NodeParameters):
    """Parameters of a detector node; a subclass gives `model` and the thresholds their defaults."""

    model: str = parameter("", "Detector, by its name in the catalogue.", at_configure=True)
    device: str = parameter("auto", "Where the network runs: auto, cpu, cuda or cuda:N.", at_configure=True)
    precision: str = parameter(
        "auto", "Number format of the network.", choices=catalogue.ANY_PRECISION, at_configure=True
    )
    image_transport: str = parameter(
        TRANSPORTS[0], "Form of the image topic.", choices=TRANSPORTS, at_configure=True
    )
    score_threshold: float = parameter(
        DetectOptions.score_threshold, "Lowest score published.", minimum=0.0, maximum=1.0
    )
    iou_threshold: float = parameter(
        DetectOptions.iou_threshold,
        "Overlap above which the lower score of two boxes of a class goes.",
        minimum=0.0,
        maximum=1.0,
    )
    max_detections: int = parameter(
        DetectOptions.max_detections, "Most detections of one picture.", minimum=1, maximum=10_000
    )
    min_size_px: int = parameter(
        DetectOptions.min_size_px,
        "Smallest box side looked for, in pixels of the image; smaller costs time.",
        minimum=1,
        maximum=10_000,
    )

    @property
    def options(self) -> DetectOptions:
        names = [field.name for field in dataclasses.fields(DetectOptions) if field.name != "class_ids"]
        return DetectOptions(**{name: getattr(self, name) for name in names})

    @property
    def frames_at_once(self) -> int:
        """Most waiting pictures that one call of the detector takes."""
        return 1


P = TypeVar("P", bound=DetectorParameters)


class DetectorNode(PerceptionNode[P]):
    """Subscribes `image_raw`; publishes `~/detections`, `~/image_annotated`, `~/markers`, `~/label_info`.

    A subclass names the `task` whose catalogue it offers. The detector is loaded in configure; a worker thread
    runs it on the newest frames, so callbacks never wait for a network and a slow one drops frames.
    """

    task: ClassVar[str]

    def __init__(
        self, name: str, schema: type[P], hub: ImageHub | None = None, **node_arguments: Any
    ) -> None:
        # before the base: its timers may report at once
        self.statistics = PipelineStatistics()
        self._throttle = Throttle(WARNING_PERIOD_S)
        self._detector: Detector | None = None
        self._model = ""
        self._worker: Worker[LazyFrame] | None = None
        self._frames_at_once = self._in_hand = 1
        self._input: ImageInput | None = None
        self._outputs: dict[str, Publisher[Any]] = {}
        self._camera = markers.MarkerCamera(self)
        self._last_stamp_ns = 0
        self._tracker = trackers.create()
        super().__init__(name, schema, hub, **node_arguments)

    # the state machine's work

    def configure(self) -> None:
        params = self.params
        self.statistics = PipelineStatistics()
        self._tracker = trackers.create()
        self._model, self._frames_at_once = params.model, params.frames_at_once
        self._detector = detector = self.make_detector(params)
        self.accept_detector(detector, params)
        detector.warmup()
        reliable = {"qos_profile": qos.output(), "qos_overriding_options": qos.overridable()}
        self._outputs = {
            "detections": self.create_publisher(Detection2DArray, "~/detections", **reliable),
            "annotated": self.create_publisher(Image, "~/image_annotated", **reliable),
            "markers": self.create_publisher(MarkerArray, "~/markers", **reliable),
            "label_info": self.create_publisher(LabelInfo, "~/label_info", qos.latched()),
        }
        self._worker = Worker(
            self._process, self._failed, name=self.get_name(), capacity=self._frames_at_once
        )
        self._input = ImageInput(self, self.hub, params.image_transport, self._receive)
        self.get_logger().info(
            f"{params.model} on {detector.device} is ready for images on {self._input.wire_topic}"
        )

    def activate(self) -> None:
        if self._input is None:
            raise RuntimeError("the node is not configured")
        self._input.start()
        self._publish_label_info(self.params)

    def deactivate(self) -> None:
        if self._input is not None:
            self._input.stop()

    def cleanup(self, timeout_s: float) -> bool:
        self.deactivate()
        idle = True
        if self._detector is not None:
            self._detector.close()  # also wakes a detector that is at work, where it can be woken
        if self._worker is not None:
            idle = self._worker.stop(timeout_s)
        for publisher in self._outputs.values():
            self.destroy_publisher(publisher)
        self._camera.close()
        self._detector, self._worker, self._input, self._outputs = None, None, None, {}
        return idle

    def on_parameters_changed(self, new: P, old: P) -> None:
        if new.model != old.model:
            catalogue.find(new.model, task=self.task)
        if self.active and new.options.score_threshold != old.options.score_threshold:
            self._publish_label_info(new)

    def describe(self) -> tuple[str, str, dict[str, str]]:
        if self._detector is None or self._input is None or self._worker is None:
            return "", "", {}
        watched = self.active and self._outputs["markers"].get_subscription_count() > 0
        self._camera.follow(self._input.camera_info_topic, wanted=watched)
        mailbox = self._worker.mailbox
        values = {
            "model": self._model,
            "device": self._detector.device,
            "image_topic": self._input.wire_topic,
            "received": str(mailbox.received),
            "dropped": str(mailbox.dropped),
            **self.statistics.values(),
        }
        return self._detector.device, self._input.problem() if self.active else "", values

    @property
    def wire_topic(self) -> str:
        """Where the images come from; empty before configure."""
        return "" if self._input is None else self._input.wire_topic

    # what a subclass may add

    def make_detector(self, params: P) -> Detector:
        """The detector that the parameters name. Raises PerceptionError."""
        return catalogue.create(
            params.model, task=self.task, device=params.device, precision=params.precision
        )

    def accept_detector(self, detector: Detector, params: P) -> None:
        """Judge and prepare a detector that was just made. Raises ConfigError."""

    def detect(self, detector: Detector, images: Sequence[np.ndarray]) -> list[Detections]:
        """What the images, one batch, show. Called on the worker."""
        return detector.detect(images, self.params.options)

    def name_detections(self, frame: Frame, found: Detections) -> list[str | None] | None:
        """Who or what each detection is, shown instead of its class; None: nobody asks. Called on the worker."""
        return None

    def picture_to_show(
        self, frame: Frame, found: Detections, names: Sequence[str | None] | None
    ) -> np.ndarray:
        """(H, W, 3) uint8 RGB, what the annotation is drawn on. Called on the worker."""
        return frame.image

    def after_newest(self, frame: Frame, found: Detections) -> None:
        """What may wait until the detections of every picture in hand are out. Called on the worker."""

    def class_names(self) -> Sequence[str]:
        """What `~/label_info` lists."""
        return () if self._detector is None else self._detector.labels

    # the way of a picture

    def _receive(self, frame: LazyFrame) -> None:
        self.statistics.input_rate.tick()
        if self._worker is not None:
            self._worker.mailbox.put(frame)

    def _process(self, first: LazyFrame) -> None:
        detector, worker = self._detector, self._worker
        if not self.active or detector is None or worker is None:
            return
        waiting = [first, *worker.mailbox.take_waiting(self._frames_at_once - 1)]
        frames = [(frame, lazy.arrival_s) for lazy in waiting if (frame := self._decoded(lazy))]
        if not frames:
            return
        self._in_hand = len(frames)
        batch = self.detect(detector, [frame.image for frame, _ in frames])
        self._in_hand = 1
        for (newest, arrival_s), found in zip(frames, batch, strict=True):
            if not self.active or self._detector is not detector:
                return  # deactivated meanwhile: this picture's result is nobody's any more
            tracked = self._tracker.update(found, newest.stamp_ns)
            self._publish(newest, tracked, detector, arrival_s)
        self.after_newest(newest, tracked)

    def _decoded(self, lazy: LazyFrame) -> Frame | None:
        """The picture; None, and counted, if it cannot be used."""
        try:
            frame = lazy.frame()
        except ImageError as error:
            self._reject(error.reason, str(error))
            return None
        if frame.stamp_ns < self._last_stamp_ns:
            self.statistics.time_jumps += 1
            self.statistics.latency_ms.clear()
            if self._throttle.allows("time"):
                self.get_logger().warning(
                    f"image stamps went back by {(self._last_stamp_ns - frame.stamp_ns) / 1e9:.3f} s; going on"
                )
        self._last_stamp_ns = frame.stamp_ns
        return frame

    def _publish(self, frame: Frame, found: Detections, detector: Detector, arrival_s: float) -> None:
        outputs = self._outputs
        outputs["detections"].publish(
            detections_message(found, detector.labels, frame.stamp_ns, frame.frame_id)
        )
        self.statistics.published(
            detections=len(found),
            latency_ms=(self.get_clock().now().nanoseconds - frame.stamp_ns) / 1e6,
            processing_ms=(time.monotonic() - arrival_s) * 1e3,
            network_ms=detector.times.network_ms,
        )
        names = self.name_detections(frame, found)
        if outputs["annotated"].get_subscription_count() > 0:
            shown = self.picture_to_show(frame, found, names)
            drawn = draw_detections(shown, found, detector.labels, names=names)
            outputs["annotated"].publish(image_message(drawn, frame.stamp_ns, frame.frame_id))
        if outputs["markers"].get_subscription_count() > 0:
            camera = markers.pinhole(self._camera.info, frame.width, frame.height)
            outputs["markers"].publish(
                markers.markers_message(found, detector.labels, camera, frame.stamp_ns, frame.frame_id, names)
            )

    def _failed(self, error: Exception) -> None:
        pictures, self._in_hand = self._in_hand, 1
        if not self.active or not self.context.ok():
            return  # an end in the middle of a picture is no failure
        if isinstance(error, PerceptionError):
            self._reject("detector", str(error), pictures)
        else:
            trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            self._reject("internal", f"{type(error).__name__}: {error}\n{trace}", pictures)

    def _reject(self, reason: str, message: str, pictures: int = 1) -> None:
        self.statistics.reject(reason, pictures)
        if self._throttle.allows(reason):
            self.get_logger().warning(
                f"{'image' if pictures == 1 else f'{pictures} images'} skipped: {message}"
            )

    def _publish_label_info(self, params: P) -> None:
        if self._detector is not None:
            now_ns = self.get_clock().now().nanoseconds
            message = label_info_message(self.class_names(), params.options.score_threshold, now_ns)
            self._outputs["label_info"].publish(message)
