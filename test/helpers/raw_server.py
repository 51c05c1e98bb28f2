# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A server on loopback that answers every request with whatever bytes a test wants, as slowly as it wants."""

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable, Iterable


class RawServer:
    """answer: given the request's bytes, yields what to send. requests: of all connections."""

    def __init__(self, answer: Callable[[bytes], Iterable[bytes]]) -> None:
        self.requests: list[bytes] = []
        self._answer = answer
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        # otherwise its thread waits forever and keeps everything that was sent
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def pause(self, seconds: float) -> None:
        """Waits, but not beyond the end of the test."""
        self._closed.wait(seconds)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                received = connection.recv(1 << 16)
                if not received:
                    return
                request += received
            self.requests.append(request)
            for data in itertools.takewhile(lambda _: not self._closed.is_set(), self._answer(request)):
                connection.sendall(data)
