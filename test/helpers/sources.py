# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images, clips and a network camera that the tests of the sources share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np

from face_detect_ros.sources.base import FrameSource
from face_detect_ros.sources.capture_thread import SourceEvent
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions

"""Recorded material beside the repository; tests skip where it is absent."""


def wait_until(condition: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.005)
    return True


def quarters(height: int = 40, width: int = 60) -> np.ndarray:
    """(H, W, 3) uint8 RGB: red, green over blue, gray, so that every turn and mix-up of channels shows."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = (255, 0, 0)
    image[: height // 2, width // 2 :] = (0, 255, 0)
    image[height // 2 :, : width // 2] = (0, 0, 255)
    image[height // 2 :, width // 2 :] = (128, 128, 128)
    return image


def write(path: Path, rgb: np.ndarray) -> Path:
    """Write an RGB image with OpenCV, which wants BGR."""
    assert cv2.imwrite(str(path), rgb[..., ::-1])
    return path


def level(value: int, height: int = 40, width: int = 60) -> np.ndarray:
    """An evenly gray image: survives every codec, and its level tells which one it is."""
    return np.full((height, width, 3), value, np.uint8)


def write_video(path: Path, levels: list[int], rate_hz: float = 25.0, codec: str = "MJPG") -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), rate_hz, (64, 48))
    assert writer.isOpened()
    for value in levels:
        writer.write(level(value, 48, 64))
    writer.release()
    return path


def cut_off(path: Path, keep: float) -> Path:
    """Zeros in place of the last frames of an AVI whose header and index announce them all."""
    data = bytearray(path.read_bytes())
    start, end = data.index(b"movi"), data.rindex(b"idx1")
    cut = start + round((end - start) * keep)
    data[cut:end] = bytes(end - cut)
    path.write_bytes(data)
    return path


def read_on(source: FrameSource, most: int = 1000) -> None:
    """Read, and leave it to the caller to see what ends it."""
    for _ in range(most):
        source.read()


def read_all(options: SourceOptions, limit: int = 100) -> list[np.ndarray]:
    source = open_source(options)
    images = []
    while len(images) < limit and (capture := source.read()) is not None:
        images.append(capture.image)
    source.close()
    return images


class Recorder:
    """Collects what a capture thread delivers."""

    def __init__(self) -> None:
        self.images: list[np.ndarray] = []
        self.times_s: list[float] = []
        self.events: list[SourceEvent] = []

    def on_image(self, image: np.ndarray, captured_s: float) -> None:
        self.images.append(image)
        self.times_s.append(captured_s)

    def on_event(self, event: SourceEvent) -> None:
        self.events.append(event)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


class MjpegCamera:
    """A network camera on 127.0.0.1: MJPEG over HTTP, as real ones serve it. Can be switched off and on."""

    def __init__(self, rate_hz: float = 30.0) -> None:
        self._period_s = 1 / rate_hz
        self._server: ThreadingHTTPServer | None = None
        self._off = threading.Event()
        self.hang = threading.Event()
        """While set, connections stay open but nothing is sent."""
        self.sent = 0
        self.port = 0

    def __enter__(self) -> MjpegCamera:
        self.switch_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.switch_off()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/video.mjpg"

    def switch_on(self) -> None:
        camera, off = self, threading.Event()
        self._off = off

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                while not off.is_set():
                    if not camera.hang.is_set():
                        camera.sent += 1
                        jpeg = cv2.imencode(".jpg", level(camera.sent % 200, 48, 64))[1].tobytes()
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                        try:
                            self.wfile.write(head.encode() + jpeg + b"\r\n")
                        except OSError:
                            return  # the client is gone
                    off.wait(camera._period_s)

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, *_: object) -> None: ...

        # the same port again after the first time: it is the same camera
        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def switch_off(self) -> None:
        self._off.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
