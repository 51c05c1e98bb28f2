# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Recognition in the face detector node: enrollment by services, identities, privacy."""

from __future__ import annotations

import functools
import gc
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from geometry_msgs.msg import PointStamped
from helpers.galleries import faces
from helpers.ros_tools import LATCHED, PORTRAIT_FACE_XY, astronaut, faceless, image, portrait, wait_until
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray, LabelInfo, VisionInfo

from face_detect_ros.core.text import as_utf8
from face_detect_ros.detectors import catalogue
from face_detect_ros.faces import align
from face_detect_ros.faces.embedders import catalogue as embed
from face_detect_ros.faces.gallery.file import unique_id
from face_detect_ros.faces.gallery.gallery import Gallery, default_path
from face_detect_ros.ros import enrollment_services
from face_detect_ros.ros.messages.images import decode_image
from face_detect_ros.ros.nodes.face_detector import FaceDetector
from face_detect_ros.zoo.published import cache

NODE = "/face_detector"
PERIOD_S = 0.1


class Camera:
    """Publishes one image again and again, with growing stamps, until it is closed."""

    def __init__(self, probe, picture, *topic):
        self.picture = picture
        self._publisher = probe.publisher(*topic)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        stamp_ns = 1_700_000_000_000_000_000
        while not self._end.wait(PERIOD_S):
            stamp_ns += int(PERIOD_S * 1e9)
            self._publisher.publish(image(self.picture, stamp_ns))

    def close(self):
        self._end.set()
        self._thread.join()


@pytest.fixture
def camera(probe):
    cameras = []

    def show(picture, *topic):
        cameras.append(Camera(probe, picture, *topic))
        return cameras[-1]

    yield show
    for camera in cameras:
        camera.close()


@pytest.fixture
def gallery(tmp_path):
    return tmp_path / "gallery.sqlite3"


@pytest.fixture
def patience(monkeypatch):
    """A call of `~/enroll` that nothing satisfies ends sooner."""
    monkeypatch.setattr(enrollment_services, "PATIENCE_S", 3.0)


def trigger(probe, service):
    answer = probe.call(Trigger, f"{NODE}/{service}", Trigger.Request())
    return answer.success, answer.message


def identities(message):
    return [detection.results[0].hypothesis.class_id for detection in message.detections]


def two_faces():
    small = cv2.resize(astronaut()[:256, 100:356], (400, 400))
    return np.hstack([small, small])


def test_enroll_recognise_rename_and_forget(start, probe, camera, gallery):
    start(FaceDetector, parameters={"gallery": str(gallery)})
    seen = probe.collect(f"{NODE}/identities", Detection2DArray)
    info = probe.collect(f"{NODE}/vision_info", VisionInfo, LATCHED)
    labels = probe.collect(f"{NODE}/label_info", LabelInfo, LATCHED)
    camera(portrait())
    message = seen.wait(lambda m: len(m.detections) > 0)
    assert set(identities(message)) == {"unknown"}
    assert seen.wait(lambda m: m.detections[0].id != "")

    probe.set_parameters(NODE, enroll_name="Eileen")
    success, text = trigger(probe, "enroll")
    assert success, text
    message = seen.wait(lambda m: "Eileen" in identities(m))
    index = identities(message).index("Eileen")
    assert 0.9 < message.detections[index].results[0].hypothesis.score <= 1.0
    assert abs(message.detections[index].bbox.center.position.x - PORTRAIT_FACE_XY[0]) < 20
    assert trigger(probe, "list_people")[1].startswith("Eileen: ")
    labels.wait(lambda m: [c.class_name for c in m.class_map] == ["face", "Eileen"])

    versions = [m.database_version for m in info.messages]
    probe.set_parameters(NODE, rename_to="Eileen Collins")
    assert trigger(probe, "rename") == (True, "Eileen is now Eileen Collins")
    seen.wait(lambda m: "Eileen Collins" in identities(m))
    wait_until(lambda: info.messages[-1].database_version > max(versions), "a higher version")

    probe.set_parameters(NODE, enroll_name="Eileen Collins")
    assert trigger(probe, "forget")[0]
    count = len(seen)
    wait_until(lambda: len(seen) > count + 5, "more images")
    assert set(identities(seen.messages[-1])) == {"unknown"}
    assert trigger(probe, "list_people") == (True, "")


