# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Hostile cameras: whatever a stream sends, reading it ends in time, in words, and in bounded memory.

python test/attack/streams.py [--count 48] [--seed 0]
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import cv2
import numpy as np
from helpers.raw_server import RawServer
from images.test_compressed import jpeg_of

from attack.apart import Outcome, Report, run
from attack.tally import damaged
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions

LIMIT_S, LIMIT_MB = 60.0, 1500.0
TIMEOUT_S, IMAGES = 1.0, 45
Answer = Callable[[RawServer], Iterable[bytes]]
FOUND = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n"
ASKS = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="\x1b[2J"\r\nContent-Length: 0\r\n\r\n'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
LIST = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.apple.mpegurl\r\nConnection: close\r\n\r\n#EXTM3U\n"
JPEG = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()


def part(jpeg: bytes = JPEG, *lines: bytes) -> bytes:
    return b"\r\n".join((b"--frame", b"Content-Type: image/jpeg", *lines, b"", jpeg, b""))


def right(_: RawServer | None = None) -> Iterator[bytes]:
    return itertools.chain([OK], itertools.repeat(part(JPEG, b"Content-Length: %d" % len(JPEG)), 200))


def slowly(*pieces: bytes) -> Answer:
    """The last piece again and again, every 50 ms, so that no single wait is long."""

    def answer(server: RawServer) -> Iterator[bytes]:
        yield from pieces[:-1]
        while True:
            yield pieces[-1]
            server.pause(0.05)

    return answer


def endless(*pieces: bytes) -> Answer:
    return lambda server: itertools.chain(pieces[:-1], itertools.repeat(pieces[-1]))


def sizes(_: RawServer) -> Iterator[bytes]:
    yield OK
    for side in itertools.chain(range(16, 800, 37), itertools.repeat(16)):
        yield part(cv2.imencode(".jpg", np.zeros((side, 800 - side // 2, 3), np.uint8))[1].tobytes())


CASES: dict[str, Answer] = {
    "nothing": lambda server: iter(()),
    "nothing, for ever": lambda server: (b"" for _ in iter(lambda: server.pause(0.05), 0)),
    "a page": lambda server: [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>no</html>"],
    "404": lambda server: [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"],
    "401": lambda server: [ASKS],
    "100 Continue for ever": endless(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers for ever": endless(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 1000 + b"\r\n"),
    "headers, slowly": slowly(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
    "a header without end": endless(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 65536),
    "redirect to itself": lambda server: [FOUND % b"/v"],
    "redirect to a file": lambda server: [FOUND % b"file:///etc/passwd"],
    "a playlist of files": lambda server: [LIST + b"#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n"],
    "a playlist of itself": lambda server: [LIST + b"#EXT-X-STREAM-INF:BANDWIDTH=1\n/v\n"],
    "a playlist without end": endless(LIST, b"#EXTINF:1,\n/a.ts\n" * 1000),
    "an endless image": endless(OK + b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + JPEG[:300], b"\x55" * 65536),
    "an image, slowly": slowly(OK + b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + JPEG[:300], b"\x55"),
    "an image of 30000 x 30000": endless(OK, part(jpeg_of(30000, 30000))),
    "an image of 65500 x 65500": endless(OK, part(jpeg_of(65500, 65500))),
    "a length of 2^62": endless(OK, part(JPEG, b"Content-Length: 4611686018427387904")),
    "a negative length": endless(OK, part(JPEG, b"Content-Length: -1")),
    "no boundary": endless(OK, JPEG),
    "images of no length": endless(OK, part(b"", b"Content-Length: 0")),
    "a new size with each image": sizes,
    "chunks of 2^63": lambda server: [CHUNKED + b"7fffffffffffffff\r\n", JPEG],
    "noise": lambda server: [np.random.default_rng(0).integers(0, 256, 500_000, np.uint8).tobytes()],
}  # fmt: skip


def read(answer: Answer) -> None:
    """Open the stream and read some images."""
    server = RawServer(lambda request: answer(server))
    source = open_source(SourceOptions(f"{server.url}/v", timeout_s=TIMEOUT_S))
    try:
        for _ in range(IMAGES):
            capture = source.read()
            assert capture is not None
            assert capture.image.shape[2] == 3
    finally:
        source.close()


def harmed(seed: int) -> Answer:
    """A right stream with some of its images and headers damaged."""

    def answer(_: RawServer) -> Iterator[bytes]:
        random = np.random.default_rng(seed)
        for piece in right():
            yield damaged(piece, random) if random.random() < 0.5 else piece

    return answer


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=48, help="damaged streams, besides the crafted ones")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only crafted streams whose name contains this")
    asked = parser.parse_args()
    report = Report(LIMIT_S, LIMIT_MB)
    report.add("a right stream", [run(partial(read, right), limit_s=LIMIT_S)], accepted=True)
    for name, answer in CASES.items():
        if asked.only in name:
            report.add(name, [run(partial(read, answer), limit_s=LIMIT_S)], accepted=True)
    outcomes: list[Outcome] = [
        run(partial(read, harmed(asked.seed + number)), limit_s=LIMIT_S) for number in range(asked.count)
    ]
    if outcomes:
        report.add(f"{len(outcomes)} damaged", outcomes, accepted=True)
    print(f"seed {asked.seed}: {report.failures} failures")
    return int(report.failures > 0)


if __name__ == "__main__":
    sys.exit(main())
