# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pages that stay open while nodes change their states, end and start."""

import json

import pytest
from helpers.ros_tools import faceless, image, wait_until
from websockets.sync.client import connect

from face_detect_ros.ros.nodes.viewer import Viewer


@pytest.fixture
def viewer(start):
    """An active viewer."""
    node = start(Viewer).node
    wait_until(lambda: node.active, "the viewer to be active")
    return node


@pytest.fixture
def page(viewer):
    """Looks at the camera: a connection that images come on."""
    url = viewer.health().values["page"]
    with connect(f"{url.replace('http', 'ws')}live", max_size=None) as page:
        page.send(json.dumps({"type": "watch", "camera": ""}))
        yield page


def test_an_open_page_goes_on_after_deactivate_and_activate(probe, page):
    publisher = probe.publisher()
    assert probe.change_state("/viewer", "deactivate")
    wait_until(lambda: publisher.get_subscription_count() == 0, "the end of the subscription")
    assert probe.change_state("/viewer", "activate")
    wait_until(lambda: publisher.get_subscription_count() == 1, "a subscription")
    publisher.publish(image(faceless(12, 16)))
    while not isinstance(page.recv(60.0), bytes):
        pass


def test_an_open_page_may_come_back_after_cleanup_and_configure(probe, start):
    viewer = start(Viewer, parameters={"host": "0.0.0.0"}).node
    probe.wait_for_state("/viewer", "active")
    address = viewer._server.url
    assert "token=" in address
    for verb in ("deactivate", "cleanup", "configure"):
        assert probe.change_state("/viewer", verb)
    assert viewer._server.url == address
