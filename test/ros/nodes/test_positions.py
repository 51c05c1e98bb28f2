# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Positions in space over real topics: a depth camera in one process, the node in another."""

import itertools
import json
import sys
import time
import types

import cv2
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from helpers.depth_camera import (
    FACE_M,
    FOCAL,
    SECOND,
    DepthCamera,
    base_from_camera,
    compressed_16,
    damaged,
    depth_image,
    disparity,
    is_face_in_space,
    make_header,
    message_32,
)
from helpers.detectors import picture
from helpers.ros_tools import BEST_EFFORT, DATA, RELIABLE, astronaut, image, stamp_ns, wait_until
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from vision_msgs.msg import Detection2DArray, Detection3DArray
from visualization_msgs.msg import Marker, MarkerArray

from face_detect_ros.ros.nodes.face_detector import FaceDetector
from face_detect_ros.ros.nodes.object_detector import ObjectDetector
from face_detect_ros.ros.transforms import Transforms

NODE = "/face_detector"


def check(message: Detection3DArray) -> None:
    """The face is where the depth camera put it."""
    (face,) = message.detections
    position = face.results[0].pose.pose.position
    assert position.z == pytest.approx(FACE_M, abs=0.012)
    middle_x, middle_y = 223, 118
    assert position.x == pytest.approx((middle_x - 256) / FOCAL * FACE_M, abs=0.05)
    assert position.y == pytest.approx((middle_y - 256) / FOCAL * FACE_M, abs=0.06)
    assert face.results[0].hypothesis.class_id == "face"
    covariance = np.array(face.results[0].pose.covariance).reshape(6, 6)
    assert np.linalg.eigvalsh(covariance).min() > 0
    assert 0.001 < np.sqrt(covariance[2, 2]) < 0.05
    assert face.bbox.center.position.z == pytest.approx(FACE_M, abs=0.02)
    assert 0.15 < face.bbox.size.x < 0.45
    assert face.bbox.size.z < 0.1
    assert face.header == message.header


def test_positions_between_processes(probe, execute):
    execute("face_detector")
    found = probe.collect(f"{NODE}/detections_3d", Detection3DArray)
    flat = probe.collect(f"{NODE}/detections", Detection2DArray)
    markers = probe.collect(f"{NODE}/markers", MarkerArray)
    with DepthCamera(probe) as camera:
        message = found.wait(is_face_in_space)
        check(message)
        assert message.header.frame_id == "camera"
        assert stamp_ns(message.header) in camera.stamps

        posed = flat.wait(lambda m: any(d.results[0].pose.covariance[0] > 0 for d in m.detections))
        assert posed.detections[0].results[0].pose.pose.position.z == pytest.approx(FACE_M, abs=0.012)
        assert posed.header.frame_id == "camera"

        boxes = markers.wait(lambda m: any(marker.type == Marker.CUBE for marker in m.markers))
        box = next(marker for marker in boxes.markers if marker.type == Marker.CUBE)
        assert box.pose.position.z == pytest.approx(FACE_M, abs=0.02)
        status = probe.diagnostics(NODE, lambda s: s.count("depth_used") > 0)
        assert status.values["depth_topic"] == "/depth/image_raw"


@pytest.mark.parametrize(
    "options",
    [
        {"make_depth": message_32},
        {"make_depth": compressed_16, "topic": "/depth/image_raw/compressedDepth"},
        {"make_depth": disparity},
        {"scale": 0.5},
        {"scale": 0.5, "camera_info": False, "depth_info": True},
        {"depth_offset_s": 0.03},
        {"lag_s": 0.03, "qos": BEST_EFFORT},
    ],
    ids=[
        "32FC1",
        "compressedDepth",
        "disparity",
        "half size",
        "depth info only",
        "0.03 s off",
        "late, best effort",
    ],
)
def test_every_kind_of_depth(probe, start, options):
    start(FaceDetector, parameters={"recognize": False})
    found = probe.collect(f"{NODE}/detections_3d", Detection3DArray)
    with DepthCamera(probe, **options):
        check(found.wait(is_face_in_space))


