# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""OpenCV's YuNet face detector, published or in an ONNX file of the user: `yunet:/path/to/file.onnx`.

Files of 2023 and later run on any engine. Older ones, whose layers only OpenCV reads, run on OpenCV, and so does every
file where no engine is installed.

Boxes are YuNet's own, in the convention of WIDER FACE that it was trained on: forehead to chin, so higher than wide,
where dlib's are square. Scores are YuNet's: the root of its class and objectness probabilities.

Landmarks: the centers of the eyes, the tip of the nose and the corners of the mouth.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError, WeightsError
from face_detect_ros.core.frame import check_image
from face_detect_ros.core.protocols import DetectOptions, Detector, StageTimes
from face_detect_ros.detectors.faces import yunet_graph
from face_detect_ros.detectors.faces.scan import LABELS
from face_detect_ros.detectors.faces.scanning import default_min_size_px
from face_detect_ros.engines.protocol import Compute
from face_detect_ros.files.looking import is_file
from face_detect_ros.files.near import near_path
from face_detect_ros.images.resizing import for_faces
from face_detect_ros.zoo.published import dlib_models

SMALLEST_PX = 24.0
"""Width of the smallest face that a scan is meant to find, in pixels of the image scanned."""

_LARGEST_PX = 400.0  # measured: from about 600 px on it sees parts of a face, not the face
_NEXT_SCALE = 0.25  # of a further scan for larger faces; 400 px become 100
_LARGEST_ENLARGEMENT = 2.0  # more gains nothing but false faces
_LARGEST_SCAN_PX = 8_300_000  # 4K; about 200 bytes of memory a pixel

Scan = Callable[[np.ndarray, DetectOptions], np.ndarray]
"""((H, W, 3) uint8 BGR, options) -> (N, 15) float32: x, y, width, height, 5 points xy, score; pixels of that image."""

_NAMES = "https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet"


def create(file: Path, compute: Compute, engine_names: Sequence[str]) -> Detector:
    """YuNet with the weights in an ONNX file.

    Args:
        file: The ONNX file.
        compute: Device and threads; it computes in float32.
        engine_names: Engines to try, best first; empty: OpenCV.

    Raises:
        ConfigError: The file needs OpenCV, which has no YuNet here.
        DeviceError: A device that is not here.
        WeightsError: A file that is missing, damaged or of another network.
    """
    if not is_file(file, WeightsError):
        raise WeightsError(
            f"{file}: no such file{near_path(file)}; give YuNet's ONNX file as yunet:FILE (it is at {_NAMES})"
        )
    if (graph := yunet_graph.open_graph(file, compute, engine_names)) is not None:
        return YuNetDetector(graph.scan, graph.device)
    dlib_models.cpu_only(compute.device, "YuNet on OpenCV")
    if not hasattr(cv2, "FaceDetectorYN"):
        raise ConfigError(f"yunet needs OpenCV 4.5.4 or newer; this is {cv2.__version__}")
    return YuNetDetector(functools.partial(_scan, _load(file)), "cpu (opencv)")


