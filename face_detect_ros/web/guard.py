# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Who may use the page: token, origin, size and rate of every request, and what browsers may do with the answers."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from face_detect_ros.web.options import ServerOptions

MOST_BODY_BYTES = 20_000_000
"""Largest request: a photo."""
REQUESTS_PER_S, REQUESTS_AT_ONCE = 20.0, 120.0
WRONG_TOKENS_PER_S, WRONG_TOKENS_AT_ONCE = 0.2, 10.0
_MOST_ADDRESSES = 1000
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Buckets:
    """A limit on events for each address: `per_s` on average, `at_once` in a burst."""

    def __init__(self, per_s: float, at_once: float) -> None:
        self._per_s = per_s
        self._at_once = at_once
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> bool:
        """Count an event. False if it is one too many."""
        level, ok = self._level(address), True
        if level < 1.0:
            ok = False
        else:
            level -= 1.0
        self._levels[address] = (level, time.monotonic())
        self._levels.move_to_end(address)
        while len(self._levels) > _MOST_ADDRESSES:
            self._levels.popitem(last=False)
        return ok

    def empty(self, address: str) -> bool:
        """Whether the next event of `address` is one too many."""
        return self._level(address) < 1.0

    def _level(self, address: str) -> float:
        level, then = self._levels.get(address, (self._at_once, 0.0))
        return min(self._at_once, level + (time.monotonic() - then) * self._per_s)


class Guard:
    """Wraps the application: refuses what is not allowed before it gets there.

    Args:
        app: The application.
        options: Of the server.
        port: The port that the server listens on.

    Attributes:
        token: What every request must present; empty where none is needed.
    """

    def __init__(self, app: ASGIApp, options: ServerOptions, port: int) -> None:
        self._app = app
        self._options = options
        self.token = options.token or ("" if options.local else secrets.token_urlsafe(18))
        # a browser sends cookies to every port of a host
        self._cookie = f"viewer_{port}"
        self._port = port
        self._requests = Buckets(REQUESTS_PER_S, REQUESTS_AT_ONCE)
        self._wrong_tokens = Buckets(WRONG_TOKENS_PER_S, WRONG_TOKENS_AT_ONCE)
        self._known_wrong: OrderedDict[int, None] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            if scope["type"] == "websocket":
                await receive()  # websocket.connect
                await send({"type": "websocket.close", "code": 4401, "reason": "refused"})
            else:
                await refusal(scope, receive, _with_headers(send))
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        await self._app(scope, _limited(receive), _with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to a request that is not allowed; None if it is."""
        address = (scope.get("client") or ("", 0))[0]
        if not self._requests.take(address):
            return _refused(429, "too many requests; wait a moment", {"retry-after": "2"})
        host = headers.get("host", "")
        # a name that somebody else's DNS points here would make their page one of ours
        if not self.token and not self._is_this_computer(host):
            return _refused(403, "this page is for this computer only; open it as http://127.0.0.1")
        origin = headers.get("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if changes and origin is not None and urlsplit(origin).netloc != host:
            return _refused(403, "the request comes from another page")
        if changes and headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _refused(403, "the request comes from another page")
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:12]) > MOST_BODY_BYTES:
            return _refused(413, f"a request may have {MOST_BODY_BYTES // 1_000_000} MB")
        return self._token_refusal(scope, address) if self.token else None

    def _token_refusal(self, scope: Scope, address: str) -> Response | None:
        if self._wrong_tokens.empty(address):
            return _refused(429, "too many wrong tokens; wait a minute", {"retry-after": "60"})
        presented = self._presented(HTTPConnection(scope))
        if self._right(presented):
            return None
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        given = query.get("token", [""])[0]
        if scope["type"] == "http" and scope["path"] == "/" and self._right(given):
            # out of the address bar, and so out of the history and of what people copy
            answer = RedirectResponse("/", status_code=303)
            answer.set_cookie(self._cookie, self.token, httponly=True, samesite="strict", path="/")
            return answer
        if given or presented:
            self._count_wrong(address, given, presented)
        return _refused(401, "open the address that the viewer printed; it ends with the token")

    def _count_wrong(self, address: str, given: str, presented: str) -> None:
        # once: a page left open from before a restart asks with its old token all the time
        attempt = hash((address, given, presented))
        if attempt not in self._known_wrong:
            self._wrong_tokens.take(address)
            self._known_wrong[attempt] = None
            if len(self._known_wrong) > _MOST_ADDRESSES:
                self._known_wrong.popitem(last=False)

    def _presented(self, connection: HTTPConnection) -> str:
        kind, _, token = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return token.strip()
        # not http.cookies: it ignores everything after a cookie, perhaps of another program, that it cannot read
        return connection.cookies.get(self._cookie, "")

    def _right(self, given: str) -> bool:
        return bool(given) and hmac.compare_digest(given.encode(), self.token.encode())

    def _is_this_computer(self, host: str) -> bool:
        own = self._options.host
        names = ("127.0.0.1", "localhost", "[::1]", f"[{own}]" if ":" in own else own)
        # browsers leave the port out if it is the usual one
        return host in {f"{name}:{self._port}" for name in names} or (self._port == 80 and host in names)


def _refused(status: int, why: str, headers: Mapping[str, str] | None = None) -> Response:
    if status == 401:
        return PlainTextResponse(why, status, headers=headers)
    return JSONResponse({"error": why}, status, headers=headers)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            if "cache-control" not in headers:
                headers["cache-control"] = "no-store"
        await send(message)

    return sending


def _limited(receive: Receive) -> Receive:
    """Count the body: a chunked one does not say its size before."""
    taken = 0

    async def receiving() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BODY_BYTES:
            raise HTTPException(413, "too large")
        return message

    return receiving
