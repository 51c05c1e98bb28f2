"""Detections as visualization_msgs markers: rectangles in front of the camera, for RViz.

A 2-D box has no distance. It is taken from the nominal width of what was found, so it is rough: good enough to see
in RViz who stands where, not to measure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from face_detect_ros.core.detections import Detections
from face_detect_ros.ros.messages.headers import make_header
from face_detect_ros.viz.colors import detection_color

# a face is about this wide; anything not listed is drawn at NOMINAL_DISTANCE_M
NOMINAL_WIDTH_M = {"face": 0.15}
NOMINAL_DISTANCE_M = 1.0
# horizontal field of view of a camera that does not publish its calibration
NOMINAL_VIEW_RAD = math.radians(60.0)
LIFETIME = Duration(sec=0, nanosec=500_000_000)


def pinhole(info: CameraInfo | None, width: int, height: int) -> tuple[float, float, float, float]:
    """fx, fy, cx, cy in pixels of a width x height image, from a calibrated camera_info or else nominal ones."""
    if info is None or info.k[0] <= 0 or info.width == 0 or info.height == 0:
        focal = width / 2 / math.tan(NOMINAL_VIEW_RAD / 2)
        return focal, focal, width / 2, height / 2
    scale_x, scale_y = width / info.width, height / info.height
    return info.k[0] * scale_x, info.k[4] * scale_y, info.k[2] * scale_x, info.k[5] * scale_y


def markers_message(
    detections: Detections,
    labels: Sequence[str],
    camera: tuple[float, float, float, float],
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
        camera: fx, fy, cx, cy in pixels of the image.
        stamp_ns: Of the image.
        frame_id: Of the image.
        names: (N,) who each detection is, shown instead of its class name where not None.
    """
    header = make_header(stamp_ns, frame_id)
    message = MarkerArray(markers=[Marker(header=header, action=Marker.DELETEALL)])
    fx, fy, cx, cy = camera
    pairs = zip(detections.boxes.tolist(), detections.class_ids.tolist(), strict=True)
    for index, (box, class_id) in enumerate(pairs):
        left, top, right, bottom = box
        label = labels[class_id]
        width_m = NOMINAL_WIDTH_M.get(label)
        z = NOMINAL_DISTANCE_M if width_m is None else fx * width_m / max(right - left, 1.0)
        corners = [
            Point(x=(u - cx) / fx * z, y=(v - cy) / fy * z, z=z)
            for u, v in ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
        ]
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
