# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Foxglove and Lichtblick, where foxglove-sdk is installed: as their protocol sees it."""

import json
import socket
import struct

import numpy as np
import pytest
from websockets.sync.client import connect

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.web.foxglove import FoxgloveServer
from face_detect_ros.web.options import ServerOptions
from face_detect_ros.web.scene import Box

pytest.importorskip("foxglove", reason="foxglove-sdk is not installed")


@pytest.fixture
def server():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = FoxgloveServer(ServerOptions(port=port))
    yield running
    running.close()


def test_images_annotations_and_figures_arrive(server):
    image = np.zeros((48, 64, 3), np.uint8)
    boxes = [Box((1, 2, 30, 40), "face", 0.9, "3", "Ada")]
    seen = {}
    with connect(server.url, subprotocols=["foxglove.sdk.v1"], max_size=None) as client:
        for number in range(1, 30):
            server.show(image, number, {"face_detector": boxes})
            server.plot("face_detector", {"network_ms": 3.5})
            message = client.recv(20)
            if isinstance(message, bytes):
                (channel,) = struct.unpack_from("<I", message, 1)
                topic = seen[channel]
                if topic == "/face_detector/annotations":
                    assert b"Ada 0.90 #3" in message
                elif topic == "/face_detector/figures":
                    assert json.loads(message[13:]) == {"network_ms": 3.5}
                continue
            content = json.loads(message)
            if content["op"] == "advertise":
                seen |= {channel["id"]: channel["topic"] for channel in content["channels"]}
                wanted = [{"id": each["id"], "channelId": each["id"]} for each in content["channels"]]
                client.send(json.dumps({"op": "subscribe", "subscriptions": wanted}))
    assert set(seen.values()) == {"/image", "/face_detector/annotations", "/face_detector/figures"}


def test_it_serves_this_computer_only():
    with pytest.raises(ConfigError, match="ssh -L"):
        FoxgloveServer(ServerOptions(host="0.0.0.0"))
