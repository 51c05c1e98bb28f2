"""Finds and recognizes faces: `ros2 run face_detect_ros face_detector`."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, VisionInfo

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, GalleryError
from face_detect_ros.core.frame import Frame
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.catalogue import DEFAULT_MODEL, FACE_OPTIONS
from face_detect_ros.faces.embedders import catalogue as embed
from face_detect_ros.faces.gallery.gallery import Gallery, default_path
from face_detect_ros.faces.options import MatchOptions
from face_detect_ros.faces.recognizer import DeferredEmbedder, Recognizer
from face_detect_ros.ros import qos, runtime
from face_detect_ros.ros.enrollment_services import Enrollment
from face_detect_ros.ros.inputs.camera import ImageHub
from face_detect_ros.ros.messages.detections import identities_message
from face_detect_ros.ros.messages.headers import make_header
from face_detect_ros.ros.messages.images import image_message
from face_detect_ros.ros.nodes.detector import DetectorNode, DetectorParameters
from face_detect_ros.ros.nodes.lifecycle import PRIVACY
from face_detect_ros.ros.parameters import parameter, redefault
from face_detect_ros.viz.anonymize import COVERED_FROM, Anonymizer, AnonymizerOptions


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
        "Smallest face looked for, in pixels of the image; smaller costs time; 0: the model's own.",
        minimum=0,
        maximum=10_000,
    )
    recognize: bool = parameter(True, "Say who it is, from the gallery.", at_configure=True)
    gallery: str = parameter(
        "", "File of the gallery; empty: face_detect_ros/gallery.sqlite3 in ROS's home.", at_configure=True
    )
    embedder: str = parameter(
        embed.DEFAULT, "Network that compares faces.", choices=embed.names(), at_configure=True
    )
    accept_distance: float = parameter(
        MatchOptions.accept_distance,
        "Largest distance to a known look, between embeddings.",
        minimum=0.01,
        maximum=1.0,
    )
    margin: float = parameter(
        MatchOptions.margin,
        "How much further the next person must be; else the answer is unknown.",
        minimum=0.0,
        maximum=1.0,
    )
    looks_needed: int = parameter(
        MatchOptions.looks_needed, "Agreeing looks before a face gets a name.", minimum=1, maximum=100
    )
    enroll_name: str = parameter("", "Whom the services enroll, forget and rename are about.")
    rename_to: str = parameter("", "The new name for the service rename.")
    privacy: bool = PRIVACY
    anonymize_style: str = parameter(
        AnonymizerOptions.style,
        "How faces are covered.",
        choices=("blur", "pixelate", "box"),
        at_configure=True,
    )
    anonymize_margin: float = parameter(
        AnonymizerOptions.margin,
        "How far beyond its box a face is covered, in its sizes.",
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
    anonymize_whom: str = parameter(
        AnonymizerOptions.whom,
        "Whose faces are covered: everybody's, those of unknown or of known people.",
        choices=("everybody", "unknown", "known"),
        at_configure=True,
    )

    @property
    def options(self) -> DetectOptions:
        options = super().options
        if self.score_threshold:
            return options
        own = catalogue.default_options(self.model, task=FaceDetector.task)
        return dataclasses.replace(options, score_threshold=own.score_threshold)

    @property
    def match_options(self) -> MatchOptions:
        return MatchOptions(
            accept_distance=self.accept_distance, margin=self.margin, looks_needed=self.looks_needed
        )

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

    With `privacy` every picture that it publishes has its faces covered.
    """

    task = "faces"

    def __init__(self, hub: ImageHub | None = None, **node_arguments: Any) -> None:
        self._gallery: Gallery | None = None
        self._embedder: DeferredEmbedder | None = None
        self._recognizer: Recognizer | None = None
        self._anonymizer = Anonymizer()
        self._covered: tuple[Frame, np.ndarray] | None = None
        self._faint: list[tuple[np.ndarray, np.ndarray]] = []
        self._published_revision = -1
        super().__init__("face_detector", FaceDetectorParameters, hub, **node_arguments)
        self._enrollment = Enrollment(self)

    def configure(self) -> None:
        params = self.params
        self._anonymizer = Anonymizer(params.anonymizer_options)
        self._covered, self._faint = None, []
        if params.recognize:
            self._embedder = DeferredEmbedder(lambda: embed.create(params.embedder, device=params.device))
            path = Path(params.gallery).expanduser() if params.gallery else default_path()
            self._gallery = Gallery(path, self._embedder.model_id, self._embedder.model_version)
            if self._gallery.set_aside:
                self.get_logger().error(
                    f"the gallery {path} was damaged; it was put aside as {self._gallery.set_aside}, and a new "
                    "one was started"
                )
            if self._gallery.people():
                self._embedder.load()
            self._recognizer = Recognizer(self._embedder, self._gallery)
            self._enrollment.open(self._gallery, self._embedder)
        super().configure()
        reliable = {"qos_profile": qos.output(), "qos_overriding_options": qos.overridable()}
        self._outputs["anonymized"] = self.create_publisher(Image, "~/image_anonymized", **reliable)
        if params.recognize:
            self._outputs["identities"] = self.create_publisher(Detection2DArray, "~/identities", **reliable)
            self._outputs["vision_info"] = self.create_publisher(VisionInfo, "~/vision_info", qos.latched())

    def activate(self) -> None:
        super().activate()
        self.publish_people()

    def cleanup(self, timeout_s: float) -> bool:
        self._enrollment.close()
        if self._embedder is not None:
            self._embedder.close()
        idle = super().cleanup(timeout_s)
        if self._gallery is not None:
            self._gallery.close()
        self._embedder = self._gallery = self._recognizer = None
        return idle

    def describe(self) -> tuple[str, str, dict[str, str]]:
        hardware_id, problem, values = super().describe()
        if self._gallery is not None:
            try:
                if self.active and self._gallery.revision != self._published_revision:
                    self.publish_people()  # another process has changed the gallery
                values["people"] = str(len(self._gallery.people()))
            except GalleryError as error:
                problem = problem or str(error)
        return hardware_id, problem, values

    def on_parameters_changed(self, new: FaceDetectorParameters, old: FaceDetectorParameters) -> None:
        new.anonymizer_options  # noqa: B018 - judged
        new.match_options  # noqa: B018 - judged
        super().on_parameters_changed(new, old)

    def class_names(self) -> Sequence[str]:
        names = [person.name for person in self._gallery.people()] if self._gallery is not None else []
        return [*super().class_names(), *names]

    def publish_people(self) -> None:
        """Tell on `~/label_info` and `~/vision_info` whom the gallery holds, with its revision as the version."""
        if self._gallery is None or "vision_info" not in self._outputs:
            return
        self._published_revision = self._gallery.revision
        self._publish_label_info(self.params)
        now_ns = self.get_clock().now().nanoseconds
        self._outputs["vision_info"].publish(
            VisionInfo(
                header=make_header(now_ns, ""),
                method=self.params.embedder,
                database_location=str(self._gallery.path),
                database_version=self._published_revision,
            )
        )

    def detect(self, detector: Detector, images: Sequence[np.ndarray]) -> list[Detections]:
        """Faces from the score threshold on; what scores less but is covered is kept for `_cover`."""
        options = self.params.options
        self._faint = []
        if not (self.params.privacy or self._outputs["anonymized"].get_subscription_count() > 0):
            return detector.detect(images, options)
        lower = dataclasses.replace(options, score_threshold=COVERED_FROM * options.score_threshold)
        published = []
        for image, found in zip(images, detector.detect(images, lower), strict=True):
            certain = found.scores >= np.float32(options.score_threshold)
            published.append(found.select(certain))
            self._faint.append((image, found.boxes[~certain]))
        return published

    def name_detections(self, frame: Frame, found: Detections) -> list[str | None] | None:
        self._enrollment.offer(frame.image, found)
        names = None
        if self._recognizer is not None:
            matches = self._recognizer.identify(frame.image, found, frame.stamp_ns, self.params.match_options)
            names = [match.name for match in matches]
            self._outputs["identities"].publish(
                identities_message(found, matches, frame.stamp_ns, frame.frame_id)
            )
        if self._outputs["anonymized"].get_subscription_count() > 0 and self._looked_closely(frame):
            covered = self._cover(frame, found, names)
            self._outputs["anonymized"].publish(image_message(covered, frame.stamp_ns, frame.frame_id))
        return names

    def picture_to_show(
        self, frame: Frame, found: Detections, names: Sequence[str | None] | None
    ) -> np.ndarray:
        return self._cover(frame, found, names) if self.params.privacy else frame.image

    def _cover(self, frame: Frame, found: Detections, names: Sequence[str | None] | None) -> np.ndarray:
        """The frame with its faces covered; covered once for all who ask."""
        if self._covered is None or self._covered[0] is not frame:
            faint = next(boxes for image, boxes in self._faint if image is frame.image)
            covered = self._anonymizer.apply(frame.image, found, frame.stamp_ns, names, faint)
            self._covered = frame, covered
        return self._covered[1]

    def _looked_closely(self, frame: Frame) -> bool:
        """Whether faint faces were looked for: not in a picture that was in work when somebody subscribed."""
        return any(image is frame.image for image, _ in self._faint)


def main() -> None:
    sys.exit(runtime.main(lambda: [FaceDetector()]))


if __name__ == "__main__":
    main()
