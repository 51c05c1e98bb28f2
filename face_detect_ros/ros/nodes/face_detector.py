# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Finds and recognizes faces: `ros2 run face_detect_ros face_detector`."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from face_detect_ros.core.errors import ConfigError, GalleryError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.core.text import as_utf8
from face_detect_ros.detectors import catalogue, model_file
from face_detect_ros.detectors.catalogue import DEFAULT_MODEL, FACE_OPTIONS
from face_detect_ros.faces.embedders import catalogue as embedders
from face_detect_ros.faces.gallery.file import unique_id
from face_detect_ros.faces.gallery.people import GallerySnapshot
from face_detect_ros.faces.options import EnrollmentOptions, MatchOptions
from face_detect_ros.pipeline.options import FAINT_FROM, PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.recipe import Recipe, Recognition
from face_detect_ros.pipeline.result import Result
from face_detect_ros.pipeline.stages.cover import COVERS
from face_detect_ros.pipeline.stages.recognize import Recognize
from face_detect_ros.ros import runtime
from face_detect_ros.ros.cameras import camera_names
from face_detect_ros.ros.enrollment_services import EnrollmentServices
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.nodes.channel import Channel
from face_detect_ros.ros.nodes.detector import DetectorNode
from face_detect_ros.ros.nodes.detector_parameters import DetectorParameters
from face_detect_ros.ros.nodes.flow import WARNING_PERIOD_S
from face_detect_ros.ros.outputs.diagnostics import Health
from face_detect_ros.ros.outputs.humans import HumansOutput, hri
from face_detect_ros.ros.outputs.identities import IdentitiesOutput
from face_detect_ros.ros.outputs.images import AnonymizedOutput
from face_detect_ros.ros.outputs.labels import VisionInfoTopic
from face_detect_ros.ros.outputs.output import Output
from face_detect_ros.ros.outputs.selected import SelectedOutput
from face_detect_ros.ros.parameters import parameter, redefault
from face_detect_ros.viz.anonymize import AnonymizerOptions

COVERING = (
    "model",
    "cover",
    "anonymize_style",
    "anonymize_margin",
    "anonymize_hold_s",
    "anonymize_whom",
)
"""Parameters that could weaken the covers: under privacy they do not change at run time."""


@dataclasses.dataclass(frozen=True)
class FaceDetectorParameters(DetectorParameters):
    """Parameters of the face detector."""

    model: str = redefault(DetectorParameters, "model", DEFAULT_MODEL["faces"])
    score_threshold: float = parameter(
        0.0, "Lowest score published; 0: the model's own.", minimum=0.0, maximum=1.0
    )
    iou_threshold: float = redefault(DetectorParameters, "iou_threshold", FACE_OPTIONS.iou_threshold)
    max_detections: int = redefault(DetectorParameters, "max_detections", FACE_OPTIONS.max_detections)
    min_size_px: int = parameter(
        FACE_OPTIONS.min_size_px,
        "Smallest face to look for, in pixels of the image; smaller ones cost time; 0: the model's own.",
        minimum=0,
        maximum=10_000,
    )
    recognize: bool = parameter(
        True, "Recognize the people in the gallery by their faces.", at_configure=True
    )
    gallery: str = parameter(
        "", "File of the gallery; empty: face_detect_ros/gallery.sqlite3 in ROS's home.", at_configure=True
    )
    embedder: str = parameter(
        embedders.DEFAULT,
        "Network that compares faces: dlib_resnet, dlib, arcface:FILE, sface, librefacerec-l.",
        at_configure=True,
    )
    accept_distance: float = parameter(
        0.0,
        "Largest distance to a known look, between embeddings; 0: the embedder's own.",
        minimum=0.0,
        maximum=2.0,
    )
    margin: float = parameter(
        -1.0,
        "How much further away the next person must be, else the answer is unknown; below 0: the embedder's own.",
        minimum=-1.0,
        maximum=1.0,
    )
    looks_needed: int = parameter(
        MatchOptions.looks_needed, "Agreeing looks before a face gets a name.", minimum=1, maximum=100
    )
    enroll_name: str = parameter("", "Person that the services ~/enroll, ~/forget and ~/rename act on.")
    rename_to: str = parameter("", "New name for the service ~/rename.")
    ros4hri: bool = parameter(
        False,
        "Publish faces as ROS4HRI names them, on /humans/faces/... (needs hri_msgs).",
        at_configure=True,
    )
    anonymize_style: str = parameter(
        AnonymizerOptions.style,
        "How faces are covered.",
        choices=("blur", "pixelate", "box"),
        at_configure=True,
    )
    anonymize_margin: float = parameter(
        AnonymizerOptions.margin,
        "How far beyond its box a face is covered, in parts of its size.",
        minimum=0.0,
        maximum=2.0,
        at_configure=True,
    )
    anonymize_hold_s: float = parameter(
        AnonymizerOptions.hold_s,
        "How long a face that is no longer found stays covered.",
        minimum=0.0,
        maximum=60.0,
        at_configure=True,
    )
    cover: str = parameter(
        COVERS[0],
        "What is covered: faces; heads, also of persons whose face is not found; or whole persons. The last two take "
        "the time of the object detector and of a second look for faces as well.",
        choices=COVERS,
        at_configure=True,
    )
    anonymize_whom: str = parameter(
        AnonymizerOptions.whom,
        "Faces that are covered: everybody's, those of unknown people, or those of known people.",
        choices=("everybody", "unknown", "known"),
        at_configure=True,
    )

    @property
    def detect_options(self) -> DetectOptions:
        options = super().detect_options
        if self.score_threshold:
            return options
        own = catalogue.default_options(self.model, task=FaceDetector.task)
        return dataclasses.replace(options, score_threshold=own.score_threshold)

    @property
    def match_options(self) -> MatchOptions:
        own = embedders.find(self.embedder).match
        return dataclasses.replace(
            own,
            accept_distance=self.accept_distance or own.accept_distance,
            margin=own.margin if self.margin < 0 else self.margin,
            looks_needed=self.looks_needed,
        )

    @property
    def enrollment_options(self) -> EnrollmentOptions:
        return EnrollmentOptions(unlike_distance=embedders.find(self.embedder).unlike_distance)

    @property
    def anonymizer_options(self) -> AnonymizerOptions:
        if self.privacy and self.anonymize_whom != AnonymizerOptions.whom:
            raise ConfigError(
                f"anonymize_whom is {self.anonymize_whom!r}, but privacy covers {AnonymizerOptions.whom}; "
                "change one of them"
            )
        return AnonymizerOptions(
            style=self.anonymize_style,  # type: ignore[arg-type]
            margin=self.anonymize_margin,
            hold_s=self.anonymize_hold_s,
            whom=self.anonymize_whom,  # type: ignore[arg-type]
        )


