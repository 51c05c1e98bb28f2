# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Positions and frames with the real tf2: skipped where it is not installed."""

import time

import cv2
import numpy as np
import pytest
from geometry_msgs.msg import TransformStamped
from helpers.depth_camera import FACE_M, FOCAL, SECOND, DepthCamera, base_from_camera, is_face_in_space
from helpers.ros_tools import astronaut, stamp_ns, wait_until
from rclpy.time import Time
from vision_msgs.msg import Detection2DArray, Detection3DArray

from face_detect_ros.ros.nodes.object_detector import ObjectDetector

tf2_ros = pytest.importorskip("tf2_ros", reason="tf2 is not installed")

NODE = "/face_detector"
SPEED = 0.5  # of the base along x of the map, meters per second


def transform(parent: str, child: str, stamp: int, x: float = 0.0) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, SECOND)
    message.transform.translation.x = x
    message.transform.rotation.w = 1.0
    return message


class Robot:
    """Drives along x of the map, 20 transforms a second, each `lag_s` after its stamp; its camera is fixed on it."""

    def __init__(self, node, lag_s: float) -> None:
        self.began, self._lag_ns = time.time_ns(), round(lag_s * SECOND)
        mounted = base_from_camera()
        mounted.header.frame_id, mounted.child_frame_id = "base_link", "camera"
        self._static = tf2_ros.StaticTransformBroadcaster(node)
        self._static.sendTransform(mounted)
        self._moving = tf2_ros.TransformBroadcaster(node)
        self._timer = node.create_timer(0.05, self._drive)
        self._node = node

    def x(self, stamp: int) -> float:
        return (stamp - self.began) / SECOND * SPEED

    def _drive(self) -> None:
        stamp = time.time_ns() - self._lag_ns
        self._moving.sendTransform(transform("map", "base_link", stamp, self.x(stamp)))

    def stop(self) -> None:
        self._node.destroy_timer(self._timer)


@pytest.mark.parametrize("lag_s", [0.0, 0.3], ids=["at once", "transforms that come late"])
def test_positions_on_the_map_are_those_of_the_time_of_the_image(probe, execute, lag_s):
    robot = Robot(probe.node, lag_s)
    execute("face_detector", parameters={"recognize": False, "target_frame": "map"})
    found = probe.collect(f"{NODE}/detections_3d", Detection3DArray)
    with DepthCamera(probe):
        messages = found.wait(is_face_in_space, count=8)
    robot.stop()
    stamps = [stamp_ns(message.header) for message in messages]
    assert stamps == sorted(stamps)
    for message, stamp in zip(messages, stamps, strict=True):
        assert message.header.frame_id == "map"
        position = message.detections[0].results[0].pose.pose.position
        assert position.x - robot.x(stamp) == pytest.approx(FACE_M, abs=0.03)  # "latest" would be 15 cm off
        assert position.y == pytest.approx((256 - 223) / FOCAL * FACE_M, abs=0.05)
        assert position.z == pytest.approx(0.5 + (256 - 118) / FOCAL * FACE_M, abs=0.06)


def test_a_frame_that_is_not_connected_is_told(probe, execute):
    execute("face_detector", parameters={"recognize": False, "target_frame": "nowhere"})
    found = probe.collect(f"{NODE}/detections_3d", Detection3DArray)
    with DepthCamera(probe):
        text = probe.wait_for_log(
            r"not published on /face_detector/detections_3d: no transform from 'camera'"
        )
    assert "nowhere" in text
    assert not any(map(is_face_in_space, found.messages))


def test_tracks_are_frames_of_the_tree(probe, execute):
    robot = Robot(probe.node, 0.0)
    buffer = tf2_ros.Buffer()
    listener = tf2_ros.TransformListener(buffer, probe.node, spin_thread=False)
    execute("face_detector", parameters={"recognize": False, "broadcast_tf": True, "min_hits": 1})
    found = probe.collect(f"{NODE}/detections_3d", Detection3DArray)

    def looked_up(message):
        when = Time(nanoseconds=stamp_ns(message.header))
        try:
            return buffer.lookup_transform(
                "map", f"face_{message.detections[0].id}", when
            ).transform.translation
        except tf2_ros.TransformException:
            return None

    with DepthCamera(probe):
        wait_until(lambda: any(map(is_face_in_space, found.messages)), "a face")
        message, place = wait_until(
            lambda: next(
                (
                    (message, place)
                    for message in list(found.messages)
                    if is_face_in_space(message) and (place := looked_up(message))
                ),
                None,
            ),
            "its frame",
        )
    robot.stop()
    listener.unregister()
    position = message.detections[0].results[0].pose.pose.position
    assert place.x - robot.x(stamp_ns(message.header)) == pytest.approx(position.z, abs=0.03)
    assert np.allclose([place.y, place.z - 0.5], [-position.x, -position.y], atol=1e-6)


def test_people_stand_on_the_ground_of_the_tree(probe, start):
    height_m, down = 1.2, np.radians(10)
    mounted = transform("base_footprint", "camera", time.time_ns())
    mounted.transform.translation.z = height_m
    turn = mounted.transform.rotation  # as an optical frame that looks forward and down
    half = np.sqrt([(1 - np.sin(down)) / 4, (1 + np.sin(down)) / 4])
    turn.x, turn.y, turn.z, turn.w = -half[1], half[1], -half[0], half[0]
    broadcaster = tf2_ros.StaticTransformBroadcaster(probe.node)
    broadcaster.sendTransform(mounted)
    start(ObjectDetector, parameters={"ground_plane": "base_footprint", "min_hits": 1})
    found = probe.collect("/object_detector/detections", Detection2DArray)
    canvas = np.full((512, 512, 3), 90, np.uint8)
    canvas[80:400, 100:420] = cv2.resize(astronaut(), (320, 320))
    with DepthCamera(probe, photo=canvas, topic="/unused"):
        message = found.wait(lambda m: any(d.results[0].pose.covariance[0] > 0 for d in m.detections))
    person = next(d for d in message.detections if d.results[0].pose.covariance[0] > 0)
    assert person.results[0].hypothesis.class_id == "person"
    # upright above the point of the ground that the middle of the lower edge of the box shows
    middle = (person.bbox.center.position.y - 255.5) / FOCAL
    feet = middle + person.bbox.size_y / 2 / FOCAL
    away_m = height_m * (np.cos(down) - feet * np.sin(down)) / (feet * np.cos(down) + np.sin(down))
    distance_m = away_m / (np.cos(down) - middle * np.sin(down))
    assert person.results[0].pose.pose.position.z == pytest.approx(distance_m, rel=0.02)
