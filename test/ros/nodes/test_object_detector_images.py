# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images that the object detector publishes: attention, and what privacy leaves of them."""

import numpy as np
import pytest
from helpers.objects import LABELS, AttentiveNetwork, ScriptedNetwork
from helpers.ros_tools import astronaut, faceless, image, stamp_ns, wait_until
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray
from visualization_msgs.msg import Marker, MarkerArray

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.ros.messages.images import decode_image
from face_detect_ros.ros.nodes.object_detector import ObjectDetector
from face_detect_ros.ros.outputs import attention
from face_detect_ros.ros.outputs.attention import chosen

NODE = "/object_detector"
ATTENTION = f"{NODE}/attention"
SIZE = (256, 256)
# of `helpers.objects.SEEN`, in pixels of an image of that size
PERSON, DOG, OTHER_PERSON = (26, 26, 102, 230), (128, 128, 230, 230), (154, 26, 205, 102)


class Camera:
    def __init__(self, probe):
        self.stamp_ns = 0
        self._probe = probe
        self.detections = probe.collect(f"{NODE}/detections", Detection2DArray)
        self._publisher = probe.publisher()

    def show_until(self, condition, what, array=None):
        """Publish images, each with a new stamp, until `condition()`, which is given back."""

        def attempt():
            self.stamp_ns += 100_000_000
            sent = image(faceless(*SIZE) if array is None else array, self.stamp_ns, "eye")
            answered = lambda: self.stamp_ns in map(stamp, list(self.detections.messages))  # noqa: E731
            self._probe.send_until(self._publisher, sent, answered, "its detections", period_s=2.0)
            return condition()

        return wait_until(attempt, what)


def stamp(message):
    return stamp_ns(message.header)


@pytest.fixture
def unhurried(monkeypatch):
    """Heat maps may take all the time there is."""
    monkeypatch.setattr(attention, "LARGEST_SHARE", 1.0)


def watch(probe, start, objects, network=None, topic=ATTENTION, **parameters):
    """A node with that network, a camera, and what comes on the topic."""
    network = objects("scripted", network or AttentiveNetwork())
    # tracks have ids from their first image on
    start(ObjectDetector, parameters={"model": "scripted", "min_hits": 1, **parameters})
    seen = probe.collect(topic, Image)
    camera = Camera(probe)
    wait_until(lambda: seen.subscription.get_publisher_count(), "the publisher")
    return network, camera, seen


def inside(box, array):
    left, top, right, bottom = box
    return array[top:bottom, left:right]


# attention


def test_the_attention_of_the_best_detection_lies_over_the_image(probe, start, objects, unhurried):
    network, camera, seen = watch(probe, start, objects)
    message = camera.show_until(lambda: seen.messages and seen.messages[0], "an attention image")
    assert (message.header.frame_id, message.encoding) == ("eye", "rgb8")
    assert stamp(message) in map(stamp, camera.detections.messages)
    shown, sent = decode_image(message), faceless(*SIZE)
    assert shown.shape == sent.shape
    # the greatest attention is red; the box is drawn; what counted for nothing is as it was
    red, green, blue = np.median(inside((40, 60, 90, 200), shown), axis=(0, 1))
    assert red > 1.3 * max(green, blue)
    assert (shown[150:200, 20:31] != sent[150:200, 20:31]).any()
    assert (shown[128:, 128:] == sent[128:, 128:]).all()
    assert np.allclose(network.asked[0], np.array(PERSON) / 4, atol=0.2)


@pytest.mark.parametrize(
    ("of", "box"),
    [("dog", DOG), ("person", PERSON), ("#2", DOG), ("3", OTHER_PERSON)],
    ids=["class", "best_of_a_class", "track", "another_track"],
)
def test_attention_of_a_chosen_detection(probe, start, objects, unhurried, of, box):
    network, camera, seen = watch(probe, start, objects, attention_of=of)
    camera.show_until(lambda: seen.messages, "an attention image")
    assert np.allclose(network.asked[-1], np.array(box) / 4, atol=0.2)