class FaceDetector(DetectorNode[FaceDetectorParameters]):
    """A detector node that also publishes `~/identities`, `~/image_anonymized` and `~/vision_info`.

    With `privacy` every image that it publishes has its faces covered.
    """

    task = "faces"
    topics: ClassVar[dict[str, str]] = {
        **DetectorNode.topics,
        "~/identities": "vision_msgs/Detection2DArray: who the faces are",
        "~/image_anonymized": "sensor_msgs/Image with faces covered",
        "~/image_anonymized/compressed": "sensor_msgs/CompressedImage: the same as JPEG",
        "~/vision_info": "vision_msgs/VisionInfo: the gallery and its version",
        "~/enroll": "service std_srvs/Trigger: learn the face in view as enroll_name",
        "~/forget": "service std_srvs/Trigger: erase enroll_name",
        "~/rename": "service std_srvs/Trigger: enroll_name becomes rename_to",
        "~/list_people": "service std_srvs/Trigger: people in the gallery",
    }

    def __init__(
        self, hub: ImageHub | None = None, *, node_name: str = "face_detector", **node_arguments: Any
    ) -> None:
        self._vision_info: VisionInfoTopic | None = None
        self._announced: GallerySnapshot | None = None
        self._gallery_version = -1
        self._to_enroll_again = ""  # names of people whose looks are another embedder's
        super().__init__(node_name, FaceDetectorParameters, hub, **node_arguments)
        self._enrollment = EnrollmentServices(self)

    @property
    def recognition(self) -> Recognize | None:
        """The stage that recognizes people; None while the node is not ready, or where recognition is off."""
        return None if self.pipeline is None else self.pipeline.stage(Recognize)

    def recipe(self, params: FaceDetectorParameters) -> Recipe:
        recognition = None
        if params.recognize:
            recognition = Recognition(Path(params.gallery) if params.gallery else None, params.embedder)
        return dataclasses.replace(
            super().recipe(params),
            recognition=recognition,
            anonymizer=params.anonymizer_options,
            cover=params.cover,  # type: ignore[arg-type]
        )

    def options(self, params: FaceDetectorParameters, labels: Sequence[str]) -> PipelineOptions:
        own = catalogue.default_options(params.model, task=self.task)
        return PipelineOptions(
            params.detect_options, params.match_options, cover_score=FAINT_FROM * own.score_threshold
        )

    def make_outputs(self, params: FaceDetectorParameters, channel: Channel) -> list[Output]:
        outputs = [
            *super().make_outputs(params, channel),
            AnonymizedOutput(channel.topics, lambda: self.params.jpeg_quality),
        ]
        if params.recognize:
            outputs.append(IdentitiesOutput(channel.topics))
        if params.ros4hri:
            outputs.append(HumansOutput(channel.topics, hri()))
        return outputs

    def configure(self) -> None:
        if self.params.ros4hri and len(camera_names(self.params.cameras)) > 1:
            raise ConfigError(
                "parameter ros4hri is for one camera: /humans/faces/tracked is one list; start a node for each camera"
            )
        super().configure()
        if self.params.recognize:
            self._vision_info = VisionInfoTopic(self)

    def prepare_worker(self, device: str) -> None:
        """Leave a core to the rest of the system where PyTorch computes nothing but embeddings.

        Their many small steps wait for all threads at each: with a thread on a core that something else uses, one image
        takes many times as long. dlib's CNN, whose steps are large, gains by every core.
        """
        if device != "cpu":  # the detector runs on another engine, or on a GPU
            self.leave_a_core()

    def adopt(self, loaded: Pipeline) -> None:
        super().adopt(loaded)
        recognition = self.recognition
        gallery = None if recognition is None else recognition.gallery
        if gallery is not None and gallery.set_aside:
            self.get_logger().error(
                as_utf8(
                    f"the gallery {gallery.path} was damaged; it was put aside as {gallery.set_aside}, and a new one "
                    "was started"
                )
            )
        self._to_enroll_again = ""
        if gallery is not None and (left := gallery.people_without_looks()):
            self._to_enroll_again = ", ".join(person.name for person in left)
            self.get_logger().warning(
                f"{self._to_enroll_again}: enrolled with another embedder; to be recognized by "
                f"{self.params.embedder}, enroll them again"
            )

    def activate(self) -> None:
        super().activate()
        self.announce_people()

    def cleanup(self, timeout_s: float) -> bool:
        self._enrollment.give_up("the node was cleaned up")
        if self._vision_info is not None:
            self._vision_info.close()
            self._vision_info = None
        return super().cleanup(timeout_s)

    def once_a_second(self) -> None:
        super().once_a_second()
        recognition = self.recognition
        if recognition is not None and recognition.gallery is not None and self.active:
            try:
                changed = recognition.gallery.snapshot() is not self._announced
            except GalleryError:
                return  # `health` says it
            if changed:
                self.announce_people()  # another process has changed the gallery

    def health(self) -> Health:
        health = super().health()
        recognition = self.recognition
        if recognition is not None:
            try:
                people = str(len(recognition.people.snapshot().people))
                figures = {"people": people, "people_to_enroll_again": self._to_enroll_again}
                health = health._replace(values={**health.values, **figures})
            except GalleryError as error:
                health = health._replace(problem=health.problem or str(error))
        return health

    def on_parameters_changed(self, new: FaceDetectorParameters, old: FaceDetectorParameters) -> None:
        if self.private and not new.privacy_may_end:
            for name in COVERING:
                if getattr(new, name) != getattr(old, name):
                    raise ConfigError(
                        f"parameter {name} decides what is covered, and privacy is on; set it at the start of the node"
                    )
        self.recipe(new)
        self.options(new, ())
        super().on_parameters_changed(new, old)

    def finished(self, result: Result, channel: Channel) -> None:
        if not self._enrollment.waiting:
            return
        followed = {
            each.name: track
            for each in self.channels
            for output in each.outputs
            if isinstance(output, SelectedOutput) and (track := output.track) is not None
        }
        self._enrollment.offer(result, channel.name, followed)

    def label_names(self) -> list[str]:
        recognition = self.recognition
        people = () if recognition is None else recognition.people.snapshot().people
        return [*super().label_names(), *(person.name for person in people)]

    def demanded(self) -> bool:
        return self._enrollment.waiting

    def announce_people(self) -> None:
        """Publish who is in the gallery on `~/label_info`, and its version on `~/vision_info`.

        The version is the gallery's revision, or a higher number: it also grows when another file replaces the gallery.
        """
        recognition = self.recognition
        if recognition is None or recognition.gallery is None or self._vision_info is None:
            return
        gallery = recognition.gallery
        try:
            snapshot = gallery.snapshot()
            if snapshot is not self._announced:
                self._announced = snapshot
                self._gallery_version = max(snapshot.revision, self._gallery_version + 1)
            self.announce_labels(self.params)
        except GalleryError as error:
            self.get_logger().warning(str(error), throttle_duration_sec=WARNING_PERIOD_S)
            return
        # absolute paths, for other processes
        embedder = model_file.absolute(self.params.embedder)
        file = unique_id(gallery.path)
        self._vision_info.announce(embedder, str(gallery.path), self._gallery_version, file)


def main() -> None:
    sys.exit(runtime.main(lambda: [FaceDetector()]))


if __name__ == "__main__":
    main()
