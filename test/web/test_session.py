# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Browsers over the WebSocket: each gets the newest image when it has shown the last one."""

import contextlib
import json
import logging
import socket
import struct
import time

import numpy as np
import pytest
from helpers.ros_tools import wait_until
from helpers.web_robot import HEIGHT, WIDTH, WebRobot, served
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.images.compressed import decode_compressed
from face_detect_ros.web import app, jpeg, server, session
from face_detect_ros.web.options import ServerOptions
from face_detect_ros.web.robot import View
from face_detect_ros.web.server import PageServer


class Browser:
    """What the page's script does."""

    def __init__(self, socket):
        self.socket = socket

    def send(self, **message):
        self.socket.send(json.dumps(message))

    def image(self, timeout_s=20.0):
        """(description, pixels) of the next image."""
        while True:
            data = self.socket.recv(timeout_s)
            if isinstance(data, bytes):
                (length,) = struct.unpack_from("<I", data)
                return json.loads(data[4 : 4 + length]), decode_compressed(data[4 + length :])

    def end(self):
        """How the server closes the connection, which it must."""
        try:
            while True:
                self.socket.recv(20)
        except ConnectionClosed as closed:
            return closed.rcvd

    def shown(self, number):
        self.send(type="shown", number=number)


@contextlib.contextmanager
def browsing(url, count=1, **watch):
    with contextlib.ExitStack() as opened:
        address = url.replace("http", "ws") + "live"
        browsers = [Browser(opened.enter_context(connect(address, max_size=None))) for _ in range(count)]
        for browser in browsers:
            browser.send(type="watch", camera="", **watch)
        yield browsers


@pytest.fixture
def robot():
    return WebRobot()


@pytest.fixture
def url(robot):
    with served(robot, max_rate_hz=100.0) as url:
        yield url


def test_an_image_comes_with_its_boxes(robot, url):
    stamp_ns = robot.show()
    x, y = robot.place()
    with browsing(url) as [browser]:
        about, pixels = browser.image()
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert (about["width"], about["height"], about["stamp_ns"]) == (WIDTH, HEIGHT, str(stamp_ns))
    face = about["found"]["face_detector"][0]
    assert face == {
        "box": [x, y, x + 60, y + 60], "label": "face", "score": 0.9, "track": "7", "distance_m": 1.5
    }  # fmt: skip
    assert pixels[y + 30, x + 30].mean() > 180 > pixels[5, 5].mean()


def test_the_next_image_comes_only_when_the_last_was_shown_and_is_the_newest(robot, url):
    robot.show()
    with browsing(url) as [browser]:
        first, _ = browser.image()
        for _ in range(5):
            robot.show()
        with pytest.raises(TimeoutError):
            browser.image(0.3)
        browser.shown(first["number"])
        assert browser.image()[0]["number"] == robot.number


def test_a_stalled_browser_stops_nobody_and_images_are_encoded_once(robot, url, monkeypatch):
    encoded = []
    monkeypatch.setattr(
        jpeg.JpegCache, "_encode", spying(jpeg.JpegCache._encode, lambda _, shot: encoded.append(shot.number))
    )
    robot.show()
    with browsing(url, 10) as [stalled, *others]:
        stalled.image()
        for browser in others:
            browser.shown(browser.image()[0]["number"])
        for _ in range(20):
            robot.show()
            for browser in others:
                about, _ = browser.image()
                assert about["number"] == robot.number
                browser.shown(about["number"])
        with pytest.raises(TimeoutError):
            stalled.image(0.1)
    assert encoded == list(range(1, 22))