def test_depth_may_be_remapped(probe, start):
    remaps = {"depth/image_raw": "/aligned/image_raw"}
    start(FaceDetector, parameters={"recognize": False}, remaps=remaps)
    found = probe.collect(f"{NODE}/detections_3d", Detection3DArray)
    with DepthCamera(probe, topic="/aligned/image_raw"):
        check(found.wait(is_face_in_space))


@pytest.mark.parametrize(
    ("parameters", "options", "problem"),
    [
        ({"depth": False}, {}, ""),
        ({}, {"depth_offset_s": 30.0}, "none within 0.05 s"),
        ({"depth_slop_s": 0.0}, {"depth_offset_s": 0.001}, "none within 0 s"),
        ({}, {"camera_info": False}, "no calibration"),
        ({}, {"frame_id": "depth_camera"}, "registered to the image"),
        ({}, {"make_depth": damaged}, "cannot be read"),
        ({}, {"make_depth": lambda depth, **header: message_32(depth * 1e3, **header)}, "32FC1 in meters"),
        ({}, {"make_depth": lambda depth, **header: message_32(depth * 0, **header)}, "holds no distances"),
        ({}, {"make_depth": compressed_16}, "CompressedImage, which holds no depth"),
    ],
    ids=[
        "switched off",
        "too far apart",
        "not exact",
        "no camera_info",
        "not registered",
        "damaged",
        "wrong unit",
        "empty",
        "another type",
    ],
)
def test_no_position_is_better_than_a_wrong_one(probe, start, parameters, options, problem):
    start(FaceDetector, parameters={"recognize": False, **parameters})
    found = probe.collect(f"{NODE}/detections_3d", Detection3DArray)
    flat = probe.collect(f"{NODE}/detections", Detection2DArray)
    with DepthCamera(probe, **options):
        if problem:
            probe.diagnostics(NODE, lambda status: problem in status.message)
        seen = flat.wait(lambda m: len(m.detections) > 0, count=15)
    assert all(m.detections[0].results[0].pose.covariance[0] == 0 for m in seen)
    assert not any(is_face_in_space(m) for m in found.messages)
    # told once, though the distance in it changes, and again only after another problem
    assert len(probe.logs("depth arrives")) <= 3
    if not parameters.get("depth", True):
        assert probe.subscriptions_of("/depth/image_raw") == []


def test_depth_is_subscribed_only_while_somebody_needs_it(probe, start):
    start(FaceDetector, parameters={"recognize": False})
    with DepthCamera(probe):
        wait_until(lambda: probe.subscriptions_of("/image_raw"), "the node")
        time.sleep(0.5)
        assert probe.subscriptions_of("/depth/image_raw") == []
        found = probe.collect(f"{NODE}/detections_3d", Detection3DArray)
        found.wait(is_face_in_space)
        probe.drop(found)
        wait_until(lambda: not probe.subscriptions_of("/depth/image_raw"), "its end")


def test_depth_that_ends_and_comes_back(probe, start):
    start(FaceDetector, parameters={"recognize": False})
    found = probe.collect(f"{NODE}/detections_3d", Detection3DArray)
    with DepthCamera(probe) as camera:
        found.wait(is_face_in_space)
        camera.depth_lost = True
        probe.diagnostics(NODE, lambda status: "no depth on /depth/image_raw for 3 s" in status.message)
        count = sum(is_face_in_space(m) for m in found.messages)
        camera.depth_lost = False
        wait_until(lambda: sum(is_face_in_space(m) for m in found.messages) > count, "a position again")
        probe.diagnostics(NODE, lambda status: "depth" not in status.message)


