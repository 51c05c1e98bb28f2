# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Markers of detections: who is known shows in color and text, and where it is as the camera sees it."""

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo

from face_detect_ros.core.detections import Detections
from face_detect_ros.depth.camera_model import CameraModel
from face_detect_ros.ros.messages.markers import NOMINAL_WIDTH_M, camera_model, markers_message
from face_detect_ros.viz.colors import KNOWN_FACE, class_color

CAMERA = CameraModel.nominal(640, 480)


def rgb(marker) -> tuple[int, int, int]:
    return tuple(round(255 * value) for value in (marker.color.r, marker.color.g, marker.color.b))


def test_known_and_unknown_faces_have_the_colors_of_the_annotated_image() -> None:
    faces = Detections([[0, 0, 50, 50], [100, 0, 150, 50]], [0.9, 0.8], [0, 0])
    message = markers_message(faces, ("face",), CAMERA, 5, "camera", ["王小明", None])
    known, known_text, unknown, unknown_text = message.markers
    assert rgb(known) == rgb(known_text) == KNOWN_FACE
    assert rgb(unknown) == rgb(unknown_text) == class_color("face")
    assert known_text.text == "王小明 0.90"
    assert unknown_text.text == "face 0.80"


def test_without_a_gallery_everybody_is_unknown() -> None:
    face = Detections([[0, 0, 50, 50]], [0.9], [0])
    outline, text = markers_message(face, ("face",), CAMERA, 5, "camera").markers
    assert rgb(outline) == class_color("face")
    assert text.text == "face 0.90"


def info(**changes) -> CameraInfo:
    values = dict(width=640, height=480, distortion_model="plumb_bob", d=[0.2, -0.3, 0.001, 0.002, 0.0])
    values.update(
        k=[500.0, 0, 319.5, 0, 510.0, 239.5, 0, 0, 1], p=[400.0, 0, 300, 0, 0, 400, 200, 0, 0, 0, 1, 0]
    )
    return CameraInfo(**{**values, **changes})


def corners(message) -> np.ndarray:
    return np.array([[p.x, p.y, p.z] for p in message.markers[0].points])


@pytest.mark.parametrize("rectified", [False, True])
def test_outlines_are_where_the_camera_sees_them(rectified: bool) -> None:
    camera = camera_model(info(), 640, 480, rectified=rectified)
    found = corners(
        markers_message(Detections([[100, 50, 300, 200]], [0.9], [0]), ("face",), camera, 5, "camera")
    )
    expected = [[100, 50], [300, 50], [300, 200], [100, 200], [100, 50]]
    np.testing.assert_allclose(camera.project(found), expected, atol=0.1)
    assert found[1, 0] - found[0, 0] == pytest.approx(NOMINAL_WIDTH_M["face"])


@pytest.mark.parametrize(
    "given",
    [
        None,
        CameraInfo(),
        info(k=[float("nan")] * 9),
        info(k=[500.0, 0, 320, 0, 0.0, 240, 0, 0, 1]),
        info(d=[float("inf")] * 5),
        info(width=0),
        info(distortion_model="mei"),
        info(binning_x=4000),
    ],
    ids=["none", "empty", "nan", "fy 0", "infinite distortion", "no width", "unknown model", "binning"],
)
def test_damaged_calibrations_give_the_nominal_camera(given) -> None:
    camera = camera_model(given, 640, 480)
    np.testing.assert_array_equal(camera.k, CameraModel.nominal(640, 480).k)


def test_every_number_is_finite() -> None:
    random = np.random.default_rng(0)
    strange = [0.0, 1e-300, 1e-3, 1.0, 500.0, 1e6, 1e300, -1.0, float("nan"), float("inf")]
    boxes = [[0, 0, 640, 480], [10, 10, 10, 10], [-1e6, -1e6, 1e6, 1e6], [1e30, 0, 2e30, 5]]
    found = Detections(boxes, [0.5] * 4, [0] * 4)
    for number in range(300):
        model = ("plumb_bob", "equidistant", "rational_polynomial")[number % 3]
        count = {"plumb_bob": 5, "equidistant": 4, "rational_polynomial": 8}[model]
        given = info(
            distortion_model=model,
            d=[float(random.choice(strange)) for _ in range(count)],
            k=[float(random.choice(strange)) for _ in range(9)],
        )
        message = markers_message(found, ("face",), camera_model(given, 640, 480), 5, "camera")
        for marker in message.markers:
            values = [marker.scale.x, marker.scale.z, marker.pose.position.x, marker.pose.position.y]
            values += [value for point in marker.points for value in (point.x, point.y, point.z)]
            assert np.isfinite(values).all()


def test_a_track_keeps_its_markers_and_classes_have_namespaces() -> None:
    first = Detections([[0, 0, 50, 50], [100, 0, 150, 50]], [0.9, 0.8], [0, 1], [7, 8])
    then = Detections([[100, 0, 150, 50], [0, 0, 50, 50]], [0.9, 0.8], [1, 0], [8, 7])
    before, after = (
        {(m.ns, m.id): m.type for m in markers_message(each, ("face", "person"), CAMERA, 5, "camera").markers}
        for each in (first, then)
    )
    assert before == after
    assert len(before) == 4
    assert {namespace for namespace, _ in before} == {"face", "person"}
    texts = [m.text for m in markers_message(first, ("face", "person"), CAMERA, 5, "camera").markers[1::2]]
    assert texts == ["face #7 0.90", "person #8 0.80"]


def test_what_has_no_track_has_ids_of_its_own() -> None:
    loose = Detections([[0, 0, 50, 50], [100, 0, 150, 50]], [0.9, 0.8], [0, 0])
    ids = [marker.id for marker in markers_message(loose, ("face",), CAMERA, 5, "camera").markers]
    assert len(set(ids)) == 4
    assert max(ids) < 0


def test_text_keeps_together_and_lives_as_long_as_told() -> None:
    face = Detections([[0, 0, 50, 50]], [0.9], [0])
    _, text = markers_message(face, ("face",), CAMERA, 5, "camera", lifetime_s=2.5).markers
    assert text.scale.x == 0.5 * text.scale.z
    assert (text.lifetime.sec, text.lifetime.nanosec) == (2, 500_000_000)


def test_a_person_and_their_face_come_out_at_one_distance() -> None:
    distance_m, focal_px = 3.0, float(CAMERA.k[0, 0])
    face_px, person_px = 0.15 * focal_px / distance_m, 0.5 * focal_px / distance_m
    both = Detections([[0, 0, face_px, face_px], [0, 0, person_px, 200]], [0.9, 0.9], [0, 1])
    outlines = markers_message(both, ("face", "person"), CAMERA, 5, "camera").markers[::2]
    assert [round(outline.points[0].z, 3) for outline in outlines] == [distance_m, distance_m]