def test_a_browser_that_stops_reading_is_dropped(robot, monkeypatch, caplog):
    monkeypatch.setattr(session, "PATIENCE_S", 0.3)
    monkeypatch.setattr(session, "CLOSE_S", 0.1)
    monkeypatch.setattr(server, "STALLED_S", 1.0)
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    robot.scene.add_image("", "camera", LazyFrame(time.time_ns(), "camera", lambda: noise))
    page = PageServer(robot, ServerOptions())
    # a slow link: the image does not fit into the buffers of the two
    page._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    with contextlib.closing(page), socket.socket() as asleep, caplog.at_level(logging.WARNING):
        asleep.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asleep.connect(page._socket.getsockname())
        asleep.sendall(UPGRADE % page._socket.getsockname()[1])
        assert asleep.recv(1000).startswith(b"HTTP/1.1 101")
        asleep.sendall(WATCH)
        wait_until(lambda: robot.watched, "the view", 20)
        wait_until(lambda: not robot.watched, "the end of the session", 20)
        wait_until(lambda: not page._server.server_state.connections, "the end of the connection", 20)
    assert not caplog.records


UPGRADE = (
    b"GET /live HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
# a masked text of 31 bytes
WATCH = b'\x81\x9f\0\0\0\0{"type": "watch", "camera": ""}'


def spying(function, tell):
    def call(*arguments):
        tell(*arguments)
        return function(*arguments)

    return call


def test_only_the_boxes_are_sent_again_for_the_same_image(robot, url):
    robot.show()
    with browsing(url) as [browser]:
        about, _ = browser.image()
        browser.shown(about["number"])
        robot.scene.set_selected("", "face_detector 7")
        while (message := json.loads(browser.socket.recv(20)))["type"] != "boxes":
            pass
    assert (message["number"], message["selected"]) == (about["number"], "face_detector 7")


def test_the_robot_is_told_what_is_looked_at(robot, url):
    with browsing(url) as [first]:
        wait_until(lambda: robot.watched == {View("", "camera")}, "the view")
        with browsing(url, view="anonymized"):
            wait_until(lambda: robot.watched == {View("", "camera"), View("", "anonymized")}, "both")
        wait_until(lambda: robot.watched == {View("", "camera")}, "the view")
        first.send(type="watch", camera="", paused=True)
        wait_until(lambda: not robot.watched, "a pause")


def test_a_view_that_is_not_offered_is_not_watched(robot, url):
    robot.cameras = {"": ["anonymized"]}
    with browsing(url), browsing(url, view="anonymized"):
        wait_until(lambda: robot.watched == {View("", "anonymized")}, "the view")


def test_a_view_that_is_offered_later_is_watched_then(robot, url):
    robot.cameras = {"": ["anonymized"]}
    with browsing(url) as [browser]:
        browser.send(type="shown", number=0)
        assert not robot.watched
        robot.cameras = {"": ["camera"]}
        robot.report()
        wait_until(lambda: robot.watched == {View("", "camera")}, "the view")


def test_a_view_that_is_no_longer_allowed_is_not_shown(robot, url):
    robot.show()
    with browsing(url) as [browser]:
        about, _ = browser.image()
        robot.cameras = {"": ["anonymized"]}
        browser.shown(about["number"])
        robot.show()
        with pytest.raises(TimeoutError):
            browser.image(0.3)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        '{"type": "watch", "camera": 5}',
        '{"type": "shown", "number": "x"}',
        '{"type": "shown", "number": 1e999}',
        b"bytes",
        "[" * 4000,
    ],
)
def test_nonsense_ends_the_connection_and_nothing_else(robot, url, message, caplog):
    with browsing(url) as [browser]:
        browser.socket.send(message)
        assert browser.end() is not None
    assert not caplog.records
    robot.show()
    with browsing(url) as [browser]:
        browser.image()


def test_too_many_browsers_are_refused(robot, url, monkeypatch):
    monkeypatch.setattr(app, "MOST_BROWSERS", 2)
    robot.show()
    with browsing(url, 2) as [first, _]:
        first.image()
        with connect(url.replace("http", "ws") + "live") as third:
            assert Browser(third).end().code == 1013


def test_an_image_that_cannot_be_decoded_is_left_out(robot, url):
    from face_detect_ros.core.errors import ImageError

    def fail():
        raise ImageError("size", "too large")

    with browsing(url) as [browser]:
        robot.scene.add_image("", "camera", LazyFrame(1, "camera", fail))
        robot.show()
        assert browser.image()[0]["number"] == 2