REFUSALS = {
    "no face": (faceless, "Ann", "no face"),
    "several faces": (two_faces, "Ann", "faces are in the image"),
    "blurred": (lambda: cv2.GaussianBlur(portrait(), (0, 0), 6), "Ann", "blurred|no face"),
    "no name": (portrait, "", "needs a name"),
    "reserved name": (portrait, "unknown", "choose another"),
}


def test_enrollment_is_refused_with_the_reason(start, probe, camera, gallery, patience):
    start(FaceDetector, parameters={"gallery": str(gallery)})
    shown = camera(faceless())
    for case, (picture, name, reason) in REFUSALS.items():
        shown.picture = picture()
        probe.set_parameters(NODE, enroll_name=name)
        success, text = trigger(probe, "enroll")
        assert not success, case
        assert any(part in text for part in reason.split("|")), (case, text)
    with Gallery(gallery) as opened:
        assert opened.people() == ()


def test_of_several_faces_the_followed_one_is_enrolled(start, probe, camera, gallery):
    start(FaceDetector, parameters={"gallery": str(gallery), "enroll_name": "Eileen"})
    detections = probe.collect(f"{NODE}/detections", Detection2DArray)
    camera(two_faces())
    clicks = probe.publisher(f"{NODE}/select_at", PointStamped)
    found = detections.wait(lambda m: len(m.detections) == 2 and all(d.id for d in m.detections))
    left = min(found.detections, key=lambda d: d.bbox.center.position.x)
    click = PointStamped(header=found.header)
    click.point.x, click.point.y = left.bbox.center.position.x, left.bbox.center.position.y
    clicks.publish(click)
    probe.diagnostics(NODE, lambda status: status.values.get("selected", "").startswith(f"#{left.id} "))
    assert trigger(probe, "enroll")[0]


def test_while_a_camera_follows_a_face_the_others_teach_none(start, probe, camera, gallery, monkeypatch):
    monkeypatch.setattr(enrollment_services, "PATIENCE_S", 1.5)
    waits = {"cameras": "front, left", "select": "front/#99"}
    start(FaceDetector, parameters={"gallery": str(gallery), "enroll_name": "Eileen", **waits})
    camera(portrait(), "/left/image_raw")
    probe.wait_for_state(NODE, "active")
    success, text = trigger(probe, "enroll")
    assert not success
    assert "the face that is followed is not in the image" in text
    probe.set_parameters(NODE, select="")
    success, text = trigger(probe, "enroll")
    assert success, text


def test_somebody_known_is_not_enrolled_under_another_name(start, probe, camera, gallery, patience):
    start(FaceDetector, parameters={"gallery": str(gallery)})
    camera(portrait())
    probe.set_parameters(NODE, enroll_name="Eileen")
    assert trigger(probe, "enroll")[0]
    probe.set_parameters(NODE, enroll_name="Ann")
    success, text = trigger(probe, "enroll")
    assert not success
    assert "Eileen" in text


def test_enrollment_without_images_says_so_and_other_services_answer_meanwhile(start, probe, gallery):
    start(FaceDetector, parameters={"gallery": str(gallery), "enroll_name": "Ann"})
    probe.wait_for_state(NODE, "active")
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(trigger(probe, "enroll")))
    waiting.start()
    assert probe.get_parameters(NODE, "enroll_name") == ["Ann"]
    assert not answers
    waiting.join(30)
    success, text = answers[0]
    assert not success
    assert "no image came" in text


