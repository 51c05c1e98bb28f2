# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detections as visualization_msgs markers, for RViz.

What has a position in space is a box there. A 2-D box alone has no distance: it becomes a rectangle at the distance
that follows from the nominal width of what was found. This is rough: good enough to see who stands where, not to
measure.
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
from face_detect_ros.depth.positions import Positions
from face_detect_ros.ros.messages.camera_info import calibration
from face_detect_ros.ros.messages.headers import make_header
from face_detect_ros.tracking.protocol import has_track
from face_detect_ros.viz.colors import detection_color

# a face and the shoulders of a person are about this wide, so that both come out at one distance; anything not listed
# is drawn at NOMINAL_DISTANCE_M
NOMINAL_WIDTH_M = {"face": 0.15, "person": 0.5}
NOMINAL_DISTANCE_M = 1.0
_THINNEST_M = 0.02
_SEE_THROUGH = 0.4
_MOST_SIDEWAYS = 1e3  # meters at a distance of one
SHORTEST_LIFETIME_S = 0.5
LEAST_KEYPOINT_SCORE = 0.5
"""Keypoints below it are not shown: they are a guess where something hides."""
_IDS = 1 << 29  # marker ids are 32 bits


def camera_model(info: CameraInfo | None, width: int, height: int, *, rectified: bool = False) -> CameraModel:
    """The camera of images of one size.

    Args:
        info: Its calibration; None without one.
        width: Of the images, in pixels.
        height: Of the images, in pixels.
        rectified: The images have no distortion any more.

    Returns:
        A calibrated one, or a nominal one where `info` is missing or cannot be used.
    """
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
    lifetime_s: float = SHORTEST_LIFETIME_S,
    positions: Positions | None = None,
) -> MarkerArray:
    """A box or rectangle and a text per detection, in the camera's optical frame (x right, y down, z forward; meters).

    Colors are those of the annotated image: known and unknown faces have different ones. Each class has a namespace,
    and a track keeps the ids of its markers, so that RViz moves them instead of blinking.

    Args:
        detections: Boxes in pixels of the image.
        labels: Class names that `class_ids` index into.
        camera: Of the image.
        stamp_ns: Of the image.
        frame_id: Of the image.
        names: (N,) who each detection is, shown instead of its class name where not None.
        lifetime_s: After this long without an update a marker vanishes.
        positions: Of the detections, where they are known.
    """
    header = make_header(stamp_ns, frame_id)
    message = MarkerArray()
    lifetime = Duration(sec=int(lifetime_s), nanosec=int(lifetime_s % 1 * 1e9))
    tracked = has_track(detections)
    located = np.zeros(len(detections), bool) if positions is None else positions.known
    for index, class_id in enumerate(detections.class_ids.tolist()):
        label = labels[class_id]
        corners = None
        if not located[index]:
            corners = _corners(detections.boxes[index], NOMINAL_WIDTH_M.get(label), camera)
            if corners is None:
                continue
        name = names[index] if names is not None else None
        red, green, blue = detection_color(label, name)
        color = ColorRGBA(r=red / 255, g=green / 255, b=blue / 255, a=1.0)
        track = int(detections.track_ids[index]) if tracked[index] else None  # type: ignore[index]
        # two markers each; what has no track is told apart by its place in the array
        number = -2 * (index + 1) if track is None else 2 * (track % _IDS)
        common = {"header": header, "ns": label, "color": color, "lifetime": lifetime}
        if corners is not None:
            shape = Marker(id=number, type=Marker.LINE_STRIP, **common)
            z = corners[0].z
            shape.scale.x = 0.01 * z
            shape.points = corners
            above = Point(x=(corners[0].x + corners[1].x) / 2, y=corners[0].y - 0.05 * z, z=z)
        else:
            shape, above = _box(positions, index, Marker(id=number, type=Marker.CUBE, **common))  # type: ignore[arg-type]
            z = above.z
        shape.pose.orientation.w = 1.0
        text = Marker(id=number + 1, type=Marker.TEXT_VIEW_FACING, **common)
        text.pose.orientation.w = 1.0
        text.pose.position = above
        text.scale.z = 0.05 * z
        text.scale.x = 0.5 * text.scale.z  # RViz takes it as the width of a space
        shown = "" if track is None else f" #{track}"
        text.text = f"{name or label}{shown} {detections.scores[index]:.2f}"
        message.markers += [shape, text]
    return message


def keypoints_message(
    detections: Detections,
    labels: Sequence[str],
    camera: CameraModel,
    stamp_ns: int,
    frame_id: str,
    lifetime_s: float = SHORTEST_LIFETIME_S,
    positions: Positions | None = None,
) -> MarkerArray:
    """A list of dots per detection that has keypoints of at least `LEAST_KEYPOINT_SCORE`.

    Args:
        detections: With keypoints, in pixels of the image.
        labels: Class names that `class_ids` index into.
        camera: Of the image.
        stamp_ns: Of the image.
        frame_id: Of the image.
        lifetime_s: How long a viewer shows them.
        positions: Where the detections are; None or unknown: at a distance that suits their size.
    """
    header = make_header(stamp_ns, frame_id)
    message = MarkerArray()
    lifetime = Duration(sec=int(lifetime_s), nanosec=int(lifetime_s % 1 * 1e9))
    tracked = has_track(detections)
    located = np.zeros(len(detections), bool) if positions is None else positions.known
    keypoints = np.empty((0, 0, 3)) if detections.keypoints is None else detections.keypoints
    for index, points in enumerate(keypoints):
        label = labels[int(detections.class_ids[index])]
        corners = _corners(detections.boxes[index], NOMINAL_WIDTH_M.get(label), camera)
        seen = points[points[:, 2] >= LEAST_KEYPOINT_SCORE]
        if corners is None or not len(seen):
            continue
        z = float(positions.points[index, 2]) if positions is not None and located[index] else corners[0].z
        places = camera.points(seen[:, :2].astype(np.float64), np.ones(len(seen)))
        places = places[np.isfinite(places).all(axis=1) & (np.abs(places) <= _MOST_SIDEWAYS).all(axis=1)]
        red, green, blue = detection_color(label, None)
        track = int(detections.track_ids[index]) if tracked[index] else None  # type: ignore[index]
        marker = Marker(
            header=header,
            ns=f"{label}_keypoints",
            id=-(index + 1) if track is None else track % _IDS,
            type=Marker.SPHERE_LIST,
            color=ColorRGBA(r=red / 255, g=green / 255, b=blue / 255, a=1.0),
            lifetime=lifetime,
        )
        marker.pose.orientation.w = 1.0
        marker.scale.x = marker.scale.y = marker.scale.z = 0.02 * z
        marker.points = [Point(x=x * z, y=y * z, z=z) for x, y, _ in places.tolist()]
        message.markers.append(marker)
    return message


def _box(positions: Positions, index: int, marker: Marker) -> tuple[Marker, Point]:
    """A see-through box where the thing is, and the place of its text above it."""
    x, y, z = positions.centers[index].tolist()
    width, height, depth = np.maximum(positions.sizes[index], _THINNEST_M).tolist()
    marker.pose.position = Point(x=x, y=y, z=z)
    marker.scale.x, marker.scale.y, marker.scale.z = width, height, depth
    marker.color = ColorRGBA(r=marker.color.r, g=marker.color.g, b=marker.color.b, a=_SEE_THROUGH)
    return marker, Point(x=x, y=y - height / 2 - 0.05 * z, z=z)


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