def test_people_on_the_ground_without_depth(probe, start):
    start(ObjectDetector, parameters={"ground_plane": "1.2, 10", "min_hits": 1})
    found = probe.collect("/object_detector/detections_3d", Detection3DArray)
    # the astronaut ends well above the lower edge
    canvas = np.full((512, 512, 3), 90, np.uint8)
    canvas[80:400, 100:420] = cv2.resize(astronaut(), (320, 320))
    with DepthCamera(probe, photo=canvas, topic="/unused"):
        people = found.wait(lambda m: any(d.results[0].hypothesis.class_id == "person" for d in m.detections))
    person = next(d for d in people.detections if d.results[0].hypothesis.class_id == "person")
    assert 1.0 < person.results[0].pose.pose.position.z < 6.0


def test_two_people_of_a_real_camera(probe, execute):
    """Two people on a sofa and beside it, as a RealSense D435 saw them."""
    if not (DATA / "rgbd").is_dir():
        pytest.skip(f"no {DATA / 'rgbd'}")
    folder = DATA / "rgbd" / "two_people"
    about = json.loads((folder / "camera.json").read_text())
    execute("object_detector")
    found = probe.collect("/object_detector/detections_3d", Detection3DArray)
    images = probe.node.create_publisher(Image, "/image_raw", RELIABLE)
    depths = probe.node.create_publisher(Image, "/depth/image_raw", RELIABLE)
    infos = probe.node.create_publisher(CameraInfo, "/camera_info", RELIABLE)
    k = [about["fx"], 0.0, about["cx"], 0.0, about["fy"], about["cy"], 0.0, 0.0, 1.0]
    paths = itertools.cycle(sorted((folder / "color").iterdir()))

    def people(message):
        return [d for d in message.detections if d.results[0].hypothesis.class_id == "person" and d.id]

    def send():
        path, stamp = next(paths), time.time_ns()
        info = CameraInfo(header=make_header(stamp, "camera"), width=640, height=480, k=k)
        infos.publish(info)
        depth = cv2.imread(str(folder / "depth" / f"{path.stem}.png"), cv2.IMREAD_UNCHANGED)
        depths.publish(depth_image(depth.astype("<u2"), "16UC1", stamp))
        images.publish(image(np.ascontiguousarray(cv2.imread(str(path))[..., ::-1]), stamp))
        time.sleep(0.08)
        return sum(len(people(m)) == 2 for m in list(found.messages)) >= 10

    wait_until(send, "two people")
    places = {}
    for message in found.messages:
        for person in people(message):
            position = person.results[0].pose.pose.position
            places.setdefault(person.id, []).append((position.x, position.y, position.z))
    left, right = sorted(np.median(each, axis=0).tolist() for each in places.values() if len(each) >= 8)
    assert left == pytest.approx([-0.22, 0.3, 2.35], abs=0.15)
    assert right == pytest.approx([0.46, 0.06, 2.19], abs=0.15)


# tf2, by a stand-in with its names: the real one is not on every machine that runs the tests


@pytest.fixture
def tf2(monkeypatch):
    """`tf2.known` holds the transforms: target frame -> (from which stamp on, TransformStamped)."""
    module = types.ModuleType("tf2_ros")
    module.known, module.sent, module.asked, module.cleared = {}, [], [], []

    class TransformException(Exception):  # noqa: N818 - tf2's name
        pass

    class Buffer:
        def lookup_transform(self, target, source, when):
            module.asked.append((target, source, when.nanoseconds))
            known_from, transform = module.known.get(target, (2**62, None))
            if when.nanoseconds < known_from:
                raise TransformException(f"no {target}")
            return transform

        def clear(self):
            module.cleared.append(self)

    class TransformListener:
        def __init__(self, buffer, node, *, spin_thread):
            self.closed = False

        def unregister(self):
            self.closed = True

    class TransformBroadcaster:
        def __init__(self, node):
            pass

        def sendTransform(self, transforms):  # noqa: N802
            module.sent.extend(transforms)

    for kind in (TransformException, Buffer, TransformListener, TransformBroadcaster):
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "tf2_ros", module)
    return module


