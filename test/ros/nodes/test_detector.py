# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The face detector as others see it: its topics, parameters, states and diagnostics."""

import gc
import os
import re
import threading

import cv2
import numpy as np
import psutil
import pytest
from helpers.detectors import ScriptedDetector, picture
from helpers.ros_tools import (
    ASTRONAUT_FACE_XY,
    BEST_EFFORT,
    LATCHED,
    PATIENCE_S,
    astronaut,
    compressed,
    faceless,
    fitted,
    image,
    stamp_ns,
    wait_until,
)
from lifecycle_msgs.msg import State
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from vision_msgs.msg import Detection2DArray, LabelInfo
from visualization_msgs.msg import MarkerArray

from face_detect_ros.detectors import catalogue
from face_detect_ros.ros.nodes.face_detector import FaceDetector
from face_detect_ros.ros.outputs import images
from face_detect_ros.ros.outputs.markers import MarkersOutput

NODE = "/face_detector"
DETECTIONS = f"{NODE}/detections"
SECOND = 10**9


@pytest.fixture
def start(start):
    """Nodes here compare no faces, for which they would load another network; test_recognition.py is about that."""

    def start_without(make_node, *, parameters=None, **arguments):
        return start(make_node, parameters={"recognize": False, **(parameters or {})}, **arguments)

    return start_without


class Camera:
    """Publishes images with rising stamps, and waits for what the detector makes of them."""

    def __init__(self, probe, topic="/image_raw", kind=Image):
        self.probe = probe
        self.stamp_ns = 1_000 * SECOND
        self.detections = probe.collect(DETECTIONS, Detection2DArray)
        self.publisher = probe.publisher(topic, kind)
        wait_until(lambda: probe.publishers_of(DETECTIONS), DETECTIONS)

    def show(self, sent, until=None):
        """Publish an image (or a message) until it has detections, which are returned, or until `until()`."""
        self.stamp_ns += SECOND
        message = sent if not isinstance(sent, np.ndarray) else image(sent)
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(self.stamp_ns, SECOND)
        stamp = self.stamp_ns

        def newest():
            return next((m for m in list(self.detections.messages) if stamp_ns(m.header) == stamp), None)

        return self.probe.send_until(self.publisher, message, until or newest, "its effect", period_s=2.0)


def center(detection):
    return detection.bbox.center.position.x, detection.bbox.center.position.y


def distance_to_face(detection, scale=1.0):
    truth = np.array(ASTRONAUT_FACE_XY) * scale
    return np.linalg.norm(np.array(center(detection)) - truth)


# what it publishes


def test_a_face_published_by_another_process_is_found(probe, execute):
    execute("face_detector")
    sent = image(astronaut(), stamp_ns=1_234_567_890_987_654_321, frame_id="head_camera")
    detections = probe.collect(DETECTIONS, Detection2DArray)
    found = probe.send_until(
        probe.publisher(), sent, lambda: detections.messages and detections.messages[0], "a face"
    )
    (face,) = found.detections
    assert distance_to_face(face) < 20
    assert 60 < face.bbox.size_x < 160
    assert 60 < face.bbox.size_y < 160
    (result,) = face.results
    assert result.hypothesis.class_id == "face"
    assert 0.5 <= result.hypothesis.score <= 1.0
    assert found.header == sent.header
    assert face.header == sent.header


def test_an_image_without_a_face_gives_an_empty_array(probe, start):
    start(FaceDetector)
    found = Camera(probe).show(faceless())
    assert found.detections == []
    assert found.header.frame_id == "camera"


def test_a_compressed_image(probe, start):
    start(FaceDetector, parameters={"image_transport": "compressed"}, remaps={"image_raw": "/cam/image"})
    camera = Camera(probe, "/cam/image/compressed", CompressedImage)
    faces = camera.show(compressed(astronaut())).detections
    assert min(map(distance_to_face, faces)) < 20


@pytest.mark.parametrize(("width", "height"), [(320, 240), (1280, 720)])
def test_boxes_are_in_pixels_of_the_image_whatever_its_size(probe, start, width, height):
    start(FaceDetector, parameters={"min_size_px": 30})
    shown, scale = fitted(astronaut(), width, height)
    faces = Camera(probe).show(shown).detections
    assert min(distance_to_face(face, scale) for face in faces) < 20 * max(scale, 0.5)


