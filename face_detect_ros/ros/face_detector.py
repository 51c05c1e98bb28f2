"""Finds faces: `ros2 run face_detect_ros face_detector`."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from ..detectors.catalogue import DEFAULT_MODEL, FACE_OPTIONS
from . import runtime
from .detector_node import DetectorNode, DetectorParameters
from .image_input import ImageHub
from .parameters import redefault


@dataclasses.dataclass(frozen=True)
class FaceDetectorParameters(DetectorParameters):
    """Parameters of the face detector."""

    model: str = redefault(DetectorParameters, "model", DEFAULT_MODEL["faces"])
    score_threshold: float = redefault(DetectorParameters, "score_threshold", FACE_OPTIONS.score_threshold)
    iou_threshold: float = redefault(DetectorParameters, "iou_threshold", FACE_OPTIONS.iou_threshold)
    max_detections: int = redefault(DetectorParameters, "max_detections", FACE_OPTIONS.max_detections)
    min_size_px: int = redefault(DetectorParameters, "min_size_px", FACE_OPTIONS.min_size_px)


class FaceDetector(DetectorNode[FaceDetectorParameters]):
    """Publishes the faces of `image_raw`; topics and parameters are described in the base classes."""

    task = "faces"

    def __init__(self, hub: ImageHub | None = None, **node_arguments: Any) -> None:
        super().__init__("face_detector", FaceDetectorParameters, hub, **node_arguments)


def main() -> None:
    sys.exit(runtime.main(lambda: [FaceDetector()]))


if __name__ == "__main__":
    main()