def test_positions_in_another_frame_at_the_time_of_the_image(probe, start, tf2):
    start(FaceDetector, parameters={"recognize": False, "target_frame": "base_link"})
    found = probe.collect(f"{NODE}/detections_3d", Detection3DArray)
    with DepthCamera(probe) as camera:
        wait_until(lambda: tf2.asked, "the question for a transform")
        tf2.known["base_link"] = 0, base_from_camera()
        message = found.wait(is_face_in_space)
        assert message.header.frame_id == "base_link"
        assert {stamp for _, _, stamp in tf2.asked} <= {*camera.stamps}
    position = message.detections[0].results[0].pose.pose.position
    assert position.x == pytest.approx(FACE_M, abs=0.012)  # forward
    assert position.y == pytest.approx((256 - 223) / FOCAL * FACE_M, abs=0.05)  # to the left
    assert position.z == pytest.approx(0.5 + (256 - 118) / FOCAL * FACE_M, abs=0.06)  # up
    covariance = np.array(message.detections[0].results[0].pose.covariance).reshape(6, 6)
    assert covariance[0, 0] > covariance[1, 1] * 0.1


def test_transforms_are_forgotten_when_the_images_start_again(probe, start, tf2, scripted):
    quick = {"model": "quick", "recognize": False, "target_frame": "base_link"}
    start(FaceDetector, parameters=quick)
    found = probe.collect(f"{NODE}/detections", Detection2DArray)
    publisher = probe.publisher()
    for stamp in (40 * SECOND, 20 * SECOND):
        assert not tf2.cleared
        sent = image(picture(), stamp)
        probe.send_until(publisher, sent, lambda stamp=stamp: _stamped(found, stamp), "its detections")
    wait_until(lambda: tf2.cleared, "the end of old transforms")


def _stamped(found, stamp):
    return any(stamp_ns(message.header) == stamp for message in found.messages)


class Mapped(Node):
    """Runs on the time of `/clock`."""

    def __init__(self, **arguments):
        super().__init__("mapped", **arguments)
        self.transforms = Transforms(self, "target_frame")

    def stop(self, timeout_s):
        self.transforms.close()


def test_transforms_are_forgotten_when_the_clock_goes_back(probe, start, tf2):
    node = start(Mapped, parameters={"use_sim_time": True}).node
    clock = probe.publisher("/clock", Clock)

    def go_to(second):
        now = Clock(clock=Time(sec=second))
        arrived = lambda: node.get_clock().now().nanoseconds == second * SECOND  # noqa: E731
        probe.send_until(clock, now, arrived, "its time")
        return len(tf2.cleared)

    at_first = go_to(40)
    assert [go_to(second) for second in (41, 20, 21)] == [at_first, at_first + 1, at_first + 1]
    node.transforms.close()
    assert go_to(10) == at_first + 1


def test_tracks_become_frames(probe, start, tf2):
    start(FaceDetector, parameters={"recognize": False, "broadcast_tf": True, "min_hits": 1})
    with DepthCamera(probe):
        wait_until(lambda: tf2.sent, "a transform")
    sent = tf2.sent[0]
    assert (sent.header.frame_id, sent.child_frame_id) == ("camera", "face_1")
    assert sent.transform.translation.z == pytest.approx(FACE_M, abs=0.012)
    assert sent.transform.rotation.w == 1.0


@pytest.mark.parametrize(
    "parameters",
    [{"target_frame": "map"}, {"broadcast_tf": True}, {"ground_plane": "base_footprint"}],
    ids=str,
)
def test_without_tf2_the_node_says_so(probe, start, monkeypatch, parameters):
    monkeypatch.setitem(sys.modules, "tf2_ros", None)
    start(FaceDetector, parameters={"recognize": False, **parameters})
    (name,) = parameters
    status = probe.diagnostics(NODE, lambda s: "tf2" in s.message)
    assert f"parameter {name} needs tf2, and tf2_ros is not installed" in status.message
    assert probe.state(NODE) == "unconfigured"


def test_a_ground_plane_that_is_none_is_refused(probe, start):
    start(FaceDetector, parameters={"recognize": False})
    (answer,) = probe.set_parameters(NODE, ground_plane="-1, 0")
    assert not answer[0]
    assert "ground_plane" in answer[1]