def test_the_annotated_image_is_drawn_only_while_somebody_looks(probe, start, monkeypatch, scripted):
    drawn = []

    def draw(picture, found, labels, **_):
        drawn.append(picture)
        return np.full_like(picture, 7)

    monkeypatch.setattr(images, "draw_detections", draw)
    local = start(FaceDetector, parameters={"model": "quick"})
    camera = Camera(probe)
    camera.show(picture())
    assert drawn == []

    annotated = probe.collect(f"{NODE}/image_annotated", Image)
    publisher = next(o for o in local.node.outputs if isinstance(o, images.AnnotatedOutput)).publisher
    wait_until(lambda: publisher.get_subscription_count() == 1, "the viewer")
    camera.show(picture())
    # the worker may still be busy with the first image when the viewer comes
    seen = annotated.wait(lambda message: stamp_ns(message.header) == camera.stamp_ns)
    assert seen.header.frame_id == "camera"
    assert (seen.width, seen.height, seen.encoding, set(seen.data)) == (32, 24, "rgb8", {7})

    probe.drop(annotated)
    wait_until(lambda: publisher.get_subscription_count() == 0, "the viewer's leaving")
    count = len(drawn)
    camera.show(picture())
    camera.show(picture())
    assert len(drawn) == count


def test_a_compressed_image_is_the_same_and_encoded_only_for_those_who_look(probe, start, scripted):
    remaps = {"~/image_annotated": "/shown", "~/image_anonymized/compressed": "/covered"}
    local = start(FaceDetector, parameters={"model": "quick", "jpeg_quality": 100}, remaps=remaps)
    raw = probe.collect("/shown", Image)
    jpeg = probe.collect("/shown/compressed", CompressedImage)
    covered = probe.collect("/covered", CompressedImage)
    camera = Camera(probe)
    outputs = [o for o in local.node.outputs if isinstance(o, images.ImageOutput)]
    wait_until(lambda: all(o._compressed_wanted for o in outputs), "the viewers")
    camera.show(faceless(48, 64))
    decoded = [
        cv2.imdecode(np.frombuffer(each.wait().data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)
        for each in (jpeg, covered)
    ]
    shown = np.frombuffer(raw.wait().data, np.uint8).reshape(48, 64, 3).astype(int)
    assert np.abs(decoded[0] - shown).mean() < 8  # half the resolution of colors
    assert decoded[1].shape == (48, 64, 3)
    message = jpeg.messages[0]
    assert message.format == "rgb8; jpeg compressed bgr8"
    assert (message.header.frame_id, stamp_ns(message.header)) == ("camera", camera.stamp_ns)
    # quality may change between two images; nothing is encoded for nobody
    probe.drop(covered)
    wait_until(lambda: not outputs[1]._compressed_wanted, "the end of a viewer")
    assert probe.set_parameters(NODE, jpeg_quality=5) == [(True, "")]
    stamp = stamp_ns(camera.show(faceless(48, 64)).header)
    small = jpeg.wait(lambda m: stamp_ns(m.header) == stamp)
    assert len(small.data) < len(message.data)
    assert len(covered) == 1


def test_the_annotated_image_shows_the_box(probe, start):
    start(FaceDetector)
    annotated = probe.collect(f"{NODE}/image_annotated", Image)
    camera = Camera(probe)
    wait_until(lambda: annotated.subscription.get_publisher_count(), "the publisher")
    wait_until(lambda: camera.show(astronaut()) and len(annotated), "an annotated image")
    seen = np.frombuffer(annotated.messages[0].data, np.uint8).reshape(512, 512, 3)
    changed = np.argwhere((seen != astronaut()).any(axis=2))
    assert len(changed) > 100
    assert np.linalg.norm(changed.mean(axis=0)[::-1] - ASTRONAUT_FACE_XY) < 80


def test_label_info_reaches_a_late_subscriber_and_follows_the_threshold(probe, start, scripted):
    start(FaceDetector, parameters={"model": "quick", "score_threshold": 0.25})
    probe.wait_for_state(NODE, "active")
    info = probe.collect(f"{NODE}/label_info", LabelInfo, LATCHED)
    first = info.wait()
    assert [(c.class_id, c.class_name) for c in first.class_map] == [(0, "face")]
    assert first.threshold == 0.25
    assert probe.set_parameters(NODE, score_threshold=0.75) == [(True, "")]
    info.wait(lambda m: m.threshold == 0.75)


def markers_of(local):
    return next(output for output in local.node.outputs if isinstance(output, MarkersOutput))


def calibrated(focal_px):
    info = CameraInfo(width=512, height=512)
    info.k = [focal_px, 0.0, 256.0, 0.0, focal_px, 256.0, 0.0, 0.0, 1.0]
    return info


@pytest.mark.parametrize(
    ("info", "nearest_m", "farthest_m"),
    [(None, 0.4, 1.0), (CameraInfo(width=512, height=512), 0.4, 1.0), (calibrated(2000.0), 2.0, 4.5)],
    ids=["no_camera_info", "uncalibrated", "calibrated"],
)
def test_markers_stand_where_the_camera_sees_them(probe, start, info, nearest_m, farthest_m):
    local = start(FaceDetector, parameters={"min_hits": 1})
    markers = probe.collect(f"{NODE}/markers", MarkerArray)
    camera = Camera(probe)
    if info is not None:
        # by convention beside the image; subscribed once somebody looks at the markers
        publisher = probe.publisher("/camera_info", CameraInfo)
        probe.send_until(publisher, info, lambda: markers_of(local).camera_info, "camera_info at the node")
    wait_until(lambda: markers.subscription.get_publisher_count(), "the publisher")

    def tracked():  # a track is named once it is confirmed
        return [m.markers for m in list(markers.messages) if len(m.markers) == 2 and "#" in m.markers[1].text]

    face = wait_until(lambda: (found := camera.show(astronaut())) and tracked() and found, "markers")
    outline, text = tracked()[0]
    assert {outline.header.frame_id, text.header.frame_id} == {"camera"}
    assert re.match(r"face #\d+ 0\.", text.text)
    z = outline.points[0].z
    assert nearest_m < z < farthest_m
    # the middle of the rectangle, seen through the camera, is the middle of the box
    focal_px = 2000.0 if farthest_m > 1 else 256 / np.tan(np.radians(30))
    middle = np.mean([[p.x, p.y] for p in outline.points[:4]], axis=0) / z * focal_px + 256
    assert np.allclose(middle, center(face.detections[0]), atol=0.5)
    assert outline.points[0] == outline.points[-1]


def test_camera_info_is_left_when_nobody_looks_at_the_markers(probe, start, scripted):
    start(FaceDetector, parameters={"model": "quick"})
    probe.wait_for_state(NODE, "active")
    markers = probe.collect(f"{NODE}/markers", MarkerArray)
    wait_until(lambda: probe.subscriptions_of("/camera_info"), "a subscription of camera_info")
    probe.drop(markers)
    wait_until(lambda: not probe.subscriptions_of("/camera_info"), "its end")


def test_camera_info_that_was_sent_once_before_anybody_looked_counts(probe, start, scripted):
    publisher = probe.node.create_publisher(CameraInfo, "/camera_info", LATCHED)
    publisher.publish(calibrated(2000.0))
    local = start(FaceDetector, parameters={"model": "quick"})
    probe.wait_for_state(NODE, "active")
    probe.collect(f"{NODE}/markers", MarkerArray)
    info = wait_until(lambda: markers_of(local).camera_info, "camera_info at the node")
    assert info.k[0] == 2000.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("/image_raw.subscription.reliability", "sometimes"),
        ("/face_detector/detections.publisher.depth", "many"),
    ],
)
def test_an_unusable_qos_override_is_named(probe, start, name, value, scripted):
    start(FaceDetector, parameters={"model": "quick", f"qos_overrides.{name}": value})
    assert value in probe.wait_for_log(r"^cannot (configure|activate): a parameter qos_overrides")


