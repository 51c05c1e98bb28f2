# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the server answers: the page, its WebSocket, and the actions that it offers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from concurrent.futures import Future
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from face_detect_ros.core.errors import PerceptionError
from face_detect_ros.web.jpeg import JpegCache
from face_detect_ros.web.options import ServerOptions
from face_detect_ros.web.page_files import PageFile, languages, page_files
from face_detect_ros.web.robot import ACTIONS, Robot, View
from face_detect_ros.web.session import Session

MOST_BROWSERS = 32
MOST_ARGUMENT_BYTES = 16_384
ACTION_PATIENCE_S = 30.0
PHOTO_PATIENCE_S = 180.0
_LONGEST_TEXT = 2000
_JOINERS = "\u200c\u200d"  # invisible, but Persian and Indic names are spelled with them


class BadRequestError(Exception):
    """A request that no page of ours makes."""


class PageApp:
    """The application for `robot`. Everything here runs on the server's event loop."""

    def __init__(self, robot: Robot, options: ServerOptions) -> None:
        self._robot = robot
        self._options = options
        self._files = page_files()
        self._jpegs = JpegCache(options)
        self._sessions: set[Session] = set()
        self._stop_listening: Any = None
        self._woken = False
        self._views: dict[str, list[str]] = {}
        self.app = Starlette(
            routes=[
                Route("/", self._index),
                Route("/page/{name:path}", self._file),
                Route("/api/about", self._about),
                Route("/api/photo", self._photo, methods=["POST"]),
                Route("/api/{action}", self._action, methods=["POST"]),
                WebSocketRoute("/live", self._live),
            ],
            lifespan=self._lifespan,
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> Any:
        loop = asyncio.get_running_loop()

        def changed() -> None:  # on a thread of ROS
            if not self._woken:
                self._woken = True
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._wake_all)

        stop = self._robot.scene.listen(changed)
        try:
            yield
        finally:
            stop()
            self._robot.watch(frozenset())
            self._jpegs.close()

    def _wake_all(self) -> None:
        self._woken = False
        if self._robot.views() != self._views:  # more or less may be shown than before
            self._watch_what_is_shown()
        for session in self._sessions:
            session.wake.set()

    # the page

    async def _index(self, request: Request) -> Response:
        return _send_file(self._files["index.html"], request)

    async def _file(self, request: Request) -> Response:
        file = self._files.get(request.path_params["name"])
        return Response("not found", 404) if file is None else _send_file(file, request)

    async def _about(self, request: Request) -> Response:
        return JSONResponse({"languages": languages(), "views": self._robot.views()})

    # live

    async def _live(self, socket: WebSocket) -> None:
        await socket.accept()
        if len(self._sessions) >= MOST_BROWSERS:
            await socket.close(1013, f"{MOST_BROWSERS} pages are open already")
            return
        session = Session(
            socket,
            self._robot.scene,
            self._jpegs,
            self._options.max_rate_hz,
            self._allowed,
            self._watch_what_is_shown,
        )
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)
            self._watch_what_is_shown()

    def _watch_what_is_shown(self) -> None:
        self._views = self._robot.views()
        views = {session.view for session in self._sessions if session.view is not None}
        self._robot.watch(frozenset(filter(self._allowed, views)))

    def _allowed(self, view: View) -> bool:
        return view.view in self._robot.views().get(view.camera, ())

    # actions

    async def _action(self, request: Request) -> Response:
        action = request.path_params["action"]
        if action not in ACTIONS:
            return JSONResponse({"error": f"there is no action {action[:50]!r}"}, 404)
        try:
            arguments = await _arguments(request, ACTIONS[action])
        except BadRequestError as error:
            return JSONResponse({"error": str(error)}, 400)
        return await _result(self._robot.do(action, arguments), ACTION_PATIENCE_S)

    async def _photo(self, request: Request) -> Response:
        name, file_name = (request.query_params.get(key, "") for key in ("name", "file"))
        if not name or len(name) > _LONGEST_TEXT or len(file_name) > _LONGEST_TEXT:
            return JSONResponse({"error": "give the person's name"}, 400)
        data = await request.body()
        if not data:
            return JSONResponse({"error": "the photo is empty"}, 400)
        return await _result(self._robot.add_photo(name, file_name, data), PHOTO_PATIENCE_S)


async def _result(future: Future[Any], patience_s: float) -> Response:
    try:
        result = await asyncio.wait_for(asyncio.wrap_future(future), patience_s)
    except asyncio.TimeoutError:
        return JSONResponse({"error": f"no answer within {patience_s:g} s"}, 504)
    except PerceptionError as error:
        return JSONResponse({"error": str(error)}, 409)
    return JSONResponse({"result": result})


async def _arguments(request: Request, expected: dict[str, type]) -> dict[str, Any]:
    """The arguments of an action, of the expected types. Raises BadRequestError."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        # a form of another page cannot send this type without asking first
        raise BadRequestError("send application/json")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_ARGUMENT_BYTES:
            raise BadRequestError(f"arguments may have {MOST_ARGUMENT_BYTES} bytes")
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise BadRequestError("the arguments are not JSON") from error
    if not isinstance(given, dict) or set(given) != set(expected):
        raise BadRequestError(f"give an object with {', '.join(expected) or 'nothing in it'}")
    return {name: _checked(name, given[name], kind) for name, kind in expected.items()}


def _checked(name: str, value: Any, kind: type) -> Any:
    if kind is object:
        if not isinstance(value, (bool, int, float, str)):
            raise BadRequestError(f"{name} must be a number, a text, true or false")
        kind = type(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 1e15 else None
    if type(value) is not kind:
        raise BadRequestError(f"{name} must be of type {kind.__name__}")
    if isinstance(value, str) and (len(value) > _LONGEST_TEXT or not _printable(value)):
        raise BadRequestError(f"{name} is too long, or has characters that cannot be printed")
    if isinstance(value, float) and not abs(value) < 1e15:  # NaN too
        raise BadRequestError(f"{name} is not a usable number")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise BadRequestError(f"{name} is too large")
    return value


def _send_file(file: PageFile, request: Request) -> Response:
    headers = {"etag": file.etag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.data, media_type=file.media_type, headers=headers)


def _printable(text: str) -> bool:
    return all(letter.isprintable() or letter in _JOINERS for letter in text)
