# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""V4L2 devices and network cameras."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.sources import MjpegCamera, read_on

from face_detect_ros.core.errors import SourceError
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions


@pytest.mark.parametrize("source", ["/dev/video97", "97"], ids=["path", "number"])
def test_a_missing_camera_says_what_there_is(source: str) -> None:
    with pytest.raises(SourceError, match=r"/dev/video97: no such device; there is .*\. Plug"):
        open_source(SourceOptions(source))


def test_a_camera_without_permission_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "exists", lambda _: True)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SourceError, match="usermod -aG video"):
        open_source(SourceOptions("97"))


def test_a_device_that_is_no_camera_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "exists", lambda _: True)
    monkeypatch.setattr(os, "access", lambda *_: True)
    with pytest.raises(SourceError, match="/dev/video97: not a camera, or in use"):
        open_source(SourceOptions("97"))


class Device:
    """A cv2.VideoCapture for a webcam that knows 640x480 only and is unplugged after three images.

    No test machine has a camera; recordings of calls stand in for what OpenCV would tell the driver.
    """

    def __init__(self, path: str, backend: int) -> None:
        self.opened = (path, backend)
        self.wanted: list[tuple[int, float]] = []
        self.released = False
        self.left = 3

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def set(self, setting: int, value: float) -> bool:
        self.wanted.append((setting, value))
        return True

    def get(self, setting: int) -> float:
        return {cv2.CAP_PROP_FRAME_WIDTH: 640.0, cv2.CAP_PROP_FRAME_HEIGHT: 480.0, cv2.CAP_PROP_FPS: 30.0}[
            setting
        ]

    def grab(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.full((480, 640, 3), (10, 20, 30), np.uint8)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> list[Device]:
    made: list[Device] = []
    monkeypatch.setattr(os.path, "exists", lambda _: True)
    monkeypatch.setattr(os, "access", lambda *_: True)
    monkeypatch.setattr(cv2, "VideoCapture", lambda *a: made.append(Device(*a)) or made[-1])
    return made


def test_a_camera_is_asked_for_mjpeg_first_then_size_and_rate(devices: list[Device]) -> None:
    warnings: list[str] = []
    source = open_source(SourceOptions("3", width=640, height=480, rate_hz=15), warnings.append)
    (device,) = devices
    assert device.opened == ("/dev/video3", cv2.CAP_V4L2)
    settings = [setting for setting, _ in device.wanted]
    assert device.wanted[0] == (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    assert (cv2.CAP_PROP_FPS, 15) in device.wanted
    assert settings.index(cv2.CAP_PROP_FRAME_WIDTH) < settings.index(cv2.CAP_PROP_FPS)
    assert warnings == []
    assert (source.live, source.rate_hz, source.description) == (True, 30.0, "/dev/video3")


def test_a_camera_is_left_alone_where_nothing_is_asked(devices: list[Device]) -> None:
    open_source(SourceOptions("/dev/video3"))
    assert {setting for setting, _ in devices[0].wanted} == {cv2.CAP_PROP_FOURCC, cv2.CAP_PROP_BUFFERSIZE}


def test_a_camera_with_another_size_is_scaled_and_says_so(devices: list[Device]) -> None:
    warnings: list[str] = []
    source = open_source(SourceOptions("3", width=320), warnings.append)
    assert source.read().image.shape == (240, 320, 3)
    assert len(warnings) == 1
    assert "gives 640x480 instead of 320xany" in warnings[0]


def test_images_come_as_rgb_until_the_camera_is_unplugged(devices: list[Device]) -> None:
    source = open_source(SourceOptions("3"))
    for _ in range(3):
        assert source.read().image[0, 0].tolist() == [30, 20, 10]
    with pytest.raises(SourceError, match="no more images come"):
        source.read()
    source.close()
    source.close()
    assert devices[0].released
    assert source.read() is None


@pytest.fixture
def camera() -> Iterator[MjpegCamera]:
    with MjpegCamera() as camera:
        yield camera


def test_mjpeg_over_http(camera: MjpegCamera) -> None:
    source = open_source(SourceOptions(camera.url, timeout_s=5))
    captures = [source.read() for _ in range(10)]
    assert {capture.image.shape for capture in captures} == {(48, 64, 3)}
    stamps = [capture.captured_s for capture in captures]
    assert stamps == sorted(stamps)
    # they are not the same image again and again
    assert len({round(float(capture.image.mean())) for capture in captures}) > 5
    assert source.live
    source.close()


def test_a_stream_is_scaled_to_the_asked_size(camera: MjpegCamera) -> None:
    source = open_source(SourceOptions(camera.url, width=100, height=100))
    assert source.read().image.shape == (100, 100, 3)
    source.close()


def test_a_stream_that_hangs_is_given_up(camera: MjpegCamera) -> None:
    source = open_source(SourceOptions(camera.url, timeout_s=0.5))
    source.read()
    camera.hang.set()
    began_s = time.monotonic()
    with pytest.raises(SourceError, match="no more images come"):
        read_on(source)  # those under way still come
    assert time.monotonic() - began_s < 10
    source.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_nobody_there_and_no_password_in_sight(scheme: str, capfd: pytest.CaptureFixture[str]) -> None:
    url = f"{scheme}://admin:hunter2@127.0.0.1:{free_port()}/main"
    with pytest.raises(SourceError, match="no answer, or no video") as caught:
        open_source(SourceOptions(url, timeout_s=2))
    assert "hunter2" not in str(caught.value)
    # nor in what OpenCV and FFmpeg print themselves
    assert "hunter2" not in "".join(capfd.readouterr())


def test_a_password_in_a_playlist_is_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://admin:hunter2@127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.apple.mpegurl")
            self.end_headers()
            self.wfile.write(playlist.encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(SourceError, match="no answer, or no video"):
            open_source(SourceOptions(f"http://127.0.0.1:{server.server_address[1]}/live.m3u8", timeout_s=3))
        server.shutdown()
    assert "hunter2" not in "".join(capfd.readouterr())


def test_a_server_that_accepts_but_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began_s = time.monotonic()
        with pytest.raises(SourceError, match="no answer"):
            open_source(SourceOptions(f"http://127.0.0.1:{silent.getsockname()[1]}/x", timeout_s=0.5))
        assert time.monotonic() - began_s < 10


def test_old_opencv_without_a_setting_still_opens(
    camera: MjpegCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(cv2, "CAP_PROP_N_THREADS", raising=False)
    source = open_source(SourceOptions(camera.url))
    assert source.read() is not None
    source.close()


@pytest.mark.skipif(not any(Path("/dev").glob("video*")), reason="no camera on this machine")
def test_a_real_camera_gives_images() -> None:
    source = open_source(SourceOptions(str(min(Path("/dev").glob("video*")))))
    assert source.read().image.ndim == 3
    source.close()
