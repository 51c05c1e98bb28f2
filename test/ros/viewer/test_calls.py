# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Calls of services for the viewer's page."""

import pytest
from std_srvs.srv import Trigger

from face_detect_ros.core.errors import DetectorError
from face_detect_ros.ros.nodes.viewer import Viewer
from face_detect_ros.ros.viewer import calls


@pytest.fixture
def ask(start):
    """`ask(service)`: what a call of it gives, from another thread than the node's."""
    node = start(Viewer, parameters={"autostart": False}).node
    return lambda service: node._calls.run(
        lambda: node._calls.call(Trigger, service, Trigger.Request())
    ).result(60.0)


def test_an_answer_comes_back(probe, ask):
    def answer(_, response):
        response.message = "here"
        return response

    probe.node.create_service(Trigger, "/answering", answer)
    assert ask("/answering").message == "here"


def test_a_service_that_nobody_provides_is_named(ask, monkeypatch):
    monkeypatch.setattr(calls, "DISCOVERY_S", 0.2)
    with pytest.raises(DetectorError, match="/nobody does not answer"):
        ask("/nobody/there")


def test_a_service_that_never_answers_is_given_up(probe, ask, monkeypatch):
    monkeypatch.setattr(calls, "ANSWER_S", 0.3)

    async def silent(_, response):
        await probe.never
        return response

    from rclpy.task import Future

    probe.never = Future()
    probe.node.create_service(Trigger, "/silent", silent)
    with pytest.raises(DetectorError, match="did not answer"):
        ask("/silent")