def test_the_choice_changes_while_it_runs(probe, start, objects, unhurried):
    network, camera, seen = watch(probe, start, objects)
    camera.show_until(lambda: seen.messages, "an attention image")
    assert probe.set_parameters(NODE, attention_of="dog") == [(True, "")]
    camera.show_until(lambda: np.allclose(network.asked[-1], np.array(DOG) / 4, atol=0.2), "the dog")


def test_the_image_comes_without_a_heat_map_where_the_chosen_one_is_not_there(
    probe, start, objects, unhurried
):
    network, camera, seen = watch(probe, start, objects, attention_of="traffic light")
    message = camera.show_until(lambda: seen.messages and seen.messages[0], "an image")
    assert (decode_image(message) == faceless(*SIZE)).all()
    assert network.asked == []


def test_attention_costs_nothing_while_nobody_watches(probe, start, objects, unhurried):
    network, camera, seen = watch(probe, start, objects)
    camera.show_until(lambda: seen.messages, "an attention image")
    probe.drop(seen)
    probe.diagnostics(NODE, lambda s: s.values.get("attention") == "nobody watches")
    asked = len(network.asked)
    for _ in range(5):
        camera.show_until(lambda: True, "detections")
    assert len(network.asked) == asked


def test_after_a_heat_map_detections_go_first(probe, start, objects, monkeypatch):
    monkeypatch.setattr(attention, "LARGEST_SHARE", 1e-6)
    network, camera, seen = watch(probe, start, objects)
    camera.show_until(lambda: seen.messages, "an attention image")
    for _ in range(5):
        camera.show_until(lambda: True, "detections")
    assert len(network.asked) == 1


@pytest.mark.parametrize(
    ("periods_s", "dead_after_s"),
    [
        ({"": 0.02}, {}),
        (dict.fromkeys("abcdefgh", 0.02), {}),
        ({"a": 0.02, "b": 1.0}, {}),
        ({"a": 5.0, "b": 5.0}, {}),
        ({"a": 0.02, "b": 0.02}, {"b": 30.0}),
    ],
    ids=["one camera", "eight cameras", "a slow one", "a slow network", "one that dies"],
)
def test_heat_maps_of_all_cameras_share_a_quarter_of_the_time(periods_s, dead_after_s):
    turns, took_s, now_s = attention.Turns(), 0.25, 0.0
    next_s, maps = dict.fromkeys(periods_s, 0.0), dict.fromkeys(periods_s, 0)
    while now_s < 200:
        for camera, period_s in periods_s.items():
            if next_s[camera] <= now_s < dead_after_s.get(camera, 200):
                next_s[camera] = now_s + period_s
                if turns.has(camera, now_s):
                    turns.took(camera, now_s, now_s + took_s)
                    now_s += took_s
                    maps[camera] += 1
        now_s += 0.02
    assert sum(maps.values()) * took_s <= 0.26 * 200
    if dead_after_s:
        assert maps["a"] > 6 * maps["b"] > 60
    else:
        assert max(maps.values()) - min(maps.values()) <= 2
        assert sum(maps.values()) > (35 if min(periods_s.values()) > 1 else 90)


