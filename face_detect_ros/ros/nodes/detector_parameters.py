# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Parameters of detector nodes."""

from __future__ import annotations

import dataclasses

from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors.entry import ANY_PRECISION
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.images.raw import DecodeOptions
from face_detect_ros.ros.inputs.image_parameters import IMAGE_TRANSPORT, LARGEST_IMAGE
from face_detect_ros.ros.nodes.lifecycle import PRIVACY, PRIVACY_MAY_END, NodeParameters
from face_detect_ros.ros.parameters import parameter
from face_detect_ros.tracking import catalogue as trackers
from face_detect_ros.tracking.events import DEBOUNCE_S
from face_detect_ros.tracking.options import TrackerOptions

COMPUTE = ("always", "on_demand")


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
        "Threads of the network on a CPU; 0: one for each core but one, or for each of `cpus`.",
        minimum=0,
        maximum=1024,
        at_configure=True,
    )
    cpus: str = parameter(
        "",
        "CPUs that the network's threads are kept on, such as 2-3 or 0,2; empty: any.",
        at_configure=True,
        listing=True,
    )
    cameras: str = parameter(
        "",
        "Names of several cameras, such as [front, left]: their topics are front/image_raw, ~/front/detections and so "
        "on; empty: one camera, on image_raw.",
        at_configure=True,
        listing=True,
    )
    max_batch_wait_ms: float = parameter(
        0.0,
        "How long an image may wait for those of the other cameras, so that the network takes them together.",
        minimum=0.0,
        maximum=1000.0,
        at_configure=True,
    )
    image_transport: str = IMAGE_TRANSPORT
    max_image_mpx: float = LARGEST_IMAGE
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
        "Smallest box side to look for, in pixels of the image; smaller ones cost time.",
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

    depth: bool = parameter(
        True, "Use depth/image_raw if it is published, for positions in space.", at_configure=True
    )
    depth_slop_s: float = parameter(
        0.05,
        "Largest difference between the stamps of an image and its depth, in seconds; 0: they must be equal.",
        minimum=0.0,
        maximum=1.0,
        at_configure=True,
    )
    depth_wait_s: float = parameter(
        0.1,
        "How long a result waits for depth after its image arrived; a detector that takes longer never waits.",
        minimum=0.0,
        maximum=2.0,
        at_configure=True,
    )
    ground_plane: str = parameter(
        "",
        "Ground under people without depth: the camera's height in meters and how many degrees it looks down, such as "
        "1.2, 15, or a frame whose x-y plane is the ground, such as base_footprint (needs tf2); empty: unknown.",
        at_configure=True,
    )
    target_frame: str = parameter(
        "", "Frame of ~/detections_3d (needs tf2); empty: the camera's.", at_configure=True
    )
    broadcast_tf: bool = parameter(
        False,
        "Broadcast a frame for each track with a position, such as face_7 (needs tf2).",
        at_configure=True,
    )
    privacy: bool = PRIVACY
    privacy_may_end: bool = PRIVACY_MAY_END
    jpeg_quality: int = parameter(
        80, "Quality of compressed images, such as ~/image_annotated/compressed.", minimum=1, maximum=100
    )
    compute: str = parameter(
        COMPUTE[0],
        "When images are taken and processed: always, or only while somebody subscribes to a result.",
        choices=COMPUTE,
    )
    max_rate_hz: float = parameter(
        0.0, "Most images per second that are processed; 0: all.", minimum=0.0, maximum=1000.0
    )
    max_latency_ms: float = parameter(
        0.0,
        "Diagnostics warn if the 95th percentile of the latency is higher, and report an error at twice as much; 0: "
        "never.",
        minimum=0.0,
        maximum=1e6,
    )
    roi: str = parameter(
        "",
        "Region of interest: polygon such as 0,0.5 1,0.5 1,1 0,1, in shares of the image or in pixels; several with "
        "semicolons. Nothing outside is reported.",
    )
    zones: str = parameter(
        "",
        "Named polygons for ~/zones, such as door: 0,0 0.3,0 0.3,1 0,1; with semicolons between them. Where the name "
        "begins with !, nothing is reported.",
    )
    event_debounce_s: float = parameter(
        DEBOUNCE_S, "How long a change must last to be an event.", minimum=0.0, maximum=60.0
    )
    select: str = parameter(
        "",
        "What ~/selected follows: a track such as #17, a class or a person's name; empty: what was clicked on.",
        view=True,
    )

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
