# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""SIGINT and SIGTERM at random moments: every executable ends with 0, in silence, and leaves no shared memory behind.

python test/attack/signals.py [--count 20] [--seed 0] [--only perception]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

EXECUTABLES = {
    "video_source": ["-p", "source:=sample:astronaut", "-p", "motion:=true"],
    "face_detector": [],
    "object_detector": [],
    "perception": [],
    "perception with a source": ["-p", "source:=sample:astronaut", "-p", "motion:=true"],
}
EARLIEST_S, LATEST_S = 0.2, 10.0
LONGEST_END_S = 20.0  # far beyond what is promised, on a busy machine
BAD_WORDS = ("Traceback", "terminate called", "Segmentation", "invalid", "Exception", "core dumped")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="moments for each executable and signal")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="one of: " + ", ".join(EXECUTABLES))
    args = parser.parse_args()
    rng = random.Random(args.seed)
    domain = str(50 + os.getpid() % 50)
    os.environ.update(ROS_DOMAIN_ID=domain, ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST", PYTHONUNBUFFERED="1")
    tally: Counter[str] = Counter()
    slowest_s = 0.0
    with camera(rng) if not args.only or "source" not in args.only else contextlib.nullcontext():
        for name, arguments in EXECUTABLES.items():
            if args.only not in ("", name):
                continue
            for number in (signal.SIGINT, signal.SIGTERM):
                for _ in range(args.count):
                    after_s = rng.uniform(EARLIEST_S, LATEST_S)
                    problems, took_s = one_life(name, arguments, number, after_s)
                    slowest_s = max(slowest_s, took_s)
                    tally["lives"] += 1
                    for problem in problems:
                        tally["defects"] += 1
                        print(f"{name}, {number.name} after {after_s:.2f} s: {problem}", flush=True)
    print(f"{tally['lives']} lives, {tally['defects']} defects, slowest end {slowest_s:.2f} s")
    return 1 if tally["defects"] else 0


@contextlib.contextmanager
def camera(rng: random.Random):
    """Images on /image_raw for nodes that have no source of their own."""
    process = subprocess.Popen(
        command("video_source", [*EXECUTABLES["video_source"], "-r", "__node:=camera"]),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(LONGEST_END_S)


def command(executable: str, arguments: list[str]) -> list[str]:
    start = f"import sys; from face_detect_ros.ros.start import {executable}; sys.exit({executable}())"
    return [sys.executable, "-c", start, "--ros-args", *arguments]


def one_life(
    name: str, arguments: list[str], number: signal.Signals, after_s: float
) -> tuple[list[str], float]:
    """What was wrong with the end of one process, and how many seconds it took."""
    executable = name.partition(" ")[0]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command(executable, arguments), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        time.sleep(after_s)
        mapped = shared_memory(process.pid)
        process.send_signal(number)
        sent_s = time.monotonic()
        try:
            status = process.wait(LONGEST_END_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return [f"does not end within {LONGEST_END_S:g} s"], LONGEST_END_S
        took_s = time.monotonic() - sent_s
        log.seek(0)
        text = log.read().decode(errors="replace")
    problems = []
    if status:
        problems.append(f"status {status}")
    problems += [f"prints {word!r}: {text[-600:]}" for word in BAD_WORDS if word in text][:1]
    used_by_others = set().union(*map(shared_memory, other_processes()))
    left = [path for path in mapped - used_by_others if Path(path).exists() and "_port" not in path]
    if left:
        size = sum(Path(path).stat().st_size for path in left)
        problems.append(f"leaves {len(left)} files, {size / 1e6:.1f} MB: {', '.join(sorted(left))}")
    return problems, took_s


def other_processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def shared_memory(pid: int) -> set[str]:
    """Segments in /dev/shm that a process has mapped; files of ports stay for the next one on the same port."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
        return {
            line.split(maxsplit=5)[5] for line in lines if "/dev/shm/" in line and "(deleted)" not in line
        }
    return set()


if __name__ == "__main__":
    sys.exit(main())
