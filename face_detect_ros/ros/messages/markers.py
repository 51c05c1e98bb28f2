"""Detections as visualization_msgs markers: rectangles in front of the camera, for RViz.

A 2-D box has no distance. It is taken from the nominal width of what was found, so it is rough: good enough to see
in RViz who stands where, not to measure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.depth.camera_model import CameraModel
from face_detect_ros.ros.messages.camera_info import calibration
from face_detect_ros.ros.messages.headers import make_header
from face_detect_ros.viz.colors import detection_color

# a face is about this wide; anything not listed is drawn at NOMINAL_DISTANCE_M
NOMINAL_WIDTH_M = {"face": 0.15}
NOMINAL_DISTANCE_M = 1.0
_MOST_SIDEWAYS = 1e3  # meters at a distance of one
LIFETIME = Duration(sec=0, nanosec=500_000_000)


def camera_model(info: CameraInfo | None, width: int, height: int, *, rectified: bool = False) -> CameraModel:
    """The camera of width x height images: a calibrated one, or a nominal one where `info` cannot be used."""
    try:
        if info is not None:
            return CameraModel.of(calibration(info), width, height, rectified=rectified)
    except ConfigError:
        pass  # not calibrated, damaged, or of another camera
    return CameraModel.nominal(width, height)


def markers_message(
    detections: Detections,
    labels: Sequence[str],
    camera: CameraModel,
    stamp_ns: int,
    frame_id: str,
    names: Sequence[str | None] | None = None,
) -> MarkerArray:
    """A rectangle and a text per detection, in the camera's optical frame (x right, y down, z forward; meters).

    Colors are those of the annotated image: known and unknown faces have different ones. The first marker deletes
    those of the image before.

    Args:
        detections: Boxes in pixels of the image.
        labels: Class names that `class_ids` index into.
        camera: Of the image.
        stamp_ns: Of the image.
        frame_id: Of the image.
        names: (N,) who each detection is, shown instead of its class name where not None.
    """
    header = make_header(stamp_ns, frame_id)
    message = MarkerArray(markers=[Marker(header=header, action=Marker.DELETEALL)])
    for index, class_id in enumerate(detections.class_ids.tolist()):
        label = labels[class_id]
        corners = _corners(detections.boxes[index], NOMINAL_WIDTH_M.get(label), camera)
        if corners is None:
            continue
        z = corners[0].z
        name = names[index] if names is not None else None
        red, green, blue = detection_color(label, name)
        color = ColorRGBA(r=red / 255, g=green / 255, b=blue / 255, a=1.0)
        outline = Marker(header=header, ns="boxes", id=index, type=Marker.LINE_STRIP, color=color)
        outline.pose.orientation.w = 1.0
        outline.scale.x = 0.01 * z
        outline.points = corners
        outline.lifetime = LIFETIME
        text = Marker(header=header, ns="labels", id=index, type=Marker.TEXT_VIEW_FACING, color=color)
        text.pose.orientation.w = 1.0
        text.pose.position = Point(x=(corners[0].x + corners[1].x) / 2, y=corners[0].y - 0.05 * z, z=z)
        text.scale.z = 0.05 * z
        text.text = f"{name or label} {detections.scores[index]:.2f}"
        text.lifetime = LIFETIME
        message.markers += [outline, text]
    return message


def _corners(box: np.ndarray, width_m: float | None, camera: CameraModel) -> list[Point] | None:
    """The closed outline of a box at its distance; None if a corner looks to the side, where it has none."""
    left, top, right, bottom = map(float, box)
    outline = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    places = camera.points(outline, np.ones(4))  # 1 m before the camera
    if not np.isfinite(places).all() or np.abs(places).max() > _MOST_SIDEWAYS:
        return None
    z = NOMINAL_DISTANCE_M
    if width_m is not None:
        one_px = 1 / float(camera.k[0, 0])
        z = width_m / max(float(places[1, 0] - places[0, 0]), one_px)
    return [Point(x=x * z, y=y * z, z=z) for x, y, _ in [*places.tolist(), places[0].tolist()]]
