# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Finds objects of many classes: `ros2 run face_detect_ros object_detector --ros-args -p model:=NAME`."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.catalogue import DEFAULT_MODEL, OBJECT_OPTIONS
from face_detect_ros.detectors.class_filter import class_ids
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.recipe import Recipe
from face_detect_ros.ros import runtime
from face_detect_ros.ros.cameras import camera_names
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.nodes.channel import Channel
from face_detect_ros.ros.nodes.detector import DetectorNode
from face_detect_ros.ros.nodes.detector_parameters import DetectorParameters
from face_detect_ros.ros.outputs.attention import AttentionOutput, Turns, is_track
from face_detect_ros.ros.outputs.diagnostics import Health
from face_detect_ros.ros.outputs.masks import KeypointsOutput, MasksOutput
from face_detect_ros.ros.outputs.output import Output
from face_detect_ros.ros.outputs.people import PeopleOutput
from face_detect_ros.ros.parameters import parameter, redefault
from face_detect_ros.tracking.zones import split_camera


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
    classes: str = parameter(
        "",
        "Classes published, such as person, dog; empty: all of the model's. A grounding model looks for these.",
    )
    input_size: int = parameter(
        0,
        "Longest side of what the network sees, in pixels; 0: the model's own.",
        minimum=0,
        maximum=8192,
        at_configure=True,
    )
    batch: int = parameter(
        1,
        "Most waiting images that one call of the network takes; 1: only the newest.",
        minimum=1,
        maximum=64,
        at_configure=True,
    )
    attention_of: str = parameter(
        "",
        "Detection whose heat map ~/attention shows: a class, or a track such as #17; empty: the best one.",
        view=True,
    )

    @property
    def frames_at_once(self) -> int:
        return self.batch


class ObjectDetector(DetectorNode[ObjectDetectorParameters]):
    """A detector node that also publishes `~/attention` and what some models give beside boxes.

    It does not know where faces are: with `privacy` its images show what it found on black.
    """

    task = "objects"
    topics: ClassVar[dict[str, str]] = {
        **DetectorNode.topics,
        "face_detector/identities": "subscribed for ~/people: who the faces are",
        "~/people": "vision_msgs/Detection2DArray: people by name, with ids that stay",
        "~/attention": "sensor_msgs/Image: heat map of the parts of the image that counted for one detection",
        "~/attention/compressed": "sensor_msgs/CompressedImage: the same as JPEG",
        "~/masks": "sensor_msgs/Image: mono16, number of the detection that each pixel belongs to; segmentation models",
        "~/keypoints": "visualization_msgs/MarkerArray: keypoints in front of the camera; pose models",
    }

    def __init__(
        self, hub: ImageHub | None = None, *, node_name: str = "object_detector", **node_arguments: Any
    ) -> None:
        self._heat_maps = Turns()
        super().__init__(node_name, ObjectDetectorParameters, hub, **node_arguments)

    def configure(self) -> None:
        if not self.params.model:
            raise ConfigError(
                "parameter model is empty; set it to one that `face_detect_ros models list` shows (`face_detect_ros "
                "models fetch` brings its weights), or to a file of yours: "
                + ", ".join(entry.usage for entry in catalogue.entries(self.task) if entry.takes_file)
            )
        super().configure()
        if self.private:
            self.get_logger().info("privacy: image_annotated and attention are drawn on black")

    def recipe(self, params: ObjectDetectorParameters) -> Recipe:
        return dataclasses.replace(
            super().recipe(params), input_size=params.input_size, classes=params.classes
        )

    def options(self, params: ObjectDetectorParameters, labels: Sequence[str]) -> PipelineOptions:
        with _about("classes"):
            chosen = class_ids(params.classes, tuple(labels))
        if not is_track(tuple(labels), params.attention_of):
            with _about("attention_of"):
                class_ids(params.attention_of, tuple(labels))
        _, wish = split_camera(params.select, camera_names(params.cameras))
        if not is_track(tuple(labels), wish):
            with _about("select"):
                class_ids(wish, tuple(labels))
        return PipelineOptions(dataclasses.replace(params.detect_options, class_ids=chosen))

    def make_outputs(self, params: ObjectDetectorParameters, channel: Channel) -> list[Output]:
        attention = AttentionOutput(
            channel.topics,
            params.model,
            lambda: self.params.attention_of,
            lambda: self.params.jpeg_quality,
            lambda: self.private,
            self._heat_maps,
        )
        info = channel.input
        keypoints = KeypointsOutput(channel.topics, lambda: info.camera_info_topic, lambda: info.rectified)
        people = PeopleOutput(channel.topics)
        masks = MasksOutput(channel.topics)
        return [*super().make_outputs(params, channel), people, masks, keypoints, attention]

    def adopt(self, loaded: Pipeline) -> None:
        for output in self.outputs:
            if isinstance(output, (AttentionOutput, MasksOutput, KeypointsOutput)):
                output.watch(loaded.detector)
        super().adopt(loaded)

    def prepare_worker(self, device: str) -> None:
        if device == "cpu":  # PyTorch runs the detector
            self.leave_a_core()

    def health(self) -> Health:
        health = super().health()
        batch = {} if self._flow is None else {"batch": str(self._flow.largest_batch)}
        return health._replace(values={**health.values, **batch})


@contextlib.contextmanager
def _about(parameter_name: str) -> Iterator[None]:
    """Name the parameter in a ConfigError."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"parameter {parameter_name}: {error}") from None


def main() -> None:
    sys.exit(runtime.main(lambda: [ObjectDetector()]))


if __name__ == "__main__":
    main()
