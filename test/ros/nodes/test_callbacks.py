# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""No exception of a callback ends a node: every callback of every node is inside the one wrapper."""

import importlib
import pkgutil

import pytest
from helpers.detectors import picture
from helpers.ros_tools import image
from std_msgs.msg import String
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from face_detect_ros.ros import nodes
from face_detect_ros.ros.nodes.detector import DetectorNode
from face_detect_ros.ros.nodes.face_detector import FaceDetector
from face_detect_ros.ros.nodes.lifecycle import GUARDED, PerceptionNode

# rclpy's own, which it creates past the node's methods, and which run no code of this package
OF_RCLPY = {"get_state", "get_available_states", "get_available_transitions", "get_transition_graph"}
OF_RCLPY |= {"get_type_description"}

EVERYTHING = {
    "FaceDetector": {
        "model": "quick",
        "recognize": True,
        "cameras": "front, left",
        "zones": "door: 0,0 1,0 1,1",
        "select": "face",
    },
    "ObjectDetector": {"model": "scripted", "cameras": "front, left", "zones": "door: 0,0 1,0 1,1"},
    "VideoSource": {"source": "sample:astronaut"},
    "Viewer": {"port": 0, "cameras": "front, left"},
}


def node_classes():
    found = {}
    for module in pkgutil.iter_modules(nodes.__path__):
        for value in vars(importlib.import_module(f"{nodes.__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, PerceptionNode):
                found[value.__name__] = value
    return {name: kind for name, kind in found.items() if kind not in (PerceptionNode, DetectorNode)}


@pytest.mark.parametrize("kind", node_classes().values(), ids=lambda kind: kind.__name__)
def test_every_callback_of_every_node_is_guarded(probe, start, scripted, objects, tmp_path, kind):
    objects("scripted")
    parameters = EVERYTHING[kind.__name__]  # a new node needs a line there
    if "recognize" in parameters:
        parameters = {**parameters, "gallery": str(tmp_path / "gallery.sqlite3")}
    local = start(kind, parameters=parameters)
    probe.wait_for_state(local.name, "active")
    probe.diagnostics(local.name, lambda status: status.values.get("state") == "active")
    node = local.node
    services = [s for s in node.services if s.srv_name.rpartition("/")[2] not in OF_RCLPY]
    names = [s.srv_name.rpartition("/")[2] for s in services]
    assert {"change_state", "set_parameters"} <= set(names)
    callbacks = {f"service {s.srv_name}": s.callback for s in services}
    callbacks |= {f"subscription {s.topic_name}": s.callback for s in node.subscriptions}
    callbacks |= {f"timer {number}": t.callback for number, t in enumerate(node.timers)}
    assert len(callbacks) > len(services)
    assert [what for what, callback in callbacks.items() if not hasattr(callback, GUARDED)] == []
    for subscription in node.subscriptions:
        subscription.callback(object())  # nonsense that no message class could be
    assert probe.state(local.name) == "active"


@pytest.fixture
def fragile(probe, start, scripted):
    local = start(FaceDetector, parameters={"model": "quick", "recognize": False})
    probe.wait_for_state(local.name, "active")
    return local


def fail(*_):
    raise ZeroDivisionError("a bug")


async def fail_later(*_):
    raise ZeroDivisionError("a bug")


@pytest.mark.parametrize("callback", [fail, fail_later], ids=["plain", "coroutine"])
def test_a_bug_in_a_service_is_a_failed_answer_a_log_line_and_a_diagnostic(probe, fragile, callback):
    fragile.node.create_service(Trigger, "~/broken", callback)
    answer = probe.call(Trigger, "/face_detector/broken", Trigger.Request())
    assert (answer.success, answer.message) == (False, "ZeroDivisionError: a bug")
    assert "ZeroDivisionError" in probe.wait_for_log("broken failed")
    status = probe.diagnostics("/face_detector", lambda s: "a bug" in s.message)
    assert status.values["failed_callbacks"] == "1"
    assert status.values["state"] == "active"


def test_a_bug_in_a_subscription_or_a_timer_ends_nothing(probe, fragile):
    node = fragile.node
    node.create_subscription(String, "broken", fail, 10)
    node.create_timer(0.02, fail, clock=node.steady)
    probe.publisher("/broken", String).publish(String(data="x"))
    probe.diagnostics("/face_detector", lambda s: int(s.values.get("failed_callbacks", 0)) > 3)
    seen = probe.collect("/face_detector/detections", Detection2DArray)
    camera = probe.publisher()
    probe.send_until(camera, image(picture()), lambda: len(seen) > 0, "a result")


@pytest.mark.parametrize("method", ["once_a_second", "health"])
def test_a_bug_in_what_diagnostics_ask_is_told_there(probe, fragile, monkeypatch, method):
    monkeypatch.setattr(fragile.node, method, fail)
    status = probe.diagnostics("/face_detector", lambda s: "a bug" in s.message)
    assert status.values["state"] == "active"


def test_a_bug_in_checking_a_parameter_refuses_the_change(probe, fragile, monkeypatch):
    monkeypatch.setattr(fragile.node._parameters_of_node, "_on_change", fail)
    ((successful, reason),) = probe.set_parameters("/face_detector", max_detections=5)
    assert (successful, reason) == (False, "ZeroDivisionError: a bug")
    assert probe.get_parameters("/face_detector", "max_detections") != [5]
