# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Foxglove and Lichtblick, where foxglove-sdk is installed: as a client of their protocol sees it."""

import base64
import json
import struct

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from helpers.looks import free_port, look
from websockets.sync.client import connect

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.web.foxglove import FoxgloveServer
from face_detect_ros.web.options import ServerOptions

pytest.importorskip("foxglove", reason="foxglove-sdk is not installed")

FLAT = {"/image", "/face_detector/annotations", "/face_detector/figures"}
SPACE = {"/depth", "/calibration", "/tf", "/face_detector/boxes"}


@pytest.fixture
def server():
    running = FoxgloveServer(ServerOptions(port=free_port()))
    yield running
    running.close()


def received(server, topics, *, depth):
    """Topic -> latest message of it, read with the schema that the server announces; ends when all have come."""
    channels, found = {}, {}
    with connect(server.url, subprotocols=["foxglove.sdk.v1"], max_size=None, close_timeout=0.1) as client:
        number = 0
        while set(found) != topics:
            number += 1
            server.show(look(number, depth=depth))
            server.plot("face_detector", {"network_ms": 3.5}, number)
            message = client.recv(20)
            if isinstance(message, bytes):
                if message[0] == 1:
                    channel = channels[struct.unpack_from("<I", message, 1)[0]]
                    found[channel["topic"]] = decoded(channel, message[13:])
            elif (content := json.loads(message))["op"] == "advertise":
                channels |= {channel["id"]: channel for channel in content["channels"]}
                wanted = [{"id": each["id"], "channelId": each["id"]} for each in content["channels"]]
                client.send(json.dumps({"op": "subscribe", "subscriptions": wanted}))
    return found


def decoded(channel, data):
    if channel["encoding"] == "json":
        return json.loads(data)
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString(base64.b64decode(channel["schema"]))
    for file in files.file:
        pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(channel["schemaName"]))
    return kind.FromString(data)


def test_images_annotations_and_figures_arrive(server):
    found = received(server, FLAT, depth=False)
    assert found["/image"].data.startswith(b"\xff\xd8")
    annotations = found["/face_detector/annotations"]
    assert [text.text for text in annotations.texts] == ["Ada 0.90 #3 2.5 m", "face 0.40"]
    assert [(point.x, point.y) for point in annotations.points[0].points][:2] == [(1, 2), (30, 2)]
    assert found["/face_detector/figures"] == {"network_ms": 3.5}


def test_boxes_in_space_arrive_with_depth_and_camera(server):
    found = received(server, FLAT | SPACE, depth=True)
    boxes = found["/face_detector/boxes"]
    (entity,) = boxes.entities  # of the other one nobody knows where it is
    (cube,), (text,) = entity.cubes, entity.texts
    assert (entity.id, entity.frame_id, text.text) == ("3", "camera", "Ada 0.90 #3 2.5 m")
    place, size = cube.pose.position, cube.size
    assert (place.x, place.y, place.z, size.x, size.y, size.z) == (0.25, -0.5, 2.5, 0.2, 0.3, 0.1)
    assert len(boxes.deletions) == 1  # of those before
    depth = found["/depth"]
    assert (depth.encoding, depth.width, depth.height) == ("32FC1", 32, 24)
    assert struct.unpack_from("<f", depth.data) == (2.5,)
    assert list(found["/calibration"].K)[:3] == [60, 0, 32]
    assert (found["/tf"].parent_frame_id, found["/tf"].child_frame_id) == ("world", "camera")


def test_it_serves_this_computer_only():
    with pytest.raises(ConfigError, match="ssh -L"):
        FoxgloveServer(ServerOptions(host="0.0.0.0"))
