# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A real HTTP server on loopback that serves files well or badly, as a test wants."""

import hashlib
import http.server
import ssl
import threading
import time
from dataclasses import dataclass, field

from face_detect_ros.zoo.published.checkpoints import Checkpoint, RemoteFile


@dataclass
class Served:
    """statuses: answers with these, one a request, before it serves. cuts: closes the connection after so many bytes,
    one a request. stall: stops sending there, without closing. slow_s: waits so long before each 64 KiB."""

    content: bytes
    etag: str = '"1"'
    modified: str = ""
    content_type: str = "application/octet-stream"
    encoding: str = ""
    ranges: bool = True
    heeds_if_range: bool = True
    tells_length: bool = True
    says_length: int | None = None
    location: str = ""
    linked_etag: str = ""
    retry_after: str = ""
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    stall: int | None = None
    slow_s: float = 0.0


class FileServer:
    """files: what is served, by path. requests: (path, headers) of each."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.files: dict[str, Served] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.released = threading.Event()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.requests.append((self.path, dict(self.headers)))
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def ranges_asked(self) -> list[str]:
        return [headers.get("Range", "") for _, headers in self.requests]

    def checkpoint(self, name: str, *, known: bool = True, **contents: bytes) -> Checkpoint:
        """One whose files are served here: `model_bin=b"..."` is model.bin. known: their digests are published."""
        return self.publish(name, {key.replace("_", "."): value for key, value in contents.items()}, known)

    def publish(self, name: str, contents: dict[str, bytes], known: bool = True) -> Checkpoint:
        """The same with any file names."""
        remotes = []
        for file, content in contents.items():
            self.files[f"/{name}/{file}"] = Served(content)
            digest = hashlib.sha256(content).hexdigest() if known else ""
            remotes.append(RemoteFile(file, f"{self.url}/{name}/{file}", digest))
        page = f"{self.url}/{name}"
        return Checkpoint(name, tuple(remotes), page, "MIT", page, 64, "two classes", 12.3, page)

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        served = self.files.get(handler.path)
        if served is None or served.statuses:
            handler.send_response(404 if served is None else served.statuses.pop(0))
            if served and served.location:
                handler.send_header("Location", served.location)
            if served and served.linked_etag:
                handler.send_header("X-Linked-ETag", served.linked_etag)
            if served and served.retry_after:
                handler.send_header("Retry-After", served.retry_after)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        start = self._start(handler, served)
        total = len(served.content)
        if start is not None and start >= total:
            handler.send_response(416)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        body = served.content[start or 0 :]
        handler.send_response(200 if start is None else 206)
        handler.send_header("Content-Type", served.content_type)
        if served.encoding:
            handler.send_header("Content-Encoding", served.encoding)
        if served.etag:
            handler.send_header("ETag", served.etag)
        if served.modified:
            handler.send_header("Last-Modified", served.modified)
        if start is not None:
            handler.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if served.tells_length:
            handler.send_header("Content-Length", str(served.says_length or len(body)))
        handler.end_headers()
        self._send(handler, served, body, start or 0)

    @staticmethod
    def _start(handler: http.server.BaseHTTPRequestHandler, served: Served) -> int | None:
        asked = handler.headers.get("Range")
        unchanged = handler.headers.get("If-Range") in (None, served.etag, served.modified)
        if asked is None or not served.ranges or (served.heeds_if_range and not unchanged):
            return None
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def _send(
        self, handler: http.server.BaseHTTPRequestHandler, served: Served, body: bytes, start: int
    ) -> None:
        cut = served.cuts.pop(0) if served.cuts else None
        if not served.tells_length or cut is not None:
            handler.close_connection = True
        end = len(body) if cut is None else cut
        try:
            for at in range(0, end, 1 << 16):
                if served.stall is not None and start + at >= served.stall:
                    self.released.wait(20)
                    return
                time.sleep(served.slow_s)
                handler.wfile.write(body[at : min(at + (1 << 16), end)])
        except OSError:  # the other side has gone
            handler.close_connection = True
