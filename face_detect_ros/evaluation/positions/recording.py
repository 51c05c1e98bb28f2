# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Recordings of images with registered depth, and where things in them are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.core.frame import Frame
from face_detect_ros.depth.calibration import PLUMB_BOB, Calibration
from face_detect_ros.depth.camera_model import CameraModel
from face_detect_ros.depth.image import DepthImage
from face_detect_ros.depth.positions import locate
from face_detect_ros.depth.scene import Scene
from face_detect_ros.files.reading import LARGE_BYTES, number, numbers, read_bytes, read_object
from face_detect_ros.images.jpeg_png import check_png, is_png
from face_detect_ros.images.limits import check_size
from face_detect_ros.images.reading import image_files, read_image
from face_detect_ros.pipeline.pipeline import Pipeline

_PERIOD_NS = 100_000_000  # between frames: recordings in folders have no stamps


@dataclass(frozen=True)
class Recording:
    """A folder with `color/` and `depth/`, whose images have the same names, and `camera.json`.

    Attributes:
        images: Of `color/`, in order.
        depths: Of `depth/`, one for each: 16-bit PNG, registered.
        calibration: Of the camera of both; they may have been resized since.
        unit_m: What 1 in a depth image is, in meters.
    """

    images: tuple[Path, ...]
    depths: tuple[Path, ...]
    calibration: Calibration
    unit_m: float

    @classmethod
    def read(cls, folder: Path) -> Recording:
        """Open a recording. `camera.json` has width, height, fx, fy, cx, cy, depth_unit_m and, if the lens distorts,
        distortion: coefficients as of OpenCV.

        Raises:
            ConfigError: If it is none.
        """
        path = folder / "camera.json"
        about = read_object(path)
        try:
            names = ("width", "height", "fx", "fy", "cx", "cy", "depth_unit_m")
            width, height, fx, fy, cx, cy, unit_m = (number(about[name]) for name in names)
            distortion = numbers(about.get("distortion", []))
            if min(width, height, fx, fy, unit_m) <= 0:
                raise ValueError("a value that must be above 0 is not")
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"{path}: not the intrinsics of a camera ({error})") from error
        k = (fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0)
        calibration = Calibration(int(width), int(height), PLUMB_BOB, tuple(distortion), k)
        try:
            CameraModel.of(calibration, calibration.width, calibration.height)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error
        depths = {path.stem: path for path in image_files(folder / "depth")}
        images = [path for path in image_files(folder / "color") if path.stem in depths]
        if not images:
            raise ConfigError(f"{folder}: no image in color/ has the name of one in depth/")
        return cls(tuple(images), tuple(depths[image.stem] for image in images), calibration, unit_m)

    def frames(self) -> Iterator[tuple[np.ndarray, Scene]]:
        """Each image, (H, W, 3) uint8 RGB, and where its pixels are.

        Raises:
            ConfigError: If an image has another shape than those of the camera.
            SourceError: If one cannot be read.
        """
        for path, depth_path in zip(self.images, self.depths, strict=True):
            image, depth = read_image(path), DepthImage(_read_depth(depth_path), self.unit_m)
            height, width = image.shape[:2]
            try:
                scene = Scene.of(width, height, self.calibration, depth)
            except ConfigError as error:
                raise ConfigError(f"{path} with {depth_path}: {error}") from error
            yield image, scene


def parse_box(text: str) -> tuple[str, np.ndarray]:
    """Name and (4,) xyxy of "NAME=X1,Y1,X2,Y2". Raises ConfigError."""
    name, _, sides = text.partition("=")
    try:
        box = np.array(numbers(sides.split(","), 4))
        if not name or not (box[:2] < box[2:]).all():
            raise ValueError("its sides are in no order")
    except ValueError as error:
        raise ConfigError(f"box {text!r}: {error}; give NAME=X1,Y1,X2,Y2 in pixels") from error
    return name, box


def measure_boxes(
    recording: Recording, boxes: Mapping[str, np.ndarray], advance: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """Where what stands still in boxes is, over all frames.

    Args:
        recording: Of a camera that does not move.
        boxes: (4,) xyxy by name, in pixels of the image.
        advance: Called after each frame.

    Returns:
        Figures for JSON by name.
    """
    points = []
    for _, scene in recording.frames():
        points.append(locate(scene, np.array(list(boxes.values()))).points)
        advance()
    return {name: _figures(np.array(points)[:, index]) for index, name in enumerate(boxes)}


def measure_tracks(
    recording: Recording, pipeline: Pipeline, advance: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """Where the pipeline's tracks are.

    Args:
        recording: Any.
        pipeline: Of an object detector.
        advance: Called after each frame.

    Returns:
        Figures for JSON by class and track, such as `person 3`.
    """
    stream = pipeline.open_stream()
    points: dict[int, list[np.ndarray]] = defaultdict(list)
    classes: dict[int, Counter[str]] = defaultdict(Counter)
    for index, (image, scene) in enumerate(recording.frames()):
        stream.scene_of = partial(_given, scene)
        frame = Frame(image, (index + 1) * _PERIOD_NS)
        result = pipeline.process([(stream, frame)], pipeline.default_options)[0]
        ids = result.detections.track_ids
        if ids is not None and result.positions is not None:
            for row in np.flatnonzero(ids > 0).tolist():
                points[int(ids[row])].append(result.positions.points[row])
                classes[int(ids[row])][result.labels[int(result.detections.class_ids[row])]] += 1
        advance()
    return {
        f"{classes[track].most_common(1)[0][0]} {track}": _figures(np.array(points[track]))
        for track in sorted(points)
    }


def _given(scene: Scene, _: Frame) -> Scene:
    return scene


def _figures(points: np.ndarray) -> dict[str, Any]:
    known = points[~np.isnan(points).any(axis=1)]
    figures: dict[str, Any] = {"frames": len(points), "unknown": len(points) - len(known)}
    if not len(known):
        return {**figures, "median_m": None, "sd_mm": None, "largest_change_percent": None}
    median = np.median(known, axis=0)
    off = np.abs(known[:, 2] - median[2]).max() / median[2] * 100
    return {
        **figures,
        "median_m": [round(float(value), 3) for value in median],
        "sd_mm": [round(float(value) * 1e3, 1) for value in known.std(axis=0)],
        "largest_change_percent": round(float(off), 2),
    }


def _read_depth(path: Path) -> np.ndarray:
    """(H, W) uint16. Raises SourceError."""
    data = read_bytes(path, most_bytes=LARGE_BYTES, error=SourceError, hint="give a 16-bit PNG")
    if is_png(data):
        width, height, data = check_png(data)
        check_size(width, height)
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if values is not None and values.ndim == 2 and values.dtype == np.uint16:
            return values
    raise SourceError(f"{path}: not a depth image; give a PNG of 16 bits and one channel")
