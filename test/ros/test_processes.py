# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The executables in processes of their own, over real DDS."""

import signal
import time

import cv2
import numpy as np
import psutil
import pytest
from helpers.ros_tools import (
    ASTRONAUT_FACE_XY,
    BEST_EFFORT,
    Probe,
    astronaut,
    faceless,
    fitted,
    image,
    stamp_ns,
    wait_until,
)
from lifecycle_msgs.srv import GetState
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from face_detect_ros.ros import qos

NODE = "/face_detector"
DETECTIONS = f"{NODE}/detections"
READY = r"is ready for images on"
# who the faces are is not the point: the network that compares them takes a second of every start
NAMELESS = {"recognize": False}
SOON_S = 30.0  # for what ends within a second: the machine may be busy, and what hangs would take for ever


@pytest.fixture
def image_file(tmp_path):
    path = tmp_path / "astronaut.png"
    cv2.imwrite(str(path), astronaut()[..., ::-1])
    return str(path)


def nearest_face(message, scale=1.0, shift=0.0):
    centers = [(d.bbox.center.position.x, d.bbox.center.position.y) for d in message.detections]
    truth = np.array(ASTRONAUT_FACE_XY) * scale + (shift, 0)
    return min((np.linalg.norm(np.array(c) - truth) for c in centers), default=np.inf)


def test_no_image_is_lost_on_the_way_to_another_process(probe, execute, tmp_path):
    sizes = [(640, 480)] * 40 + [(1920, 1080)] * 40
    for number, (width, height) in enumerate(sizes):  # each image shows its number
        cv2.imwrite(str(tmp_path / f"{number:03}.png"), np.full((height, width, 3), number, np.uint8))
    # the node's own profile but for the depth: this thread may be late on a busy machine, and only what the
    # network loses counts
    profile = qos.image_input(reliable=True)
    profile.depth = 5
    numbers = []

    def keep(message):
        numbers.append(message.data[0])
        assert (message.width, message.height) == sizes[numbers[-1]]

    probe.node.create_subscription(Image, "/image_raw", keep, profile)
    # at this rate the five images that the source keeps last for 0.6 s, in which this thread should get its turn
    execute("video_source", parameters={"source": str(tmp_path), "rate_hz": 8.0})
    wait_until(lambda: len(numbers) >= 80, lambda: f"80 images; {len(numbers)} came")
    first = numbers[0]
    assert numbers[:80] == [(first + n) % 80 for n in range(80)]


def test_every_image_of_another_process_is_answered(probe, execute):
    execute("face_detector", parameters={"min_size_px": 150, **NAMELESS}).wait_for_output(READY)
    detections = probe.collect(DETECTIONS, Detection2DArray)
    publisher = probe.publisher(qos=BEST_EFFORT)
    wait_until(lambda: detections.subscription.get_publisher_count(), "the detector's publisher")
    number = 0
    for width, height in ((640, 480), (1920, 1080)):
        message = image(fitted(astronaut(), width, height)[0])
        message.header.stamp.sec = number
        earlier = len(detections)
        probe.send_until(
            publisher, message, lambda earlier=earlier: len(detections) > earlier, "an answer", period_s=1.0
        )
        began = time.monotonic()
        for sent in range(1, 41):
            message.header.stamp.sec = number = number + 1
            publisher.publish(message)
            # 20 Hz, but never before the last one was answered: what is measured is loss, not speed
            due = began + sent / 20
            wait_until(lambda due=due: time.monotonic() >= due, "the next twentieth of a second")
            detections.wait(lambda m, number=number: m.header.stamp.sec == number)
        assert [m.header.stamp.sec for m in detections.messages][-40:] == list(range(number - 39, number + 1))