# states


def test_without_autostart_it_waits_for_a_manager(probe, start):
    start(FaceDetector, parameters={"autostart": False})
    assert probe.diagnostics(NODE).values["state"] == "unconfigured"
    assert probe.state(NODE) == "unconfigured"
    assert probe.publishers_of(DETECTIONS) == []
    assert probe.change_state(NODE, "configure")
    assert probe.state(NODE) == "inactive"
    wait_until(lambda: probe.publishers_of(DETECTIONS), DETECTIONS)
    assert probe.subscriptions_of("/image_raw") == []
    assert probe.change_state(NODE, "activate")
    assert Camera(probe).show(astronaut()).detections


def test_deactivated_it_is_deaf_and_comes_back(probe, start, scripted):
    start(FaceDetector, parameters={"model": "quick"})
    camera = Camera(probe)
    camera.show(picture())
    assert probe.change_state(NODE, "deactivate")
    wait_until(lambda: probe.subscriptions_of("/image_raw") == [], "the end of the subscription")
    assert probe.state(NODE) == "inactive"
    assert probe.change_state(NODE, "activate")
    assert camera.show(picture()).detections


def own_threads():
    return sorted(t.name for t in threading.enumerate() if t.name not in ("spinner", "local_node"))


def test_twenty_lives_leak_nothing(probe, start):
    local = start(FaceDetector, parameters={"autostart": False, "recognize": False})
    process = psutil.Process()
    before, memory = None, []
    for life in range(20):
        for verb in ("configure", "activate", "deactivate", "cleanup"):
            assert probe.change_state(NODE, verb), (life, verb)
        if life == 4:  # the first ones load libraries and fill caches
            gc.collect()
            before = own_threads(), process.num_threads(), process.num_fds()
        if life >= 4:
            memory.append(process.memory_info().rss)
    gc.collect()
    threads, native_threads, files = before
    assert own_threads() == threads
    wait_until(lambda: process.num_threads() <= native_threads, "the end of native threads")
    wait_until(lambda: process.num_fds() <= files, "the closing of files")
    # now and then the allocator takes some more; a leak takes some in each life
    growth = np.diff(memory)
    assert np.median(growth) < 1e6
    assert growth.sum() < 100e6
    assert len(list(local.node.publishers)) == len({p.topic_name for p in local.node.publishers})
    for name in ("detections", "image_annotated", "markers", "label_info"):
        topic = f"{NODE}/{name}"
        wait_until(lambda topic=topic: probe.publishers_of(topic) == [], f"no publisher of {topic}")
    for verb in ("configure", "activate"):
        assert probe.change_state(NODE, verb)
    wait_until(lambda: len(probe.publishers_of(DETECTIONS)) == 1, "one publisher")
    assert Camera(probe).show(astronaut()).detections