@pytest.mark.parametrize("took_s", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("period_s", [2.04, 2.5, 10.0])
def test_a_slow_camera_beside_a_fast_one_gets_its_heat_maps(period_s, took_s):
    turns, maps, free_s = attention.Turns(), {"fast": 0, "slow": 0}, 0.0
    asks = [(number / 30, "fast") for number in range(300 * 30)]
    asks += [(1.7 + number * period_s, "slow") for number in range(int(290 / period_s))]
    for asked_s, camera in sorted(asks):
        now_s = max(asked_s, free_s)
        if turns.has(camera, now_s):
            free_s = now_s + took_s
            turns.took(camera, now_s, free_s)
            maps[camera] += 1
    at_most = 300 / (4 * took_s)
    assert maps["slow"] >= min(0.9 * 290 / period_s, 0.25 * at_most)
    assert maps["fast"] >= 0.25 * at_most, "it waits for nothing"


def test_after_a_heat_map_of_one_camera_the_detections_of_all_go_first(probe, start, objects, monkeypatch):
    monkeypatch.setattr(attention, "LARGEST_SHARE", 1e-6)
    network = objects("scripted", AttentiveNetwork())
    start(ObjectDetector, parameters={"model": "scripted", "cameras": "front, left"})
    for name in ("front", "left"):
        topic, images = f"{NODE}/{name}/detections", f"/{name}/image_raw"
        seen = probe.collect(f"{NODE}/{name}/attention", Image)
        found, publisher = probe.collect(topic, Detection2DArray), probe.publisher(images)
        wait_until(lambda seen=seen: seen.subscription.get_publisher_count(), "the publisher")
        for number in range(1, 4):
            sent = image(faceless(*SIZE), number * 100_000_000, "eye")
            answered = lambda found=found, number=number: len(found.messages) >= number  # noqa: E731
            probe.send_until(publisher, sent, answered, "its detections", period_s=2.0)
    assert len(network.asked) == 1


def test_a_model_without_attention_says_so_once_to_those_who_watch(probe, start, objects):
    _, camera, seen = watch(probe, start, objects, ScriptedNetwork())
    warning = probe.wait_for_log("has no heat maps")
    assert f"{ATTENTION} stays silent: model scripted" in warning
    for _ in range(3):
        camera.show_until(lambda: True, "detections")
    status = probe.diagnostics(NODE, lambda s: s.count("processed") >= 3)
    assert (status.ok, status.values["attention"]) == (True, "none in this model")
    assert len(seen) == 0
    assert len(probe.logs("has no heat maps")) == 1


def test_nobody_is_warned_while_nobody_watches(probe, start, objects):
    objects("scripted")
    start(ObjectDetector, parameters={"model": "scripted"})
    probe.diagnostics(NODE, lambda s: s.values.get("attention") == "none in this model")
    assert probe.logs("attention") == []


def test_attention_that_fails_is_told_once_and_detections_go_on(probe, start, objects, unhurried):
    network, camera, _ = watch(probe, start, objects, AttentiveNetwork(fails=True))
    camera.show_until(lambda: len(network.asked) >= 3, "three attempts")
    assert "out of memory" in probe.wait_for_log(f"no image on {ATTENTION}").lower()
    assert len(probe.logs("no image on")) == 1
    status = probe.diagnostics(NODE, lambda s: s.values.get("attention", "").startswith("failed: "))
    assert (status.ok, status.count("rejected")) == (True, 0)
    network.fails = False
    camera.show_until(
        lambda: probe.diagnostics(NODE, lambda s: s.values.get("attention") == "watched"), "success"
    )


def detr(folder):
    from helpers.detr_models import save

    return f"detr:{save(folder, 'rt_detr_v2')}"


def yolov9(folder):
    from helpers.yolov9_files import network

    from face_detect_ros.zoo.yolov9 import weights as yolov9_weights

    path = folder / "small.safetensors"
    model = network(self_attention=True, cross_attention=True)
    yolov9_weights.save(path, model, LABELS, input_size=64, source="random numbers")
    return f"yolov9-attn:{path}"


@pytest.mark.parametrize("make", [detr, yolov9])
def test_networks_with_attention_show_it(probe, start, tmp_path, unhurried, make):
    model = make(tmp_path)
    start(ObjectDetector, parameters={"model": model, "score_threshold": 0.0, "precision": "float32"})
    seen = probe.collect(ATTENTION, Image)
    camera = Camera(probe)
    wait_until(lambda: seen.subscription.get_publisher_count(), "the publisher")
    message = camera.show_until(lambda: seen.messages and seen.messages[-1], "an attention image")
    changed = (decode_image(message) != faceless(*SIZE)).any(axis=2)
    assert changed.mean() > 0.01
    assert probe.diagnostics(NODE, lambda s: s.values.get("attention") == "watched").ok
    assert probe.logs("no image on") == []


FOUND = Detections(np.zeros((3, 4)), [0.9, 0.8, 0.7], [0, 1, 1], track_ids=[4, 5, 7])


@pytest.mark.parametrize(
    ("of", "index"),
    [("", 0), ("dog", 1), ("dog, person", 0), ("#7", 2), ("7", 2), ("#6", None), ("traffic light", None)],
)
def test_which_detection_is_chosen(of, index):
    assert chosen(FOUND, LABELS, of) == index
    assert chosen(Detections.empty(), LABELS, of) is None


def test_a_class_may_be_called_like_a_number():
    assert chosen(FOUND, ("4", "7"), "7") == 1
    with pytest.raises(ConfigError, match="class 'cat' is unknown"):
        chosen(FOUND, LABELS, "cat")


# privacy


@pytest.mark.parametrize("topic", ["attention", "image_annotated"])
def test_under_privacy_no_pixel_of_the_image_is_published(probe, start, objects, unhurried, topic):
    """What it publishes of a face and of a gradient is the same: it does not depend on what the camera saw."""
    _, camera, seen = watch(probe, start, objects, topic=f"{NODE}/{topic}", privacy=True, classes="dog")
    shown = []
    for sent in (astronaut()[:256, 100:356], faceless(*SIZE)):
        del seen.messages[:]
        count = lambda: len(seen.messages) > 1 and seen.messages[-1]  # noqa: E731 - the first may be older
        shown.append(decode_image(camera.show_until(count, "an image", sent)))
    assert (shown[0] == shown[1]).all()
    assert shown[0].any(), "the dog is drawn"
    assert not shown[0][:100].any(), "nothing else is"
    probe.wait_for_log("privacy: image_annotated and attention are drawn on black")


def test_without_privacy_images_are_images(probe, start, objects):
    _, camera, seen = watch(probe, start, objects, topic=f"{NODE}/image_annotated", classes="dog")
    message = camera.show_until(lambda: seen.messages and seen.messages[-1], "an image")
    assert (decode_image(message)[:100] == faceless(*SIZE)[:100]).all()


# masks and keypoints


@pytest.fixture
def blue():
    array = np.zeros((64, 64, 3), np.uint8)
    array[32:48, 16:32] = (0, 0, 255)
    return array


def other_topics(probe, start, tmp_path, case):
    onnx_masks = pytest.importorskip("helpers.onnx_masks", reason="onnx is not installed")
    pytest.importorskip("onnxruntime")
    model = f"onnx:{onnx_masks.made(case, tmp_path / 'model.onnx')}"
    start(ObjectDetector, parameters={"model": model, "min_hits": 1, "score_threshold": 0.6})
    masks, keypoints = probe.collect(f"{NODE}/masks", Image), probe.collect(f"{NODE}/keypoints", MarkerArray)
    camera = Camera(probe)
    wait_until(lambda: masks.subscription.get_publisher_count(), "the publisher")
    return camera, masks, keypoints


def test_masks_number_the_detections(probe, start, tmp_path, blue):
    camera, masks, keypoints = other_topics(probe, start, tmp_path, "yolo_end2end_masks")
    message = camera.show_until(lambda: masks.messages and masks.messages[-1], "masks", blue)
    assert (message.encoding, message.width, message.height, message.step) == ("mono16", 64, 64, 128)
    assert message.header.frame_id == "eye"
    numbers = np.frombuffer(bytes(message.data), "<u2").reshape(64, 64)
    assert (numbers[33:47, 17:31] == 1).all()
    assert numbers.sum() == (numbers == 1).sum() <= 16 * 16
    assert stamp(message) in map(stamp, camera.detections.messages)
    probe.wait_for_log("keypoints stays silent: the model gives no keypoints; use a pose model")
    assert len(keypoints) == 0


def test_keypoints_are_dots_in_front_of_the_camera(probe, start, tmp_path, blue):
    camera, masks, keypoints = other_topics(probe, start, tmp_path, "yolo_end2end_keypoints")
    message = camera.show_until(lambda: keypoints.messages and keypoints.messages[-1], "keypoints", blue)
    (marker,) = message.markers
    assert (marker.type, marker.ns) == (Marker.SPHERE_LIST, "blue_keypoints")
    (point,) = marker.points  # the other one is a guess
    assert point.z == pytest.approx(1.0)
    assert point.x < 0 < point.y  # (24, 40) of 64
    assert len(masks) == 0
