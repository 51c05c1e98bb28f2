# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page's server in a thread of its own."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
import time
from urllib.parse import quote

import uvicorn

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.web.app import PageApp
from face_detect_ros.web.guard import Guard
from face_detect_ros.web.options import DEFAULT_PORT, PORTS_TRIED, ServerOptions
from face_detect_ros.web.robot import Robot

START_S = 10.0
STALLED_S = 60.0
"""A connection whose other end takes nothing for this long is ended: their number is limited."""


class PageServer:
    """Serves the page from construction until `close`.

    Args:
        robot: What the page shows.
        options: How it is served.

    Attributes:
        url: Where the page is; with the token, where one is needed.
        port: The port that it listens on.
        token: That token.

    Raises:
        ConfigError: The address or port cannot be used.
    """

    def __init__(self, robot: Robot, options: ServerOptions) -> None:
        self._socket = _listen(options)
        self.port = port = self._socket.getsockname()[1]
        guard = Guard(PageApp(robot, options).app, options, port)
        config = uvicorn.Config(
            guard,
            log_config=None,
            log_level=logging.ERROR,
            access_log=False,
            lifespan="on",
            server_header=False,
            proxy_headers=False,
            ws="websockets-sansio",
            ws_max_size=65_536,
            ws_ping_interval=10.0,
            ws_ping_timeout=20.0,
            ws_per_message_deflate=False,  # JPEG does not shrink further
            timeout_keep_alive=10,
            timeout_graceful_shutdown=1,
            limit_concurrency=256,
            h11_max_incomplete_event_size=16_384,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="page", daemon=True)
        self._thread.start()
        deadline_s = time.monotonic() + START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline_s:
                self.close()
                raise ConfigError(f"the page cannot be served on {options.host}, port {port}")
            time.sleep(0.005)
        self.token = guard.token
        host = _reachable(options.host)
        self.url = f"http://{host}:{port}/" + (f"?token={quote(guard.token, safe='')}" if guard.token else "")

    def _serve(self) -> None:
        with contextlib.suppress(SystemExit):  # how uvicorn says that it cannot start
            self._server.run(sockets=[self._socket])

    def close(self, timeout_s: float = 3.0) -> bool:
        """End the server. False if it is still busy after `timeout_s`."""
        self._server.should_exit = True
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._server.force_exit = True
        self._socket.close()
        return not self._thread.is_alive()


def _listen(options: ServerOptions) -> socket.socket:
    """A listening socket. Raises ConfigError."""
    ports = [options.port] if options.port else range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    for port in ports:
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; accepted connections inherit it
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALLED_S * 1000))
        try:
            listening.bind((options.host, port))
            listening.listen(64)
            return listening
        except OSError as error:
            listening.close()
            if error.errno != errno.EADDRINUSE:
                raise ConfigError(
                    f"the page cannot listen on {options.host}, port {port}: {error}"
                ) from error
    raise ConfigError(
        f"port {ports[0]} is in use"
        + (f", and so are those up to {ports[-1]}" if len(ports) > 1 else "")
        + "; give another one"
    )


def _reachable(host: str) -> str:
    """An address to print for what the server listens on: the computer's name for all addresses."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