class YuNetDetector:
    """A Detector around one scan of the network: chooses the sizes to scan at, maps boxes back, adds landmarks.

    `min_size_px` chooses the size of the first scan: a face of that width comes out SMALLEST_PX wide, enlarged at
    most 2 times. Where faces could be larger than YuNet can see whole, further scans of a quarter of the size follow.
    Boxes narrower or lower than min_size_px are dropped, by their size before they are cut at the border. Landmarks
    of a face cut by the border can lie outside.
    """

    def __init__(self, scan: Scan, device: str) -> None:
        self.labels: tuple[str, ...] = LABELS
        self.device = device
        self.times = StageTimes()
        self._scan: Scan | None = scan

    def detect(self, images: Sequence[np.ndarray], options: DetectOptions) -> list[Detections]:
        for image in images:
            check_image(image)
        scan = self._scan
        if scan is None:
            raise DetectorError("the detector is closed")
        spent = StageTimes()
        detections = []
        try:
            for image in images:
                found, times = self._detect_one(scan, image, options)
                detections.append(found)
                spent = StageTimes(
                    spent.pre_ms + times.pre_ms,
                    spent.network_ms + times.network_ms,
                    spent.post_ms + times.post_ms,
                )
        except (RuntimeError, MemoryError, cv2.error) as error:
            raise DetectorError(f"YuNet failed on an image: {_reason(error)}") from error
        self.times = spent
        return detections

    def warmup(self) -> None:
        self.detect([np.zeros((480, 640, 3), np.uint8)], DetectOptions(min_size_px=int(SMALLEST_PX)))

    def close(self) -> None:
        """Release the network; a `detect` in another thread still ends well."""
        self._scan = None

    def _detect_one(
        self, scan: Scan, image: np.ndarray, options: DetectOptions
    ) -> tuple[Detections, StageTimes]:
        height, width = image.shape[:2]
        pre_s = network_s = 0.0
        rows = []
        for scale in scan_scales(height, width, options.min_size_px):
            started_s = time.perf_counter()
            scaled = _resize_to_bgr(image, scale)
            resized_s = time.perf_counter()
            found = scan(scaled, options)
            network_s += time.perf_counter() - resized_s
            pre_s += resized_s - started_s
            # each axis by its own scale: sizes are whole pixels
            found[:, :14] *= np.array([width / scaled.shape[1], height / scaled.shape[0]] * 7, np.float32)
            rows.append(found)
        started_s = time.perf_counter()
        detections = self._select(np.concatenate(rows), image, options)
        post_s = time.perf_counter() - started_s
        return detections, StageTimes(pre_s * 1e3, network_s * 1e3, post_s * 1e3)

    def _select(self, rows: np.ndarray, image: np.ndarray, options: DetectOptions) -> Detections:
        """rows: (N, 15) in pixels of `image`: x, y, width, height, 5 points xy, score."""
        rows = rows[np.isfinite(rows).all(axis=1)]
        boxes = rows[:, :4].copy()
        boxes[:, 2:] += boxes[:, :2]
        scores = np.clip(rows[:, 14], 0.0, 1.0)
        clipped = box_geometry.clip(boxes, image.shape[1], image.shape[0])
        large_enough = rows[:, 2:4].min(axis=1, initial=np.inf) >= options.min_size_px
        keep = np.flatnonzero(
            (scores >= options.score_threshold) & large_enough & (box_geometry.area(clipped) > 0)
        )
        best = box_geometry.nms(boxes[keep], scores[keep], np.zeros(len(keep)), options.iou_threshold)
        keep = keep[best][: options.max_detections]
        return Detections(
            boxes=clipped[keep],
            scores=scores[keep],
            class_ids=np.zeros(len(keep)),
            landmarks=rows[keep, 4:14].reshape(-1, 5, 2),
            landmark_set="five_points",
        )


def scan_scales(height: int, width: int, min_size_px: int) -> list[float]:
    """The scales at which an image is scanned, largest first.

    Args:
        height: Of the image, in pixels.
        width: Of the image, in pixels.
        min_size_px: Side of the smallest faces to find; 0: the default for images of this size.
    """
    smallest_px = min_size_px or default_min_size_px(height, width)
    scale = min(
        SMALLEST_PX / smallest_px, _LARGEST_ENLARGEMENT, math.sqrt(_LARGEST_SCAN_PX / (height * width))
    )
    scales = [scale]
    while min(height, width) * scales[-1] > _LARGEST_PX:
        scales.append(scales[-1] * _NEXT_SCALE)
    return scales


def _load(file: Path) -> Any:
    try:
        network = cv2.FaceDetectorYN.create(str(file), "", (64, 64))
        # the first scan is what shows that the layers are YuNet's
        rows = _scan(network, np.full((64, 64, 3), 128, np.uint8), DetectOptions(score_threshold=0.0))
    except (RuntimeError, MemoryError, cv2.error) as error:
        raise WeightsError(
            f"{file}: not a YuNet that OpenCV {cv2.__version__} can run (files of 2023 and later need 4.8): "
            f"{_reason(error)}; get the original from {_NAMES}"
        ) from error
    if not np.isfinite(rows).all():
        raise WeightsError(f"{file}: gives values that are no numbers; get the original from {_NAMES}")
    return network


def _scan(network: Any, image: np.ndarray, options: DetectOptions) -> np.ndarray:
    """(N, 15) float32 rows as `_select` says, in pixels of `image`, a (H, W, 3) uint8 BGR image."""
    network.setInputSize((image.shape[1], image.shape[0]))
    network.setScoreThreshold(options.score_threshold)
    network.setNMSThreshold(options.iou_threshold)
    network.setTopK(yunet_graph.MOST_CANDIDATES)
    _, rows = network.detect(image)
    return np.empty((0, 15), np.float32) if rows is None else np.array(rows, np.float32)


def _reason(error: Exception) -> str:
    """In one line, of OpenCV's errors without the places in its source."""
    return " ".join(str(getattr(error, "err", None) or error).split())


def _resize_to_bgr(image: np.ndarray, scale: float) -> np.ndarray:
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    resized = for_faces(np.ascontiguousarray(image), (height, width))
    return cv2.cvtColor(resized, cv2.COLOR_RGB2BGR)
