# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Face detection by dlib's own code: `dlib_hog` and `dlib_cnn`, both with 5 landmarks.

Below dlib's threshold: HOG really looks there (down to margin -3, score 0.05). dlib's CNN has its threshold
compiled in, so a score_threshold below 0.5 changes nothing for `dlib_cnn`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors.faces.scan import DlibFaceDetector, Found, ScanLimits
from face_detect_ros.detectors.isolated.detector import IsolatedDetector
from face_detect_ros.faces.points import load_landmarks
from face_detect_ros.zoo.published import dlib_models

# measured: its 80 px window gives boxes of 73 px; 8K takes 0.25 GB
HOG_LIMITS = ScanLimits(smallest_px=73, largest_scan_px=40_000_000)
# from the model file: windows of 80 px. Measured: about 1 kB of memory per pixel, so this is 2 GB
CNN_LIMITS = ScanLimits(smallest_px=80, largest_scan_px=2_100_000)


def create_hog(device: str) -> Detector:
    """dlib's HOG detector. Raises ConfigError without dlib, DeviceError for a GPU, WeightsError."""
    chosen = dlib_models.cpu_only(device, "dlib's HOG detector")
    dlib = dlib_models.import_dlib()
    detector = dlib.get_frontal_face_detector()

    def scan(images: Sequence[np.ndarray], margin: float) -> list[Found]:
        found = (detector.run(image, 0, margin) for image in images)
        return [_found(rectangles, margins) for rectangles, margins, _ in found]

    return DlibFaceDetector(scan, HOG_LIMITS, load_landmarks(dlib), chosen)


def create_cnn(device: str) -> Detector:
    """`create_cnn_here` in a process of its own, because dlib's CNN holds Python's lock for seconds."""
    return IsolatedDetector("face_detect_ros.detectors.faces.dlib_faces:create_cnn_here", device)


def create_cnn_here(device: str) -> Detector:
    """dlib's CNN detector in this process. Raises ConfigError without dlib, DeviceError, WeightsError."""
    dlib = dlib_models.import_dlib()
    chosen = dlib_models.choose_network_device(dlib, device)
    network = dlib_models.load(dlib_models.CNN_DETECTOR, dlib.cnn_face_detection_model_v1)

    def scan(images: Sequence[np.ndarray], margin: float) -> list[Found]:
        found = (network(image, 0) for image in images)
        return [_found([i.rect for i in items], [i.confidence for i in items]) for items in found]

    return DlibFaceDetector(scan, CNN_LIMITS, load_landmarks(dlib), chosen)


def _found(rectangles: Sequence[Any], margins: Sequence[float]) -> Found:
    # dlib's right and bottom are the last pixel inside; ours are the edge behind it
    boxes = [[r.left(), r.top(), r.right() + 1, r.bottom() + 1] for r in rectangles]
    return box_geometry.as_boxes(boxes), np.asarray(margins, np.float64)