def test_people_enrolled_by_another_process_are_recognized(start, probe, camera, gallery, monkeypatch):
    monkeypatch.chdir(gallery.parent)
    local = start(FaceDetector, parameters={"gallery": gallery.name})
    seen = probe.collect(f"{NODE}/identities", Detection2DArray)
    info = probe.collect(f"{NODE}/vision_info", VisionInfo, LATCHED)
    camera(portrait())
    seen.wait(lambda m: len(m.detections) > 0)
    faces = bystander().detect([portrait()], catalogue.FACE_OPTIONS)[0].select([0])
    embedder = embed.create()
    vectors = embedder.embed(align.face_chips(portrait(), faces.landmarks))
    before = info.wait().database_version
    assert info.wait().database_location == str(gallery)  # other processes have other working folders
    with Gallery(gallery, embedder.model_id, embedder.model_version) as opened:
        opened.enroll("Eileen", vectors, "an image")
    seen.wait(lambda m: "Eileen" in identities(m))
    second = info.wait(lambda m: m.database_version > before).database_version
    new = gallery.with_name("new.sqlite3")
    with Gallery(new, embedder.model_id, embedder.model_version) as opened:
        opened.enroll("Nobody here", -vectors, "an image")
    new.replace(gallery)
    replaced = info.wait(lambda m: m.database_version > second)
    assert replaced.header.frame_id == unique_id(gallery)
    assert local.node.active


def test_a_gallery_whose_path_is_not_utf8(start, probe, tmp_path, monkeypatch):
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(cache.root()))
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "h\udcff"))
    gallery = default_path()
    with Gallery(gallery, "any"):
        pass
    gallery.write_bytes(gallery.read_bytes()[:9000])  # damaged, so its path is logged too
    info = probe.collect(f"{NODE}/vision_info", VisionInfo, LATCHED)
    start(FaceDetector)
    assert info.wait().database_location == as_utf8(str(gallery))


def test_lives_with_recognition_leave_no_thread_file_or_topic(start, probe, camera, gallery):
    with Gallery(gallery, *embed.identity(embed.DEFAULT)) as opened:
        opened.enroll("Ann", np.ones(128) / 128, "a test")  # somebody, so that the network is loaded
    start(FaceDetector, parameters={"gallery": str(gallery)})
    seen = probe.collect(f"{NODE}/identities", Detection2DArray)
    covered = probe.collect(f"{NODE}/image_anonymized", Image)
    camera(portrait())
    process = psutil.Process()
    before = None
    for life in range(8):
        counts = len(seen), len(covered)
        wait_until(lambda counts=counts: len(seen) > counts[0] and len(covered) > counts[1], "an image")
        for verb in ("deactivate", "cleanup", "configure", "activate"):
            assert probe.change_state(NODE, verb), (life, verb)
        if life == 4:  # the first ones load libraries
            gc.collect()
            before = process.num_threads(), process.num_fds()
    gc.collect()
    threads, files = before
    wait_until(lambda: process.num_threads() <= threads, "the end of threads")
    wait_until(lambda: process.num_fds() <= files, "the closing of files")
    for verb in ("deactivate", "cleanup"):
        assert probe.change_state(NODE, verb)
    for name in ("identities", "image_anonymized", "vision_info"):
        topic = f"{NODE}/{name}"
        wait_until(lambda topic=topic: probe.publishers_of(topic) == [], f"no publisher of {topic}")