def test_perception_finds_faces_in_its_source_without_the_network(probe, execute, image_file):
    process = execute(
        "perception", parameters={"source": image_file, "frame_id": "eye", "rate_hz": 10.0, **NAMELESS}
    )
    detections = probe.collect(DETECTIONS, Detection2DArray)
    found = detections.wait()
    assert nearest_face(found) < 20
    assert found.header.frame_id == "eye"
    # both nodes publish: all there is of the process has been heard of
    wait_until(lambda: probe.publishers_of("/image_raw"), "the source's publisher")
    assert probe.subscriptions_of("/image_raw") == []
    status = probe.diagnostics("/video_source", lambda s: s.count("published") > 3)
    assert (status.ok, status.hardware_id) == (True, image_file)
    assert probe.diagnostics(NODE, lambda s: s.count("received") > 3).ok
    # somebody who looks gets the same images, with the stamps of their detections
    images = probe.collect("/image_raw", Image)
    stamps = lambda collection: {stamp_ns(m.header) for m in list(collection.messages)}  # noqa: E731
    wait_until(lambda: stamps(images) & stamps(detections), "an image and its detections")
    assert process.stop(signal.SIGINT)[0] == 0


def test_perception_without_a_source_listens_to_a_camera(probe, execute):
    execute("perception").wait_for_output(READY)
    detections = probe.collect(DETECTIONS, Detection2DArray)
    publisher = probe.publisher()
    probe.send_until(publisher, image(faceless()), lambda: len(detections), "an answer")
    # names get around later than topics
    wait_until(lambda: "face_detector" in probe.node.get_node_names(), "the node's name")
    # the video source was made to see that it has nothing to show
    wait_until(lambda: "video_source" not in probe.node.get_node_names(), "the end of the video source")


def test_two_robots_side_by_side_do_not_mix(probe, execute):
    size = astronaut().shape[0]
    shifted = np.hstack([faceless(size, 200), astronaut()])
    detections, publishers = {}, {}
    for robot in ("robot1", "robot2"):
        remaps = {"image_raw": "front/image"}
        execute("face_detector", parameters=NAMELESS, namespace=f"/{robot}", remaps=remaps)
        detections[robot] = probe.collect(f"/{robot}/face_detector/detections", Detection2DArray)
    for robot in detections:
        publishers[robot] = probe.publisher(f"/{robot}/front/image")
    sent = {"robot1": image(astronaut(), frame_id="one"), "robot2": image(shifted, frame_id="two")}
    for robot, publisher in publishers.items():
        found = detections[robot]
        probe.send_until(publisher, sent[robot], lambda found=found: len(found) > 2, "answers", period_s=0.5)
    assert {m.header.frame_id for m in detections["robot1"].messages} == {"one"}
    assert {m.header.frame_id for m in detections["robot2"].messages} == {"two"}
    assert max(nearest_face(m) for m in detections["robot1"].messages) < 20
    assert max(nearest_face(m, shift=200) for m in detections["robot2"].messages) < 20
    assert probe.set_parameters("/robot1/face_detector", max_detections=3) == [(True, "")]
    assert probe.get_parameters("/robot1/face_detector", "max_detections") == [3]
    assert probe.get_parameters("/robot2/face_detector", "max_detections") == [100]


@pytest.fixture
def busy_cnn(probe, execute):
    """A detector in another process that has seconds of work, and a publisher that keeps it busy."""
    process = execute("face_detector", parameters={"model": "dlib_cnn", **NAMELESS})
    process.wait_for_output(READY)
    large = image(fitted(astronaut(), 1600, 1200)[0])
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]

    def used_s():
        return sum(sum(member.cpu_times()[:2]) for member in family)

    before_s = used_s()
    # more than receiving takes; however slow the machine is, the image takes many times that
    probe.send_until(probe.publisher(), large, lambda: used_s() > before_s + 0.3, "the network to work")
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_busy_detector_answers_services_and_a_signal_ends_it(probe, busy_cnn, number):
    children = psutil.Process(busy_cnn.pid).children(recursive=True)
    detections = probe.collect(DETECTIONS, Detection2DArray)
    wait_until(lambda: detections.subscription.get_publisher_count(), "the detector's publisher")
    for limit in range(1, 21):
        assert probe.set_parameters(NODE, max_detections=limit) == [(True, "")]
        assert probe.call(GetState, f"{NODE}/get_state", GetState.Request()).current_state.label == "active"
    assert detections.messages == [], "all of it during one image"
    assert busy_cnn.stop(number)[0] == 0
    assert detections.messages == [], "it does not wait for the network"
    assert "Traceback" not in busy_cnn.output
    assert "rror" not in busy_cnn.output
    wait_until(lambda: not any(child.is_running() for child in children), "the end of its children")