UNUSABLE = {
    "unknown_model": ({"model": "yolo99"}, {"model": "quick"}, "model 'yolo99' is not known.*dlib_hog"),
    "bad_device": ({"device": "cuda:7"}, {"device": "cpu"}, "cuda:7"),
    "damaged_weights": (
        {"model": "weightless"},
        {"model": "quick"},
        "model.dat is damaged; install it again",
    ),
    "bug": ({"model": "buggy"}, {"model": "quick"}, "ZeroDivisionError: a bug in the factory"),
}


@pytest.mark.parametrize(("wrong", "right", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_configured_can_be_corrected(probe, start, scripted, wrong, right, words):
    start(FaceDetector, parameters=wrong)
    assert probe.wait_for_log(f"cannot configure: .*{words}")
    status = probe.diagnostics(NODE, lambda status: not status.ok)
    assert status.message.startswith("cannot configure: ")
    assert (status.values["state"], probe.state(NODE)) == ("unconfigured", "unconfigured")
    assert probe.set_parameters(NODE, **right) == [(True, "")]
    assert probe.change_state(NODE, "configure")
    assert probe.change_state(NODE, "activate")
    assert Camera(probe).show(astronaut()).detections
    probe.diagnostics(NODE, lambda status: status.ok and status.values["state"] == "active")


def test_a_model_that_is_not_in_the_catalogue_is_refused_at_once(probe, start):
    start(FaceDetector)
    ((successful, reason),) = probe.set_parameters(NODE, model="yolo99")
    assert not successful
    assert "dlib_hog" in reason
    assert probe.get_parameters(NODE, "model") == [catalogue.DEFAULT_MODEL["faces"]]


def test_another_model_is_used_from_the_next_configure_on(probe, start, scripted):
    start(FaceDetector, parameters={"model": "quick"})
    camera = Camera(probe)
    camera.show(picture())
    assert probe.set_parameters(NODE, model="dlib_hog") == [(True, "")]
    assert camera.show(picture()).detections, "still the model that is configured"
    assert probe.diagnostics(NODE, lambda s: s.count("processed") >= 2).values["model"] == "quick"
    for verb in ("deactivate", "cleanup", "configure", "activate"):
        assert probe.change_state(NODE, verb)
    probe.diagnostics(NODE, lambda s: s.values.get("model") == "dlib_hog")


def test_shut_down_it_releases_everything(probe, start, scripted):
    local = start(FaceDetector, parameters={"model": "quick"})
    probe.wait_for_state(NODE, "active")
    assert probe.change_state(NODE, "active_shutdown")
    assert local.node._state_machine.current_state[0] == State.PRIMARY_STATE_FINALIZED
    wait_until(lambda: probe.publishers_of(DETECTIONS) == [], "no publisher")
    assert "face_detector" not in own_threads()


# parameters while it runs


def test_parameters_take_effect_from_one_image_to_the_next(probe, start):
    start(FaceDetector)
    camera = Camera(probe)
    assert len(camera.show(astronaut()).detections) == 1
    for values, count in [
        ({"min_size_px": 200}, 0),
        ({"min_size_px": 80}, 1),
        ({"score_threshold": 0.999}, 0),
        ({"score_threshold": 0.5}, 1),
    ]:
        assert probe.set_parameters(NODE, **values) == [(True, "")]
        assert len(camera.show(astronaut()).detections) == count, values


def test_max_detections_keeps_the_best(probe, start):
    start(FaceDetector)
    small, _ = fitted(astronaut(), 400, 400)
    camera = Camera(probe)
    found = camera.show(np.hstack([astronaut()[:400, :400], small])).detections
    assert len(found) == 2
    assert probe.set_parameters(NODE, max_detections=1) == [(True, "")]
    (best,) = camera.show(np.hstack([astronaut()[:400, :400], small])).detections
    assert best.results[0].hypothesis.score == max(d.results[0].hypothesis.score for d in found)


# bad input


def broken(**changes):
    message = image(picture())
    for name, value in changes.items():
        setattr(message, name, value)
    return message


BAD_IMAGES = {
    "unknown_encoding": (broken(encoding="hologram8"), "encoding", "hologram8"),
    "depth": (broken(encoding="16UC1"), "encoding", "distances"),
    "short_step": (broken(step=10), "step", "step is 10 bytes"),
    "short_data": (broken(data=b"123"), "data", "data has only 3 bytes"),
    "long_data": (broken(data=bytes(24 * 32 * 3 + 7)), "data", "data has 2311 bytes"),
    "zero_width": (broken(width=0), "size", "0x24"),
    "zero_height": (broken(height=0), "size", "32x0"),
    "detector_fails": (image(picture(ScriptedDetector.BROKEN)), "detector", "the network gave nonsense"),
    "detector_has_a_bug": (image(picture(ScriptedDetector.BUG)), "internal", "ZeroDivisionError: a bug"),
}


@pytest.mark.parametrize(("sent", "reason", "words"), BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_a_bad_image_is_counted_and_explained_and_life_goes_on(probe, start, scripted, sent, reason, words):
    local = start(FaceDetector, parameters={"model": "quick"})
    camera = Camera(probe)
    rejected = local.node.channels[0].stream.statistics.rejected
    for count in (1, 2, 3):
        camera.show(sent, until=lambda count=count: rejected[reason] >= count)
        assert camera.show(picture()).detections
    status = probe.diagnostics(NODE, lambda s: s.count("processed") >= 3)
    assert status.count(f"rejected_{reason}") == rejected[reason] == status.count("rejected")
    assert words in probe.wait_for_log("image skipped: ")
    assert len(probe.logs("image skipped: ")) == 1, "throttled"


def test_a_corrupt_jpeg(probe, start, scripted):
    local = start(FaceDetector, parameters={"model": "quick", "image_transport": "compressed"})
    camera = Camera(probe, "/image_raw/compressed", CompressedImage)
    good = compressed(faceless())
    bad = compressed(faceless())
    bad.data = bad.data[: len(bad.data) // 2]
    camera.show(good)
    camera.show(bad, until=lambda: local.node.channels[0].stream.statistics.rejected["compressed"])
    assert camera.show(good).detections
    assert probe.diagnostics(NODE, lambda s: s.count("rejected")).count("rejected_compressed") >= 1
    probe.wait_for_log("image skipped: .* incomplete: the end is missing")


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4320, 7680)], ids=["1x1", "8K"])
def test_images_of_extreme_size(probe, start, height, width):
    start(FaceDetector, parameters={"min_size_px": 1000})
    found = Camera(probe).show(np.full((height, width, 3), 99, np.uint8))
    assert found.detections == []


def test_stamps_that_jump_back_are_told_and_answered(probe, start, scripted):
    start(FaceDetector, parameters={"model": "quick"})
    camera = Camera(probe)
    camera.show(picture())
    camera.stamp_ns -= 500 * SECOND
    found = camera.show(picture())
    assert stamp_ns(found.header) == camera.stamp_ns
    assert "went back by 499" in probe.wait_for_log("image stamps went back")
    assert probe.diagnostics(NODE, lambda s: s.count("processed") >= 2).values["time_jumps"] == "1"


@pytest.mark.parametrize(
    "nanoseconds", [0, -5 * SECOND, (2**31 - 1) * SECOND], ids=["zero", "negative", "last"]
)
def test_strange_stamps_are_given_back(probe, start, scripted, nanoseconds):
    start(FaceDetector, parameters={"model": "quick"})
    camera = Camera(probe)
    camera.stamp_ns = nanoseconds - SECOND
    assert stamp_ns(camera.show(picture()).header) == nanoseconds
    probe.wait_for_log("images .*: their latency cannot be measured")


def test_a_detections_subscriber_that_disappears_changes_nothing(probe, start, scripted):
    start(FaceDetector, parameters={"model": "quick"})
    camera = Camera(probe)
    other = probe.collect(DETECTIONS, Detection2DArray)
    camera.show(picture())
    probe.drop(other)
    assert camera.show(picture()).detections
    assert probe.diagnostics(NODE, lambda s: s.count("processed") >= 2).ok


def test_without_a_running_clock_it_starts_and_reports(probe, start, scripted):
    start(FaceDetector, parameters={"model": "quick", "use_sim_time": True})
    probe.wait_for_state(NODE, "active")
    assert Camera(probe).show(picture()).detections
    assert probe.diagnostics(NODE, lambda s: s.count("processed") >= 1).values["state"] == "active"


# overload


def test_overload_drops_old_images_and_nothing_else(probe, start, scripted):
    """120 images a second into a detector that manages 10."""
    local = start(FaceDetector, parameters={"model": "slow"})
    detections = probe.collect(DETECTIONS, Detection2DArray)
    publisher = probe.publisher(qos=BEST_EFFORT)
    process = psutil.Process(os.getpid())
    message = image(faceless(240, 320))
    pictures, rate_hz, ages_s, memory = 600, 120, [], []
    answered = 0
    pause = threading.Event()
    for number in range(pictures):
        now = local.node.get_clock().now().nanoseconds
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(now, SECOND)
        publisher.publish(message)
        for found in detections.messages[answered:]:
            ages_s.append((now - stamp_ns(found.header)) / SECOND)
            answered += 1
        if number % 100 == 99:
            memory.append(process.memory_info().rss)
        pause.wait(1 / rate_hz)
    assert answered > 10
    # a queue would make the last answers seconds older than the first ones
    late = sorted(ages_s[-len(ages_s) // 3 :])
    assert late[len(late) // 2] < 1.0
    assert memory[-1] - memory[1] < 20e6
    status = probe.diagnostics(NODE, lambda s: s.count("dropped") > pictures // 2)
    assert status.count("processed") + status.count("dropped") <= status.count("received") + 1
    assert float(status.values["latency_p50_ms"]) < 1000


def test_an_end_in_the_middle_of_an_image_is_no_failure(probe, start, scripted, monkeypatch):
    monkeypatch.setattr("helpers.detectors.create_slow", lambda device: ScriptedDetector(delay_s=PATIENCE_S))
    local = start(FaceDetector, parameters={"model": "slow"})
    probe.wait_for_state(NODE, "active")
    publisher = probe.publisher()
    statistics = local.node.channels[0].stream.statistics
    probe.send_until(publisher, image(picture()), lambda: statistics.input_rate.hz() > 0, "an arrival")
    assert probe.change_state(NODE, "deactivate")
    assert probe.change_state(NODE, "cleanup")
    assert statistics.processed == 0
    assert sum(statistics.rejected.values()) == 0
    assert probe.logs("skipped") == []