def test_lives_take_no_more_memory():
    """In a process of its own: allocations of other tests would hide a leak. Long form: test/attack/memory.py."""
    script = Path(__file__).parents[2] / "attack" / "memory.py"
    command = [sys.executable, script, "--here", "lives_of_faces", "--lives", "8"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


def test_people_of_another_embedder_are_to_be_enrolled_again(start, probe, gallery):
    with Gallery(gallery, "another_model") as opened:
        opened.enroll("Ann", np.ones(128), "a test")
    start(FaceDetector, parameters={"gallery": str(gallery)})
    status = probe.diagnostics(NODE, lambda s: "people" in s.values)
    assert status.values["state"] == "active"
    assert status.values["people"] == "0"
    assert status.values["people_to_enroll_again"] == "Ann"


def test_a_damaged_gallery_is_set_aside_and_reported(start, probe, gallery):
    with Gallery(gallery, "dlib_face_recognition_resnet_model", "1") as opened:
        opened.enroll("Ann", faces(1), "x")
    with gallery.open("r+b") as file:
        file.seek(4096)
        file.write(b"x" * 12000)
    damaged = gallery.read_bytes()
    start(FaceDetector, parameters={"gallery": str(gallery)})
    probe.wait_for_state(NODE, "active")
    (aside,) = gallery.parent.glob("*.damaged-*")
    assert aside.read_bytes() == damaged
    assert aside.name in probe.wait_for_log("was damaged")


def test_a_gallery_that_is_something_else_is_left_alone_and_the_node_goes_on_answering(start, probe, gallery):
    gallery.write_text("Dear Ann")
    start(FaceDetector, parameters={"gallery": str(gallery)})
    status = probe.diagnostics(NODE, lambda status: "is not a gallery" in status.message)
    assert status.values["state"] == "unconfigured"
    assert gallery.read_text() == "Dear Ann"
    assert trigger(probe, "list_people")[0] is False
    assert probe.set_parameters(NODE, gallery=str(gallery.with_name("another"))) == [(True, "")]
    assert probe.change_state(NODE, "configure")


@functools.cache
def bystander():
    """A detector that the nodes here do not use."""
    return catalogue.create("dlib_hog", task="faces")


def faces_in(picture):
    found = bystander().detect([np.ascontiguousarray(picture)], catalogue.FACE_OPTIONS)[0]
    near = np.abs(found.boxes[:, :2] + found.boxes[:, 2:] - 2 * np.array(PORTRAIT_FACE_XY)).max(axis=1) < 60
    return int(near.sum())


@pytest.mark.parametrize("privacy", [False, True], ids=["privacy off", "privacy on"])
def test_with_privacy_no_published_image_shows_the_face(start, probe, camera, gallery, privacy):
    start(FaceDetector, parameters={"gallery": str(gallery), "privacy": privacy, "recognize": False})
    annotated = probe.collect(f"{NODE}/image_annotated", Image)
    anonymized = probe.collect(f"{NODE}/image_anonymized", Image)
    camera(portrait())
    for message in annotated.wait(count=3):
        assert bool(faces_in(decode_image(message))) is not privacy
    for message in anonymized.wait(count=3):
        assert faces_in(decode_image(message)) == 0


@pytest.mark.parametrize("privacy", [False, True], ids=["privacy off", "privacy on"])
def test_a_face_too_faint_to_be_published_is_covered_all_the_same(start, probe, camera, gallery, privacy):
    parameters = {"gallery": str(gallery), "privacy": privacy, "recognize": False}
    name = catalogue.default_model("faces")
    options = catalogue.default_options(name, task="faces")
    (found,) = catalogue.create(name, task="faces").detect([portrait()], options)
    threshold = float(found.scores[0]) + 0.05
    start(FaceDetector, parameters={**parameters, "score_threshold": threshold})
    detections = probe.collect(f"{NODE}/detections", Detection2DArray)
    annotated = probe.collect(f"{NODE}/image_annotated", Image)
    anonymized = probe.collect(f"{NODE}/image_anonymized", Image)
    camera(portrait())
    for message in annotated.wait(count=3):
        assert bool(faces_in(decode_image(message))) is not privacy
    for message in anonymized.wait(count=3):
        assert faces_in(decode_image(message)) == 0
    assert not any(message.detections for message in detections.wait(count=3))


def test_privacy_does_not_go_with_exemptions(start, probe, gallery):
    start(FaceDetector, parameters={"gallery": str(gallery), "privacy": True, "anonymize_whom": "unknown"})
    status = probe.diagnostics(NODE, lambda s: "privacy covers everybody" in s.message)
    assert status.values["state"] == "unconfigured"


def test_with_privacy_a_process_keeps_its_camera_to_itself(execute, probe, tmp_path):
    picture = tmp_path / "astronaut.png"
    cv2.imwrite(str(picture), portrait()[..., ::-1])
    execute("perception", parameters={"source": str(picture), "rate_hz": 10.0, "privacy": True})
    raw = probe.collect("/image_raw", Image)
    faces = probe.collect(f"{NODE}/detections", Detection2DArray)
    annotated = probe.collect(f"{NODE}/image_annotated", Image)
    faces.wait(lambda m: len(m.detections) > 0, count=10)
    for message in annotated.wait(count=3):
        assert faces_in(decode_image(message)) == 0
    assert len(raw) == 0
