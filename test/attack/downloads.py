# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Hostile servers: whatever they answer, a download ends in time, in words, and never with an incomplete file.

python test/attack/downloads.py [--count 2000] [--seed 0]
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.raw_server import RawServer

from face_detect_ros.core.errors import OutputError, WeightsError
from face_detect_ros.zoo.published import download
from face_detect_ros.zoo.published.checkpoints import Checkpoint, RemoteFile
from face_detect_ros.zoo.published.http import HttpOptions

CONTENT = random.Random(0).randbytes(20_000)
OPTIONS = HttpOptions(
    timeout_s=0.3, answer_s=0.3, attempts=3, first_delay_s=0.0, patience_s=0.6, slowest_bytes_per_s=1e6
)
LONGEST_S = 6.0  # far beyond what OPTIONS allow, on a busy machine
SECRET = "hunter2"

STATUSES = (*["200 OK"] * 14, "206 Partial Content", "204 No Content", "302 Found", "404 Not Found",
            "416 Range", "503 Busy", "202 Soon", "100 Continue", "999 \x1b[2J", "abc", "-1 No", "200")  # fmt: skip
NONSENSE = (
    "Content-Length: \xb2", f"Content-Length: {'9' * 5000}", "Content-Length: -1", "Content-Length: 1, 2",
    "Content-Encoding: gzip", "Content-Encoding: \x9b2J", "Content-Type: text/html", "Transfer-Encoding: gzip",
    "Transfer-Encoding: chunked, chunked", "Content-Range: bytes 5-4/3", "Content-Range: bytes \xb2-\xb3/\xb9",
    f"Content-Range: bytes 0-{'9' * 5000}/1", "Location: http://[::1", "Location: file:///etc/passwd",
    f"Location: http://user:{SECRET}@127.0.0.1:1/?token={SECRET}", "Location: /w.pt", "Location: \x00",
    "Location: http://127.0.0.1:99999/", "Retry-After: \xb2", f"Retry-After: {'9' * 400}", "Retry-After: 1e9",
    "ETag: W/\"x\"", "ETag: " + "x" * 70_000, "Last-Modified: never", "no colon", ": nothing", " folded",
    "X-Linked-ETag: \"" + "0" * 64 + "\"", "X-Linked-Size: \xb2", "Set-Cookie: a=b; Domain=.", "Connection: close",
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What the server sends, in pieces with pauses. declared: bytes of the body if its end can be known, else None."""

    pieces: tuple[bytes, ...]
    pause_s: float
    declared: int | None


def answer(chance: random.Random) -> Answer:
    status = chance.choice(STATUSES)
    lines = [f"HTTP/1.{chance.choice((0, 1, 1, 1, 9))} {status}"]
    lines += chance.sample(NONSENSE, chance.choice((0, 0, 0, 0, 1, 1, 4)))
    framing = chance.choice(("length", "length", "chunked", "close", "both"))
    length = chance.choice((len(CONTENT), len(CONTENT), len(CONTENT) * 2, 1000, 0))
    body = CONTENT[: chance.choice((len(CONTENT), len(CONTENT), chance.randrange(len(CONTENT))))]
    declared = None
    if framing in ("length", "both"):
        lines.append(f"Content-Length: {length}")
        declared = length
    if framing in ("chunked", "both"):
        lines.append("Transfer-Encoding: chunked")
        parts = [body[at : at + 3000] for at in range(0, len(body), 3000)]
        declared = len(body)
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
        body += chance.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"", b"0\r\n", b"zz\r\n", b"-5\r\n\r\n"))
    else:
        lines.append("Connection: close")
    data = "\r\n".join((*lines, "", "")).encode("latin-1") + body
    kind = chance.randrange(8)
    if kind == 0:
        data = data[: chance.randrange(len(data))]
    elif kind == 1:
        at = chance.randrange(len(data))
        data = data[:at] + chance.randbytes(chance.randrange(20)) + data[at:]
    elif kind == 2:
        data = b"HTTP/1.1 100 Continue\r\n\r\n" * chance.choice((1, 10, 100_000)) + data
    size = chance.choice((len(data) + 1, len(data) + 1, 4000, 7))
    pieces = tuple(data[at : at + size] for at in range(0, len(data), size))
    return Answer(pieces, chance.choice((0.0, 0.0, 0.0, 0.01, 0.4)) if len(pieces) > 1 else 0.0, declared)


def attempt(seed: int, folder: Path, outcomes: Counter[str], failures: list[str]) -> float:
    """One download from a server that gives other answers to each request; seconds that it took."""
    chance = random.Random(seed)
    answers = [answer(chance) for _ in range(chance.choice((1, 2, 4)))]
    known = chance.random() < 0.5
    served: list[Answer] = []

    def serve(_: bytes) -> Iterator[bytes]:
        now = answers[min(len(served), len(answers) - 1)]
        served.append(now)
        for piece in now.pieces:
            yield piece
            server.pause(now.pause_s)

    server = RawServer(serve)
    digest = hashlib.sha256(CONTENT).hexdigest() if known else ""
    url = server.url.replace("//", f"//user:{SECRET}@")
    checkpoint = Checkpoint(
        "m", (RemoteFile("w.pt", f"{url}/w.pt", digest),), "", "MIT", "", 64, "", None, ""
    )
    os.environ["FACE_DETECT_ROS_MODELS"] = str(folder / str(seed))
    said: list[str] = []
    started_s = time.monotonic()
    try:
        path = download.fetch(checkpoint, options=OPTIONS, notify=said.append)
    except (WeightsError, OutputError) as error:
        outcomes["refused"] += 1
        said.append(str(error))
        if not (folder / str(seed) / "m" / "w.pt").exists():
            path = None
        else:
            failures.append(f"seed {seed}: refused, but the file is there")
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        failures.append(f"seed {seed}: {type(error).__name__}: {error}"[:300])
    else:
        outcomes["fetched, digest known" if known else "fetched, complete"] += 1
        content = path.read_bytes()
        right = content == CONTENT if known else any(len(content) == each.declared for each in served)
        if not right:
            failures.append(
                f"seed {seed}: {len(content)} bytes became final; declared {[a.declared for a in served]}"
            )
    seconds = time.monotonic() - started_s
    server.close()
    text = "\n".join(said)
    if SECRET in text:
        failures.append(f"seed {seed}: a password is shown: {text[:300]}")
    if any(not line.isprintable() for line in said):
        failures.append(f"seed {seed}: control characters are shown: {text[:300]!r}")
    if seconds > LONGEST_S:
        failures.append(f"seed {seed}: {seconds:.1f} s")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="downloads")
    parser.add_argument("--seed", type=int, default=0, help="of the first")
    options = parser.parse_args()
    outcomes: Counter[str] = Counter()
    failures: list[str] = []
    longest_s = 0.0
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
        for seed in range(options.seed, options.seed + options.count):
            longest_s = max(longest_s, attempt(seed, Path(folder), outcomes, failures))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(", ".join(f"{count} {kind}" for kind, count in sorted(outcomes.items())))
    print(f"longest {longest_s:.2f} s, memory {peak_mb:.0f} MB, {len(failures)} failures")
    for failure in failures[:20]:
        print(f"    {failure}")
    raise SystemExit(bool(failures))


if __name__ == "__main__":
    main()
