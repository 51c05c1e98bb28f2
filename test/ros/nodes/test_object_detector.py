# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The object detector as others see it: classes, batches, memory, what cannot be configured."""

import os
import threading

import numpy as np
import pytest
from helpers.detectors import picture
from helpers.objects import LABELS, ScriptedNetwork
from helpers.ros_tools import LATCHED, RELIABLE, astronaut, image, stamp_ns, wait_until
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, LabelInfo

from face_detect_ros.detectors import catalogue
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.messages import images
from face_detect_ros.ros.nodes.face_detector import FaceDetector
from face_detect_ros.ros.nodes.object_detector import ObjectDetector

NODE = "/object_detector"
DETECTIONS = f"{NODE}/detections"
SECOND = 10**9
# none is lost between the camera and the node, so that what counts is what the node drops
RELIABLE_INPUT = {"qos_overrides./image_raw.subscription.reliability": "reliable"}


class Camera:
    """Publishes images with rising stamps, and waits for what the detector makes of them."""

    def __init__(self, probe):
        self.probe = probe
        self.stamp_ns = 1_000 * SECOND
        self.detections = probe.collect(DETECTIONS, Detection2DArray)
        self.publisher = probe.publisher(qos=RELIABLE)
        wait_until(lambda: probe.publishers_of(DETECTIONS), DETECTIONS)

    def next(self, array=None, frame_id="camera"):
        self.stamp_ns += SECOND
        return image(picture() if array is None else array, self.stamp_ns, frame_id)

    def show(self, array=None):
        """What is found in one image."""
        message = self.next(array)
        newest = lambda: next(  # noqa: E731
            (m for m in list(self.detections.messages) if m.header == message.header), None
        )
        return self.probe.send_until(self.publisher, message, newest, "its detections", period_s=2.0)

    def classes(self):
        return [d.results[0].hypothesis.class_id for d in self.show().detections]


# classes


def test_detections_carry_class_names_and_the_header_of_the_image(probe, start, objects):
    objects("scripted")
    start(ObjectDetector, parameters={"model": "scripted", "min_hits": 1})
    camera = Camera(probe)
    found = camera.show(np.zeros((100, 200, 3), np.uint8))
    assert stamp_ns(found.header) == camera.stamp_ns
    person, dog, other = found.detections
    assert [d.results[0].hypothesis.class_id for d in (person, dog, other)] == ["person", "dog", "person"]
    assert dog.results[0].hypothesis.score == pytest.approx(0.8)
    box = (dog.bbox.center.position.x, dog.bbox.center.position.y, dog.bbox.size_x, dog.bbox.size_y)
    assert box == pytest.approx((140, 70, 80, 40), abs=0.01)
    assert len({d.id for d in (person, dog, other)}) == 3
    info = probe.collect(f"{NODE}/label_info", LabelInfo, LATCHED).wait()
    assert [(c.class_id, c.class_name) for c in info.class_map] == list(enumerate(LABELS))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="threads cannot be pinned here")
def test_a_network_computes_on_the_cpus_that_are_given(probe, start, objects):
    seen = set()

    network = ScriptedNetwork()
    network.before = lambda: seen.add(frozenset(os.sched_getaffinity(0)))
    everywhere = os.sched_getaffinity(0)
    chosen = max(everywhere)
    objects("scripted", network)
    start(ObjectDetector, parameters={"model": "scripted", "min_hits": 1, "cpus": f"{chosen}"})
    assert Camera(probe).show().detections
    assert seen == {frozenset({chosen})}
    assert os.sched_getaffinity(os.getpid()) == everywhere
    ((successful, reason),) = probe.set_parameters(NODE, cpus="all")
    assert not successful
    assert "'all' is not a CPU" in reason


