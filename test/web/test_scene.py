# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the page shows: the right image with the right boxes, and no more in memory than needed."""

import numpy as np
import pytest

from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.web import scene as scenes
from face_detect_ros.web.scene import Box, Scene


def frame(stamp_ns):
    return LazyFrame(stamp_ns, "camera", lambda: np.zeros((4, 4, 3), np.uint8))


def box(label="face", track="1"):
    return Box((0, 0, 2, 2), label, 0.5, track)


def test_nothing_to_show():
    scene = Scene()
    assert scene.newest("", "camera", in_step=True) is None
    scene.add_detections("", "face_detector", 1, [box()])
    assert scene.newest("", "camera", in_step=True) is None


def test_without_detections_the_newest_image_is_shown():
    scene = Scene()
    for stamp in (1, 2):
        scene.add_image("", "camera", frame(stamp))
    assert scene.newest("", "camera", in_step=True).frame.stamp_ns == 2


def test_in_step_the_newest_finished_image_is_shown_and_else_the_newest():
    scene = Scene()
    for stamp in (1, 2, 3, 4):
        scene.add_image("", "camera", frame(stamp))
    scene.add_detections("", "object_detector", 3, [box("dog")])
    scene.add_detections("", "face_detector", 2, [box()])
    shot = scene.newest("", "camera", in_step=True)
    assert shot.frame.stamp_ns == 2
    assert {name: found.stamp_ns for name, found in shot.found.items()} == {
        "face_detector": 2,
        "object_detector": 3,
    }
    assert scene.newest("", "camera", in_step=False).frame.stamp_ns == 4


def test_names_and_distances_belong_to_tracks():
    scene = Scene()
    scene.add_image("", "camera", frame(1))
    scene.add_detections("", "face_detector", 1, [box(track="1"), box(track="2"), box(track="")])
    scene.set_names("", "face_detector", {"2": "Ada"})
    scene.set_distances("", "face_detector", {"1": 1.5})
    boxes = scene.newest("", "camera", in_step=True).found["face_detector"].boxes
    assert [(b.name, b.distance_m) for b in boxes] == [("", 1.5), ("Ada", None), ("", None)]


def test_a_detector_that_begins_anew_is_forgotten_and_others_are_not():
    scene = Scene()
    scene.add_image("", "camera", frame(1))
    scene.add_detections("", "object_detector", 1, [box("dog", "7")])
    scene.set_distances("", "object_detector", {"7": 2.0})
    scene.set_names("", "face_detector", {"1": "Ann"})
    scene.set_selected("", "face_detector 1")
    scene.forget("", "face_detector")
    scene.add_detections("", "face_detector", 1, [box()])
    shot = scene.newest("", "camera", in_step=True)
    assert (shot.found["face_detector"].boxes[0].name, shot.selected) == ("", "")
    assert shot.found["object_detector"].boxes[0].distance_m == 2.0


def test_two_cameras_share_nothing():
    scene = Scene()
    for camera in ("left", "right"):
        scene.add_image(camera, "camera", frame(1))
    scene.add_detections("left", "face_detector", 1, [box()])
    scene.set_selected("left", "face_detector 1")
    assert scene.newest("right", "camera", in_step=True).found == {}
    assert scene.newest("right", "camera", in_step=True).selected == ""


def test_a_silent_detector_leaves_the_image(monkeypatch):
    scene = Scene()
    scene.add_image("", "camera", frame(1))
    scene.add_detections("", "face_detector", 1, [box()])
    monkeypatch.setattr(scenes, "ALIVE_S", -1.0)
    assert scene.newest("", "camera", in_step=True).found == {}


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        (None, scenes.FEWEST_REMEMBERED),  # not known before one is shown
        ((640, 480), scenes.MOST_REMEMBERED),
        ((1920, 1080), 20),
        ((8000, 6000), scenes.FEWEST_REMEMBERED),
    ],
    ids=["unknown", "VGA", "1080p", "48 megapixels"],
)
def test_memory_is_bounded(size, kept):
    scene = Scene()
    if size is not None:
        scene.set_image_size("", *size)
    for stamp in range(1000):
        scene.add_image("", "camera", frame(stamp))
        scene.add_detections("", "face_detector", stamp, [box()])
    camera = scene._cameras[""]
    assert len(camera.images["camera"]) == kept
    assert len(camera.found["face_detector"]) <= scenes.MOST_REMEMBERED


def test_a_slow_detector_still_finds_its_image():
    scene = Scene()
    scene.set_image_size("", 640, 480)
    for stamp in range(60):  # 4 s at 15 Hz
        scene.add_image("", "camera", frame(stamp))
    scene.add_detections("", "face_detector", 2, [box()])
    assert scene.newest("", "camera", in_step=True).frame.stamp_ns == 2


def test_listeners_are_told_until_they_stop():
    scene, told = Scene(), []
    stop = scene.listen(lambda: told.append(1))
    scene.set_report({})
    stop()
    scene.set_report({})
    assert told == [1]
