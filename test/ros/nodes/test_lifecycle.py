# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Managed nodes while their weights load: they go on answering, and the outcome is always told."""

import functools
import threading
import time

import pytest
from helpers.detectors import ScriptedDetector, picture
from helpers.ros_tools import image, stamp_ns
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters
from vision_msgs.msg import Detection2DArray

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.ros.nodes import lifecycle
from face_detect_ros.ros.nodes.face_detector import FaceDetector

NODE = "/face_detector"
MANAGER_TIMEOUT_S = 5.0
LATER_NS = 1_800_000_000_000_000_000


@pytest.fixture
def loads(monkeypatch, scripted):
    """`loads(make)`: the model "slow" is what `make()` returns, in the thread that loads."""

    def loads(make):
        monkeypatch.setattr("helpers.detectors.create_slow", lambda device: make())

    return loads


def configure(probe, timeout_s=MANAGER_TIMEOUT_S):
    transition = Transition(id=Transition.TRANSITION_CONFIGURE)
    return probe.call(
        ChangeState, f"{NODE}/change_state", ChangeState.Request(transition=transition), timeout_s
    ).success


def managed(start, **parameters):
    settings = {"model": "slow", "autostart": False, "recognize": False, **parameters}
    return start(FaceDetector, parameters=settings)


def test_a_manager_with_a_timeout_of_5_s_gets_its_answers_while_a_model_loads_for_10_s(probe, start, loads):
    def make():
        time.sleep(10)
        return ScriptedDetector()

    loads(make)
    local = managed(start)
    began_s = time.monotonic()
    assert configure(probe)
    state = probe.call(GetState, f"{NODE}/get_state", GetState.Request(), MANAGER_TIMEOUT_S)
    assert state.current_state.label == "inactive"
    request = GetParameters.Request(names=["model"])
    values = probe.call(GetParameters, f"{NODE}/get_parameters", request, MANAGER_TIMEOUT_S).values
    assert values[0].string_value == "slow"
    assert probe.diagnostics(NODE, lambda status: status.message == "loading").values["state"] == "inactive"
    assert probe.change_state(NODE, "activate")
    assert local.node.loading
    assert time.monotonic() - began_s < 10  # all of that came while it loaded
    detections = probe.collect(f"{NODE}/detections", Detection2DArray)
    probe.send_until(probe.publisher(), image(picture()), lambda: detections.messages, "detections")


def test_autostart_shows_that_it_configures_and_then_works(probe, start, loads):
    go_on = threading.Event()
    loads(lambda: go_on.wait(30) and ScriptedDetector())
    start(FaceDetector, parameters={"model": "slow", "recognize": False})
    probe.wait_for_state(NODE, "configuring")
    assert probe.diagnostics(NODE).message == "loading"
    assert not probe.change_state(NODE, "activate")
    go_on.set()
    probe.wait_for_state(NODE, "active")


def fail():
    raise WeightsError("model.dat is damaged; install it again")


def bug():
    raise ZeroDivisionError("a bug in the factory")


@pytest.mark.parametrize(("make", "state"), [(fail, "unconfigured"), (bug, "unconfigured")])
def test_weights_that_do_not_load_are_the_answer_of_configure(probe, start, loads, monkeypatch, make, state):
    # the first import of what loads may take longer on a busy machine
    monkeypatch.setattr(lifecycle, "CONFIGURE_PATIENCE_S", 60.0)
    loads(make)
    managed(start)
    assert not configure(probe, timeout_s=60.0)
    probe.wait_for_state(NODE, state)
    assert "cannot configure" in probe.diagnostics(NODE, lambda status: not status.ok).message


@pytest.mark.parametrize("activated", [False, True])
def test_weights_that_fail_after_the_answer_lead_back_to_unconfigured(
    probe, start, loads, monkeypatch, activated
):
    monkeypatch.setattr(lifecycle, "CONFIGURE_PATIENCE_S", 0.2)
    go_on = threading.Event()
    loads(lambda: go_on.wait(30) and fail())
    managed(start)
    assert configure(probe)
    if activated:
        assert probe.change_state(NODE, "activate")
    go_on.set()
    probe.wait_for_state(NODE, "unconfigured")
    status = probe.diagnostics(NODE, lambda status: "damaged" in status.message)
    assert "cannot configure" in status.message


def test_what_is_no_longer_wanted_is_released_when_it_is_loaded(probe, start, loads, monkeypatch):
    monkeypatch.setattr(lifecycle, "CONFIGURE_PATIENCE_S", 0.2)
    monkeypatch.setattr(lifecycle, "STOP_TIMEOUT_S", 0.1)
    go_on, made = threading.Event(), ScriptedDetector()
    loads(lambda: go_on.wait(30) and made)
    local = managed(start)
    assert configure(probe)
    assert probe.change_state(NODE, "cleanup")
    go_on.set()
    assert made.closed.wait(10)
    assert local.node.pipeline is None


def test_a_failed_activate_leaves_nothing_subscribed(probe, start, loads, monkeypatch):
    loads(ScriptedDetector)
    monkeypatch.setattr(FaceDetector, "announce_labels", lambda self, params: fail())
    managed(start)
    assert configure(probe)
    assert not probe.change_state(NODE, "activate")
    assert probe.state(NODE) == "inactive"
    assert probe.subscriptions_of("/image_raw") == []


def longer_than(messages, count):
    return len(messages) > count


def test_nothing_is_published_after_deactivate_has_answered(probe, start, loads):
    loads(lambda: ScriptedDetector(delay_s=0.05))
    managed(start)
    assert configure(probe)
    detections = probe.collect(f"{NODE}/detections", Detection2DArray)
    publisher = None
    for _ in range(3):
        assert probe.change_state(NODE, "activate")
        publisher = publisher or probe.publisher()
        count = len(detections)
        probe.send_until(
            publisher,
            image(picture()),
            functools.partial(longer_than, detections, count),
            "a result",
            period_s=0.01,
        )
        assert probe.change_state(NODE, "deactivate")
        for _ in range(5):
            publisher.publish(image(picture(), LATER_NS))
        time.sleep(0.3)
        assert LATER_NS not in [stamp_ns(message.header) for message in detections.messages]


def test_destroying_a_node_ends_its_threads(probe, scripted):
    from rclpy.executors import SingleThreadedExecutor

    node = FaceDetector(
        context=probe.context,
        parameter_overrides=[],
        cli_args=["--ros-args", "-p", "model:=quick", "-p", "autostart:=false"],
    )
    executor = SingleThreadedExecutor(context=probe.context)
    executor.add_node(node)
    before = threading.active_count()
    node.trigger_configure()
    assert threading.active_count() > before
    node.destroy_node()
    assert threading.active_count() == before
