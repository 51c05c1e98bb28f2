# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""People by name: the face detector in one process, the object detector in another."""

import threading
import time

import cv2
import numpy as np
import pytest
from helpers.ros_tools import RELIABLE, astronaut, image, stamp_ns, wait_until
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesis, ObjectHypothesisWithPose

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.frame import Frame
from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.messages.detections import read_identities
from face_detect_ros.ros.nodes.object_detector import ObjectDetector
from face_detect_ros.ros.outputs.people import PeopleOutput

PEOPLE = "/object_detector/people"
SECOND = 10**9


class Camera:
    """Publishes an image again and again, 20 a second."""

    def __init__(self, probe, picture):
        self.picture = picture
        self._publisher = probe.node.create_publisher(Image, "/image_raw", RELIABLE)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(10)

    def _run(self):
        while not self._end.wait(0.05):
            self._publisher.publish(image(self.picture, time.time_ns()))


def somebody(x=0):
    """The astronaut, `x` pixels from the left of a wide image."""
    canvas = np.full((512, 1024, 3), 90, np.uint8)
    canvas[112:, x : x + 400] = cv2.resize(astronaut(), (400, 400))
    return canvas


def identities(stamp, *faces, **changes) -> Detection2DArray:
    """faces: (id, name, x, y, side)."""
    message = Detection2DArray(header=Header(frame_id="camera"))
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, SECOND)
    for number, name, x, y, side in faces:
        found = Detection2D(id=str(number))
        found.bbox.center.position.x, found.bbox.center.position.y = float(x), float(y)
        found.bbox.size_x = found.bbox.size_y = float(side)
        hypothesis = ObjectHypothesis(class_id=name, score=changes.get("score", 0.9))
        found.results = [ObjectHypothesisWithPose(hypothesis=hypothesis)]
        message.detections.append(found)
    return message


def names(message):
    return [d.results[0].hypothesis.class_id for d in message.detections]


def test_names_come_from_the_face_detector_of_another_process(probe, execute, tmp_path):
    execute("face_detector", parameters={"gallery": str(tmp_path / "gallery.sqlite3")})
    execute("object_detector", parameters={"score_threshold": 0.5})
    found = probe.collect(PEOPLE, Detection2DArray)
    faces = probe.collect("/face_detector/identities", Detection2DArray)
    with Camera(probe, somebody()):
        (before,) = found.wait(lambda m: len(m.detections) == 1).detections
        assert before.results[0].hypothesis.class_id == "unknown"
        faces.wait(lambda m: len(m.detections) == 1 and m.detections[0].id != "")
        probe.set_parameters("/face_detector", enroll_name="Eileen")
        assert probe.call(Trigger, "/face_detector/enroll", Trigger.Request()).success
        message = found.wait(lambda m: names(m) == ["Eileen"])
    (person,) = message.detections
    assert person.id == before.id != ""
    assert person.results[0].hypothesis.score > 0.9
    assert person.bbox.size_y > 250
    assert person.header == message.header


def test_somebody_who_comes_back_is_the_same(probe, start):
    start(
        ObjectDetector,
        parameters={"score_threshold": 0.5, "lost_age_s": 0.0, "max_age_s": 0.2, "max_age_images": 1},
    )
    people = probe.collect(PEOPLE, Detection2DArray)
    publisher = probe.publisher("/face_detector/identities", Detection2DArray, subscribers=1)
    flat = probe.collect("/object_detector/detections", Detection2DArray)

    def tell(x, accept):
        def told():
            if people.messages:
                face = (5, "Ann", x + 174, 112 + 92, 80)
                publisher.publish(identities(stamp_ns(people.messages[-1].header), face))
                time.sleep(0.05)
            return next((m for m in people.messages[-3:] if accept(m)), None)

        return wait_until(told, "the name")

    with Camera(probe, somebody()) as camera:
        first = tell(0, lambda m: names(m) == ["Ann"]).detections[0].id
        camera.picture = np.full((512, 1024, 3), 90, np.uint8)
        flat.wait(
            lambda m: m.detections == [] and stamp_ns(m.header) > stamp_ns(people.messages[0].header), count=8
        )
        camera.picture = somebody(600)
        again = tell(600, lambda m: names(m) == ["Ann"] and m.detections[0].bbox.center.position.x > 600)
    assert again.detections[0].id == first
    tracks = {
        d.id for m in flat.messages for d in m.detections if d.results[0].hypothesis.class_id == "person"
    }
    assert len(tracks - {""}) == 2  # the tracker itself took them for two


def test_without_stamps_a_face_names_who_is_there_now(probe):
    output = PeopleOutput(CameraTopics(probe.node))
    probe.collect(output.publisher.topic_name, Detection2DArray)
    wait_until(output.wanted, "the subscription of the people")
    output.once_a_second(active=True)
    faces = probe.publisher("face_detector/identities", Detection2DArray)

    def people(*tracks):
        boxes = np.array([[0, 0, 100, 300], [200, 0, 300, 300]], np.float32)
        found = Detections(boxes, np.full(2, 0.9), np.zeros(2), track_ids=list(tracks))
        frame = Frame(np.zeros((300, 300, 3), np.uint8), 0, "camera")
        return output.message(Result(frame, ("person",), found, Detections.empty()))

    def named():
        faces.publish(identities(0, (5, "Ann", 250, 30, 40)))
        time.sleep(0.05)
        message = people(2, 1)
        return message if "Ann" in names(message) else None

    people(1, 2)  # they change places
    people(2, 1)
    message = wait_until(named, "the name")
    output.close()
    assert [(d.id, name) for d, name in zip(message.detections, names(message), strict=True)] == [
        ("2", "unknown"),
        ("1", "Ann"),
    ]


@pytest.mark.parametrize(
    "damage",
    [
        lambda m: setattr(m.detections[0], "id", "seven"),
        lambda m: setattr(m.detections[0], "id", "-5"),
        lambda m: setattr(m.detections[0], "id", ""),
        lambda m: setattr(m.detections[0], "results", []),
        lambda m: setattr(m.detections[0].bbox, "size_x", float("nan")),
        lambda m: setattr(m.detections[0].bbox.center.position, "y", float("inf")),
        lambda m: setattr(m.detections[0].results[0].hypothesis, "score", float("nan")),
        lambda m: setattr(m.detections[0].results[0].hypothesis, "score", 7.0),
    ],
)
def test_what_makes_no_sense_is_left_out(damage):
    message = identities(0, (5, "Ann", 50, 50, 20), (6, "Ben", 90, 50, 20))
    damage(message)
    faces, found = read_identities(message)
    assert found == ["Ben"]
    assert faces.track_ids.tolist() == [6]
    np.testing.assert_array_equal(faces.boxes, [[80, 40, 100, 60]])


def test_long_ids_and_many_faces_do_no_harm():
    message = identities(0, ("9" * 400, "Ann", 50, 50, 20), *[(n, "Ben", 9, 9, 2) for n in range(3000)])
    faces, found = read_identities(message)
    assert len(faces) == len(found) == 1000
