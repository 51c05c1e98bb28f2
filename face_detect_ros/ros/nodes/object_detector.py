"""Finds objects of many classes: `ros2 run face_detect_ros object_detector --ros-args -p model:=NAME`."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.frame import Frame
from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.catalogue import DEFAULT_MODEL, OBJECT_OPTIONS
from face_detect_ros.detectors.class_filter import class_ids
from face_detect_ros.detectors.objects import detector as objects
from face_detect_ros.ros import runtime
from face_detect_ros.ros.inputs.camera import ImageHub
from face_detect_ros.ros.nodes.detector import DetectorNode, DetectorParameters
from face_detect_ros.ros.nodes.lifecycle import PRIVACY
from face_detect_ros.ros.outputs.attention import AttentionView, is_track
from face_detect_ros.ros.parameters import parameter, redefault


@dataclasses.dataclass(frozen=True)
class ObjectDetectorParameters(DetectorParameters):
    """Parameters of the object detector."""

    model: str = redefault(DetectorParameters, "model", DEFAULT_MODEL["objects"])
    score_threshold: float = redefault(DetectorParameters, "score_threshold", OBJECT_OPTIONS.score_threshold)
    iou_threshold: float = redefault(DetectorParameters, "iou_threshold", OBJECT_OPTIONS.iou_threshold)
    max_detections: int = redefault(DetectorParameters, "max_detections", OBJECT_OPTIONS.max_detections)
    min_size_px: int = parameter(
        OBJECT_OPTIONS.min_size_px,
        "Smallest box side published, in pixels of the image.",
        minimum=1,
        maximum=10_000,
    )
    classes: str = parameter("", "Classes published, such as person, dog; empty: all of the model's.")
    input_size: int = parameter(
        0,
        "Longest side of what the network sees, in pixels; 0: the model's own.",
        minimum=0,
        maximum=8192,
        at_configure=True,
    )
    batch: int = parameter(
        1,
        "Waiting images that one call of the network may take; 1: the newest alone.",
        minimum=1,
        maximum=64,
        at_configure=True,
    )
    attention_of: str = parameter(
        "", "Whose heat map ~/attention shows: a class, or a track such as #17; empty: the best detection."
    )
    privacy: bool = PRIVACY

    @property
    def frames_at_once(self) -> int:
        return self.batch


class ObjectDetector(DetectorNode[ObjectDetectorParameters]):
    """A detector node that also publishes `~/attention`.

    It does not know where faces are: with `privacy` its pictures show what it found on black.
    """

    task = "objects"

    def __init__(self, hub: ImageHub | None = None, **node_arguments: Any) -> None:
        self._attention: AttentionView | None = None
        self._largest_batch = 1
        self._started: Detector | None = None
        super().__init__("object_detector", ObjectDetectorParameters, hub, **node_arguments)

    def configure(self) -> None:
        super().configure()
        params, detector = self.params, self._detector
        if detector is not None:
            self._attention = AttentionView(self, params.model, detector)
        if params.privacy:
            self.get_logger().info("privacy: image_annotated and attention are drawn on black")

    def make_detector(self, params: ObjectDetectorParameters) -> Detector:
        if not params.model:
            raise ConfigError(
                "parameter model is empty; set it to one that `face_detect_ros models list` shows (`face_detect_ros "
                "models fetch` brings its weights), or to a file of yours: "
                + ", ".join(entry.usage for entry in catalogue.entries(self.task) if entry.takes_file)
            )
        return catalogue.create(
            params.model,
            task=self.task,
            device=params.device,
            precision=params.precision,
            input_size=params.input_size,
        )

    def accept_detector(self, detector: Detector, params: ObjectDetectorParameters) -> None:
        _judge(params, detector.labels)
        self._largest_batch = params.batch
        if isinstance(detector, objects.ObjectDetector):
            detector.largest_batch = params.batch

    def cleanup(self, timeout_s: float) -> bool:
        idle = super().cleanup(timeout_s)
        self._started = None
        if self._attention is not None:
            self._attention.close()
            self._attention = None
        return idle

    def describe(self) -> tuple[str, str, dict[str, str]]:
        hardware_id, problem, values = super().describe()
        attention = self._attention
        if attention is not None:
            values |= {"batch": str(self._largest_batch), "attention": attention.state()}
        return hardware_id, problem, values

    def on_parameters_changed(self, new: ObjectDetectorParameters, old: ObjectDetectorParameters) -> None:
        super().on_parameters_changed(new, old)
        detector = self._detector
        if detector is not None:  # else configure judges, by the labels of the model that it loads
            _judge(new, detector.labels)

    def detect(self, detector: Detector, images: Sequence[np.ndarray]) -> list[Detections]:
        if detector is not self._started:
            self._started = detector
            _leave_a_core(detector)
        params = self.params
        options = dataclasses.replace(params.options, class_ids=class_ids(params.classes, detector.labels))
        found = detector.detect(images, options)
        if isinstance(detector, objects.ObjectDetector) and detector.largest_batch < self._largest_batch:
            self.get_logger().warning(
                f"out of memory with {self._largest_batch} images at once; going on with {detector.largest_batch}"
            )
            self._largest_batch = detector.largest_batch
        return found

    def picture_to_show(
        self, frame: Frame, found: Detections, names: Sequence[str | None] | None
    ) -> np.ndarray:
        return np.zeros_like(frame.image) if self.params.privacy else frame.image

    def after_newest(self, frame: Frame, found: Detections) -> None:
        attention, of = self._attention, self.params.attention_of
        if attention is not None:
            attention.offer(frame, found, of, lambda: self.picture_to_show(frame, found, None))


def _leave_a_core(detector: Detector) -> None:
    """To the camera, DDS and the other nodes, in the thread that calls; unless OMP_NUM_THREADS says otherwise.

    A network of many small steps waits for all its threads at each: one that has to share its core doubles the latency.
    """
    torch = sys.modules.get("torch")
    if torch is not None and detector.device == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) - 1))


def _judge(params: ObjectDetectorParameters, labels: tuple[str, ...]) -> None:
    """Raise ConfigError if a class that `params` names is unknown to a model with these labels."""
    for name, value in (("classes", params.classes), ("attention_of", params.attention_of)):
        if name == "attention_of" and is_track(labels, value):
            continue
        try:
            class_ids(value, labels)
        except ConfigError as error:
            raise ConfigError(f"parameter {name}: {error}") from None


def main() -> None:
    sys.exit(runtime.main(lambda: [ObjectDetector()]))


if __name__ == "__main__":
    main()