# all nodes share the code that ends them
@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param("face_detector", signal.SIGINT, id="face_detector, Ctrl-C"),
        pytest.param("perception", signal.SIGTERM, id="perception, SIGTERM"),
        pytest.param("video_source", signal.SIGINT, id="video_source, Ctrl-C"),
    ],
)
def test_a_signal_ends_a_node_at_work(probe, execute, image_file, name, number):
    parameters = {"source": image_file, "rate_hz": 200.0} if name != "face_detector" else {"min_size_px": 400}
    process = execute(name, parameters={**parameters, **NAMELESS})
    if name == "face_detector":
        detections = probe.collect(DETECTIONS, Detection2DArray)
        publisher = probe.publisher()
        probe.send_until(publisher, image(faceless()), lambda: len(detections) > 20, "answers", period_s=0.01)
    else:
        images = probe.collect("/image_raw", Image)
        images.wait(count=20)
    status, seconds = process.stop(number)
    assert status == 0, process.output
    assert seconds < SOON_S
    for words in ("Traceback", "rror", "skipped", "not handled"):
        assert words not in process.output, process.output


@pytest.mark.parametrize(
    ("parameters", "number"),
    [({"model": "mmod", **NAMELESS}, signal.SIGINT), ({"model": "dlib_cnn", **NAMELESS}, signal.SIGTERM)],
    ids=["Ctrl-C while modules are imported", "SIGTERM while a child starts"],
)
def test_a_signal_ends_a_node_that_is_still_loading(probe, execute, parameters, number):
    process = execute("face_detector", parameters=parameters)
    wait_until(lambda: "face_detector" in probe.node.get_node_names(), "the node")
    status, seconds = process.stop(number)
    assert status == 0, process.output
    assert seconds < SOON_S
    for words in ("Traceback", "rror"):
        assert words not in process.output, process.output


def test_a_signal_ends_a_node_that_waits(execute):
    process = execute("face_detector", parameters=NAMELESS)
    process.wait_for_output(READY)
    assert process.stop(signal.SIGTERM)[0] == 0
    assert "Traceback" not in process.output


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("face_detector", {"max_detections": 0}, "give a value from 1 to 10000"),
        ("perception", {"score_threshold": "high"}, "parameter score_threshold is 'high'; give a number"),
    ],
    ids=["face_detector, out_of_range", "perception, wrong_type"],
)
def test_a_wrong_parameter_on_the_command_line_is_one_line_and_status_1(execute, name, parameters, words):
    process = execute(name, parameters=parameters)
    assert process.wait() == 1
    (line,) = process.output.splitlines()
    assert words in line
    assert "/face_detector" in line


def test_unusable_ros_arguments_are_one_line_and_status_1(execute):
    process = execute("face_detector", remaps={"image raw": "x:=:y"})
    assert process.wait() == 1
    assert "Traceback" not in process.output
    assert "cannot start ROS" in process.output


def test_another_process_sees_no_more_of_a_node_that_ended(execute):
    process = execute("face_detector", parameters=NAMELESS)
    with Probe() as probe:
        wait_until(lambda: probe.publishers_of(DETECTIONS), "the node")
        assert process.stop()[0] == 0
        wait_until(lambda: probe.publishers_of(DETECTIONS) == [], "its leaving")
