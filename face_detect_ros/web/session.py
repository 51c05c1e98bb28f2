# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One browser: the newest image whenever it has shown the last, and reports in between."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import time
from collections.abc import Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from face_detect_ros.core.errors import PerceptionError
from face_detect_ros.web.jpeg import Jpeg, JpegCache
from face_detect_ros.web.robot import View
from face_detect_ros.web.scene import CAMERA, Scene, Shot

PATIENCE_S = 20.0
"""A browser that shows an image no sooner, or takes no report, is dropped; its page connects again."""
CLOSE_S = 2.0
"""How long the message that ends a connection may take: a browser that reads nothing never takes it."""
MOST_COMMAND_BYTES = 4096


class Session:
    """The conversation with one browser over a WebSocket.

    The browser says what it shows (`watch`) and when it has shown an image (`shown`). Until then it gets none, so a
    slow browser or network never piles up anything and always sees the newest image. An image is one binary message:
    the length of its description (uint32, little-endian), the description (JSON), the JPEG. Texts are JSON: `report`,
    and `boxes` when only the detections have changed.

    Args:
        socket: Accepted already.
        scene: Where images come from.
        jpegs: Encodes them.
        max_rate_hz: Most images per second.
        allowed: Whether a view may be shown; asked for every image.
        changed: Called when `view` changes.
    """

    def __init__(
        self,
        socket: WebSocket,
        scene: Scene,
        jpegs: JpegCache,
        max_rate_hz: float,
        allowed: Callable[[View], bool],
        changed: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._scene = scene
        self._jpegs = jpegs
        self._period_s = 1.0 / max_rate_hz
        self._allowed = allowed
        self._changed = changed
        self.view: View | None = None
        """What it shows; None while paused."""
        self.wake = asyncio.Event()
        self._in_step = True
        self._ended = False
        self._waiting_for = 0
        self._sent: tuple[Any, ...] = (0,)  # the image, and what was found in it
        self._sent_s = 0.0
        self._reported = 0

    async def run(self) -> None:
        """Talk until one of the two goes away."""
        tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._send())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ended = (
                True  # Python 3.10 and 3.11 lose a cancellation that comes with what a task waits for
            )
            self.wake.set()
            for task in tasks:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(
                    asyncio.CancelledError,
                    WebSocketDisconnect,
                    RuntimeError,
                    asyncio.TimeoutError,  # not the built-in one before Python 3.11
                    OSError,
                ):
                    await task
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._socket.close(), CLOSE_S)

    async def _listen(self) -> None:
        while True:
            try:
                text = await self._socket.receive_text()  # KeyError for bytes
                if len(text) > MOST_COMMAND_BYTES:
                    return
                self._obey(json.loads(text))
            except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
                return  # not a page of ours
            self.wake.set()

    def _obey(self, command: dict[str, Any]) -> None:
        if command["type"] == "shown":
            if int(command["number"]) == self._waiting_for:
                self._waiting_for = 0
        elif command["type"] == "watch":
            camera, view = command["camera"], command.get("view", CAMERA)
            if not isinstance(camera, str) or not isinstance(view, str):
                raise TypeError
            new = None if command.get("paused") else View(camera[:256], view[:64])
            self._in_step = bool(command.get("in_step", True))
            if new != self.view:
                self.view = new
                self._sent = (0,)
                self._changed()
        else:
            raise ValueError(command["type"])

    async def _send(self) -> None:
        while not self._ended:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.wake.wait(), 1.0)
            self.wake.clear()
            number, report = self._scene.report()
            if number != self._reported:
                self._reported = number
                await self._out(self._socket.send_text(json.dumps({"type": "report", **report})))
            if self._waiting_for and time.monotonic() - self._sent_s > PATIENCE_S:
                return
            await self._send_image()

    async def _send_image(self) -> None:
        view = self.view
        if view is None or self._waiting_for or not self._allowed(view):
            return
        pause_s = self._sent_s + self._period_s - time.monotonic()
        if pause_s > 0:
            await asyncio.sleep(pause_s)
        shot = self._scene.newest(view.camera, view.view, in_step=self._in_step)
        if shot is None or self._state_of(shot) == self._sent:
            return
        only_boxes = shot.number == self._sent[0]
        self._sent = self._state_of(shot)
        try:
            jpeg = await self._jpegs.get(shot)
        except PerceptionError:
            return  # the detectors say so in their diagnostics
        self._scene.set_image_size(view.camera, jpeg.width, jpeg.height)
        about = description(shot, jpeg)
        if only_boxes:
            await self._out(self._socket.send_text(json.dumps({"type": "boxes", **about})))
            return
        self._waiting_for, self._sent_s = shot.number, time.monotonic()
        header = json.dumps(about).encode()
        await self._out(self._socket.send_bytes(struct.pack("<I", len(header)) + header + jpeg.data))

    @staticmethod
    def _state_of(shot: Shot) -> tuple[Any, ...]:
        return shot.number, shot.selected, tuple((name, found) for name, found in shot.found.items())

    async def _out(self, sending: Any) -> None:
        await asyncio.wait_for(sending, PATIENCE_S)


def description(shot: Shot, jpeg: Jpeg) -> dict[str, Any]:
    """What the page is told of an image, beside its pixels."""
    return {
        "number": shot.number,
        "camera": shot.camera,
        "view": shot.view,
        "stamp_ns": str(shot.frame.stamp_ns),  # too long for a number of JavaScript
        "width": jpeg.width,
        "height": jpeg.height,
        "selected": shot.selected,
        "found": {detector: [box.as_json() for box in found.boxes] for detector, found in shot.found.items()},
    }