def test_classes_and_thresholds_change_from_one_image_to_the_next(probe, start, objects):
    objects("scripted")
    start(ObjectDetector, parameters={"model": "scripted", "classes": "dog"})
    camera = Camera(probe)
    assert camera.classes() == ["dog"]
    for values, expected in [
        ({"classes": ""}, ["person", "dog", "person"]),
        ({"classes": " Person ,traffic  light"}, ["person", "person"]),
        ({"score_threshold": 0.6}, ["person"]),
        ({"classes": "", "max_detections": 1}, ["person"]),
        ({"max_detections": 100, "score_threshold": 0.1}, ["person", "dog", "person"]),
        ({"min_size_px": 9}, ["person", "dog"]),  # the other one is 6.4 px wide
    ]:
        assert {successful for successful, _ in probe.set_parameters(NODE, **values)} == {True}
        assert camera.classes() == expected, values


@pytest.mark.parametrize("name", ["classes", "attention_of"])
def test_an_unknown_class_is_refused_at_once(probe, start, objects, name):
    objects("scripted")
    start(ObjectDetector, parameters={"model": "scripted", "classes": "dog"})
    camera = Camera(probe)
    ((successful, reason),) = probe.set_parameters(NODE, **{name: "dog, trafic light"})
    assert not successful
    assert reason == (
        f"parameter {name}: class 'trafic light' is unknown to this model; did you mean traffic light? It has: "
        "person, dog, traffic light"
    )
    assert camera.classes() == ["dog"]


# what cannot be configured

UNUSABLE = {
    "no_model": ({"model": ""}, {}, "parameter model is empty.*face_detect_ros models list.*onnx:FILE"),
    "unknown_model": ({"model": "yolo99"}, {}, "model 'yolo99' is not known for task 'objects'.*onnx:FILE"),
    "model_for_faces": ({"model": "mmod"}, {}, "'mmod' is for task 'faces'"),
    "no_file": ({"model": "onnx"}, {}, "needs its file: write onnx:/path/to/file"),
    "other_weights": ({"model": "broken"}, {}, "model.pt: 3 keys are missing"),
    "unknown_class": ({"classes": "cat", "model": "scripted"}, {"classes": "dog"}, "classes: class 'cat'"),
    "unknown_attention": (
        {"attention_of": "cat", "model": "scripted"},
        {"attention_of": "7"},
        "attention_of: class 'cat'",
    ),
    "no_such_device": (
        {"device": "cuda:77", "model": "scripted"},
        {"device": "cpu"},
        "device 'cuda:77': .*(set device to cpu|this machine has)",
    ),
    "no_such_precision": (
        {"precision": "float16", "device": "cpu", "model": "scripted"},
        {"precision": "float32"},
        "precision 'float16': cpu does not compute in it",
    ),
}


