# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the viewer costs: its processor time by how many look, what each gets, and the weight of its page."""

from __future__ import annotations

import contextlib
import json
import struct
import threading
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from face_detect_ros.benchmarks.rows import Row
from face_detect_ros.ros import runtime
from face_detect_ros.ros.processes import NodeProcess, ProcessError
from face_detect_ros.ros.viewer.start import address, start_viewer
from face_detect_ros.web.page_files import page_files

SOURCE = "face_detect_ros.ros.nodes.video_source"
DETECTOR = "face_detect_ros.ros.nodes.face_detector"
WIDTH, HEIGHT, RATE_HZ = 640, 480, 10.0
BROWSERS = 10
START_S, WARM_S, SPAN_S = 60.0, 8.0, 10.0
CPU_GOAL = 15.0
PAGE_GOAL_KB = 500.0


class _Browser:
    """Shows images as the page does, or none after the first."""

    def __init__(self, url: str, *, stalled: bool = False) -> None:
        self.images = 0
        self._end = threading.Event()
        self._stalled = stalled
        self._thread = threading.Thread(target=self._run, args=(url,), daemon=True)
        self._thread.start()

    def _run(self, url: str) -> None:
        with connect(url.replace("http", "ws", 1) + "live", max_size=None) as socket:
            socket.send(json.dumps({"type": "watch", "camera": ""}))
            while not self._end.is_set():
                try:
                    data = socket.recv(0.5)
                except TimeoutError:
                    continue
                except ConnectionClosed:  # a stalled one is dropped at last
                    return
                if isinstance(data, bytes) and not (self._stalled and self.images):
                    self.images += 1
                    (length,) = struct.unpack_from("<I", data)
                    number = json.loads(data[4 : 4 + length])["number"]
                    if not self._stalled:
                        socket.send(json.dumps({"type": "shown", "number": number}))

    def close(self) -> None:
        self._end.set()
        self._thread.join(5.0)


def run() -> list[Row]:
    """A face detector, a source of VGA images at 10 Hz, and one browser or ten, of which one is stalled.

    Raises ProcessError if a process ends or the page does not answer.
    """
    runtime.stay_on_this_computer()
    runtime.carry_large_images()
    stream = {"source": "sample:astronaut", "motion": True, "width": WIDTH, "height": HEIGHT}
    viewer = start_viewer({"max_rate_hz": 30.0})
    with contextlib.ExitStack() as started:
        started.callback(viewer.stop)
        for module, parameters in ((SOURCE, {**stream, "rate_hz": RATE_HZ}), (DETECTOR, {})):
            started.callback(NodeProcess(module, parameters).stop)
        url = _address(viewer)
        what = f"at {RATE_HZ:g} Hz {WIDTH}x{HEIGHT}"
        rows = [_cpu_row(viewer, f"CPU of the viewer {what}, nobody looks", [])]
        with contextlib.ExitStack() as looking:
            one = _Browser(url)
            looking.callback(one.close)
            rows.append(_cpu_row(viewer, f"CPU of the viewer {what}, one browser", [one], CPU_GOAL))
            stalled = _Browser(url, stalled=True)
            others = [_Browser(url) for _ in range(BROWSERS - 2)]
            for browser in (stalled, *others):
                looking.callback(browser.close)
            rows.append(
                _cpu_row(
                    viewer, f"CPU of the viewer {what}, {BROWSERS} browsers, one stalled", [one, *others]
                )
            )
    weight_kb = sum(len(file.data) for file in page_files().values()) / 1e3
    return [*rows, Row("weight of the page, every language", "kB", weight_kb, goal=PAGE_GOAL_KB)]


def _address(viewer: NodeProcess) -> str:
    deadline_s = time.monotonic() + START_S
    while not (found := address(viewer)):
        viewer.check()
        if time.monotonic() > deadline_s:
            raise ProcessError(f"the page does not answer within {START_S:g} s")
        time.sleep(0.05)
    return found


def _cpu_row(viewer: NodeProcess, name: str, browsers: list[_Browser], goal: float | None = None) -> Row:
    time.sleep(WARM_S)
    cpu_s, images, start_s = viewer.cpu_s(), [browser.images for browser in browsers], time.monotonic()
    time.sleep(SPAN_S)
    viewer.check()
    span_s = time.monotonic() - start_s
    rates = [(browser.images - before) / span_s for browser, before in zip(browsers, images, strict=True)]
    got = f", {min(rates):.1f} images/s each" if rates else ""
    return Row(name + got, "% of a core", (viewer.cpu_s() - cpu_s) / span_s * 100, goal=goal)