@pytest.mark.parametrize(("wrong", "right", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_configured_is_told_and_can_be_corrected(
    probe,
    start,
    objects,
    wrong,
    right,
    words,
):
    objects("scripted")
    start(ObjectDetector, parameters=wrong)
    assert "\n" not in probe.wait_for_log(f"cannot configure: .*{words}")
    status = probe.diagnostics(NODE, lambda status: not status.ok)
    assert status.message.startswith("cannot configure: ")
    assert (status.values["state"], probe.state(NODE)) == ("unconfigured", "unconfigured")
    for name, value in {"model": "scripted", **right}.items():
        assert probe.set_parameters(NODE, **{name: value}) == [(True, "")]
    assert probe.change_state(NODE, "configure")
    assert probe.change_state(NODE, "activate")
    assert Camera(probe).show().detections
    probe.diagnostics(NODE, lambda status: status.ok and status.values["state"] == "active")


def test_another_model_must_have_the_classes_of_the_filter(probe, start, objects):
    objects("scripted")
    cats = ScriptedNetwork()
    cats.labels = ("cat", "dog", "bird")
    objects("cats", cats)
    start(ObjectDetector, parameters={"model": "scripted", "classes": "person"})
    camera = Camera(probe)
    assert probe.set_parameters(NODE, model="cats") == [(True, "")]
    assert camera.classes() == ["person", "person"], "still the model that is configured"
    assert probe.change_state(NODE, "deactivate")
    assert probe.change_state(NODE, "cleanup")
    assert not probe.change_state(NODE, "configure")
    assert "classes: class 'person'" in probe.wait_for_log("cannot configure")
    # without a model, the next one judges
    assert probe.set_parameters(NODE, classes="cat") == [(True, "")]
    assert probe.change_state(NODE, "configure")
    assert probe.change_state(NODE, "activate")
    assert camera.classes() == ["cat", "cat"]


def test_input_size_reaches_the_model(probe, start, objects):
    sizes = []

    def create(device, precision, input_size):
        sizes.append(input_size)
        raise catalogue.ConfigError(f"input_size {input_size}: give a multiple of 32")

    objects("sized", factory=create)
    start(ObjectDetector, parameters={"model": "sized", "input_size": 333})
    probe.wait_for_log("input_size 333: give a multiple of 32")
    assert sizes == [333]


# batches


class Gate:
    """Lets a network run only when it is opened."""

    def __init__(self, network):
        self.reached, self.open = threading.Semaphore(0), threading.Semaphore(0)
        network.before = self.wait

    def wait(self):
        self.reached.release()
        assert self.open.acquire(timeout=40)


@pytest.mark.parametrize(
    ("batch", "sizes", "answered"),
    [(1, [1, 1], ["0", "5"]), (4, [1, 4], ["0", "2", "3", "4", "5"]), (9, [1, 5], list("012345"))],
)
def test_waiting_images_share_a_call_of_the_network(probe, start, objects, batch, sizes, answered):
    network = objects("scripted")
    local = start(ObjectDetector, parameters={"model": "scripted", "batch": batch, **RELIABLE_INPUT})
    camera = Camera(probe)
    probe.wait_for_state(NODE, "active")
    network.sizes.clear()
    gate = Gate(network)
    mailbox = local.node.channels[0].mailbox
    for number in range(6):
        camera.publisher.publish(camera.next(picture(height=24 + number), str(number)))
        if number == 0:
            assert gate.reached.acquire(timeout=40)
        wait_until(lambda number=number: mailbox.received == number + 1, f"image {number}")
    gate.open.release(2)
    wait_until(lambda: len(camera.detections.messages) == len(answered), "all answers")
    assert [m.header.frame_id for m in camera.detections.messages] == answered
    assert network.sizes == sizes
    status = probe.diagnostics(NODE, lambda s: s.count("processed") == len(answered))
    assert status.count("dropped") == 6 - len(answered)
    assert status.values["batch"] == str(batch)


def test_out_of_memory_means_smaller_batches_and_a_word(probe, start, objects):
    network = objects("scripted", ScriptedNetwork(fits=2))
    local = start(ObjectDetector, parameters={"model": "scripted", "batch": 4, **RELIABLE_INPUT})
    camera = Camera(probe)
    probe.wait_for_state(NODE, "active")
    gate = Gate(network)
    mailbox = local.node.channels[0].mailbox
    for number in range(5):
        camera.publisher.publish(camera.next(frame_id=str(number)))
        if number == 0:
            assert gate.reached.acquire(timeout=40)
        wait_until(lambda number=number: mailbox.received == number + 1, f"image {number}")
    network.before = lambda: None
    gate.open.release()
    wait_until(lambda: len(camera.detections.messages) == 5, "all answers")
    assert [m.header.frame_id for m in camera.detections.messages] == list("01234")
    assert max(network.sizes) == 2
    assert probe.wait_for_log("out of memory with 4 images at once; going on with 2")
    status = probe.diagnostics(NODE, lambda s: s.count("processed") == 5)
    assert (status.ok, status.values["batch"], status.count("rejected")) == (True, "2", 0)
    camera.show()
    assert len(probe.logs("out of memory")) == 1


def test_an_image_that_does_not_fit_is_told_once_and_life_goes_on(probe, start, objects):
    network = objects("scripted")
    local = start(ObjectDetector, parameters={"model": "scripted"})
    camera = Camera(probe)
    camera.show()
    network.fits = 0
    rejected = local.node.channels[0].stream.statistics.rejected
    for count in (1, 2, 3):
        probe.send_until(
            camera.publisher, camera.next(), lambda count=count: rejected["detector"] >= count, "a failure"
        )
    assert "out of memory" in probe.wait_for_log("image skipped: ").lower()
    assert len(probe.logs("image skipped: ")) == 1, "throttled"
    assert probe.diagnostics(NODE, lambda s: s.count("rejected_detector") >= 3).ok
    network.fits = 1000
    assert camera.show().detections


@pytest.mark.parametrize(("encoding", "channels"), [("32FC1", 1), ("32FC3", 3)])
def test_numbers_that_are_not_finite_never_reach_the_network(probe, start, objects, encoding, channels):
    network = objects("scripted")
    local = start(ObjectDetector, parameters={"model": "scripted"})
    camera = Camera(probe)
    camera.show()
    ran = len(network.sizes)
    bad = camera.next()
    bad.encoding, bad.step = encoding, 32 * 4 * channels
    bad.data = np.full(24 * 32 * channels, np.nan, np.float32).tobytes()
    rejected = local.node.channels[0].stream.statistics.rejected
    probe.send_until(camera.publisher, bad, lambda: rejected["encoding"], "a refusal")
    assert encoding in probe.wait_for_log("image skipped: ")
    assert len(network.sizes) == ran
    assert camera.show().detections


# beside the face detector


def test_two_detectors_share_one_subscription_and_one_decoding(probe, start, objects, monkeypatch):
    objects("scripted")
    decoded = []
    decode = images.decode_image
    monkeypatch.setattr(
        images,
        "decode_image",
        lambda message, *rest: decoded.append(stamp_ns(message.header)) or decode(message, *rest),
    )
    hub = ImageHub()
    start(
        ObjectDetector, hub=hub, parameters={"model": "scripted", "score_threshold": 0.85, **RELIABLE_INPUT}
    )
    start(FaceDetector, hub=hub, parameters={"model": "dlib_hog", "recognize": False, **RELIABLE_INPUT})
    probe.wait_for_state("/face_detector", "active")
    probe.wait_for_state(NODE, "active")
    faces = probe.collect("/face_detector/detections", Detection2DArray)
    things = probe.collect(DETECTIONS, Detection2DArray)
    publisher = probe.publisher()
    for topic in (DETECTIONS, "/face_detector/detections"):
        wait_until(lambda topic=topic: probe.publishers_of(topic), topic)
    sent = image(astronaut())
    both = lambda: faces.messages and things.messages and (faces.messages[0], things.messages[0])  # noqa: E731
    face, thing = probe.send_until(publisher, sent, both, "what both found", period_s=5.0)
    assert face.detections[0].results[0].hypothesis.class_id == "face"
    assert thing.detections[0].results[0].hypothesis.class_id == "person"
    assert face.header == thing.header == sent.header
    assert len(probe.subscriptions_of("/image_raw")) == 1
    for number in range(3):
        publisher.publish(image(astronaut(), stamp_ns=number))
        wait_until(
            lambda number=number: {stamp_ns(c.messages[-1].header) for c in (faces, things)} == {number},
            "both answers",
        )
    assert [stamp for stamp in decoded if stamp < 3] == [0, 1, 2]


def test_the_annotated_image_shows_objects(probe, start, objects):
    objects("scripted")
    start(ObjectDetector, parameters={"model": "scripted", "classes": "dog"})
    annotated = probe.collect(f"{NODE}/image_annotated", Image)
    camera = Camera(probe)
    wait_until(lambda: annotated.subscription.get_publisher_count(), "the publisher")
    wait_until(lambda: camera.show(astronaut()) and len(annotated), "an annotated image")
    seen = images.decode_image(annotated.messages[-1])
    changed = np.argwhere((seen != astronaut()).any(axis=2))
    assert 230 < changed[:, 0].min() < changed[:, 0].max() < 470
