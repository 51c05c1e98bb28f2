# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What came of the cases of an attack: accepted, refused in words, or a defect."""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from face_detect_ros.core.errors import PerceptionError

HANGS_S = 200
"""A case that takes longer ends the run with the place where it hangs."""
SLOW_CPU_S = 20.0
"""A case that computes for longer is a defect. The largest images that are let through take seconds."""
MOST_BYTES = 2_500_000_000
"""So is one that brings the memory in use above this: Pillow takes up to 20 bytes for a pixel of WebP."""


def arguments(description: str, count: int) -> argparse.Namespace:
    """`--count` and `--seed` from the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--count", type=int, default=count, help=f"how many cases (default {count})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only kinds of cases whose name contains this")
    return parser.parse_args()


class Tally:
    """Runs cases and counts."""

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.defects: list[str] = []
        self.slowest = (0.0, "")
        self.lines_of_decoders = 0
        self._began_s = time.monotonic()

    def run(self, kind: str, name: str, case: Callable[[], object]) -> None:
        """One case: `case` may return or raise a PerceptionError."""
        faulthandler.dump_traceback_later(HANGS_S, exit=True)
        before = _peak_bytes()
        began_s = time.process_time()
        try:
            case()
        except PerceptionError as error:
            self.refused[kind] += 1
            if not str(error).strip():
                self.defects.append(f"{kind} {name}: refused without a word")
        except BaseException as error:  # noqa: BLE001 - these are what is looked for
            self.defects.append(f"{kind} {name}: {type(error).__name__}: {str(error)[:200]}")
        else:
            self.accepted[kind] += 1
        faulthandler.cancel_dump_traceback_later()
        took_s = time.process_time() - began_s
        self.slowest = max(self.slowest, (took_s, f"{kind} {name}"))
        if took_s > SLOW_CPU_S:
            self.defects.append(f"{kind} {name}: took {took_s:.1f} s of CPU time")
        if (peak := _peak_bytes()) > max(MOST_BYTES, before):
            self.defects.append(f"{kind} {name}: the process has had {peak / 1e9:.1f} GB in use")

    def report(self) -> int:
        """Print the figures; the exit status."""
        kinds = sorted(self.accepted.keys() | self.refused.keys())
        print(f"{'kind':<24}{'accepted':>10}{'refused':>10}")
        for kind in kinds:
            print(f"{kind:<24}{self.accepted[kind]:>10}{self.refused[kind]:>10}")
        cases = sum(self.accepted.values()) + sum(self.refused.values()) + len(self.defects)
        print(f"{cases} cases in {time.monotonic() - self._began_s:.0f} s, {len(self.defects)} defects")
        print(
            f"slowest: {self.slowest[0]:.2f} s of CPU time ({self.slowest[1]}); "
            f"memory: {_peak_bytes() / 1e6:.0f} MB at most"
        )
        print(f"lines that decoders wrote to stderr: {self.lines_of_decoders}")
        for defect in self.defects[:50]:
            print(f"  {defect}")
        return 1 if self.defects else 0


@contextlib.contextmanager
def counted_stderr(tally: Tally) -> Iterator[None]:
    """Inside, what decoders write to stderr is counted and not shown."""
    saved = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        faulthandler.enable(os.fdopen(os.dup(saved), "w"))
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            file.seek(0)
            tally.lines_of_decoders += sum(1 for _ in file)
    sys.stderr.flush()


def damaged(data: bytes, random: np.random.Generator) -> bytes:
    """The data with one to three things done to it that happen on disks, in networks, or on purpose."""
    changed = bytearray(data)
    for _ in range(int(random.integers(1, 4))):
        at = int(random.integers(0, max(1, len(changed))))
        kind = int(random.integers(0, 8))
        if kind == 0:  # cut off
            del changed[at:]
        elif kind == 1:  # bits flipped
            for place in random.integers(0, max(1, len(changed)), 8):
                if len(changed):
                    changed[place % len(changed)] ^= 1 << int(random.integers(0, 8))
        elif kind == 2:  # a hole
            changed[at : at + int(random.integers(1, 200))] = bytes(int(random.integers(0, 200)))
        elif kind == 3:  # an extreme length or count
            changed[at : at + 4] = [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4), b"\0\0\xff\xff"][
                int(random.integers(0, 4))
            ]
        elif kind == 4:  # the same once more
            changed[at:at] = changed[: int(random.integers(0, 300))]
        elif kind == 5:  # noise
            changed[at:at] = random.integers(0, 256, int(random.integers(1, 50)), np.uint8).tobytes()
        elif kind == 6:  # an extreme number in a text
            changed[at : at + 1] = [
                b"nan",
                b"1e999",
                b"-1",
                b"9" * 400,
                b"{",
                b"[" * 300,
                b"&a",
                b"*a",
                b"\0",
            ][int(random.integers(0, 9))]
        else:  # a piece moved
            piece = changed[at : at + 40]
            del changed[at : at + 40]
            to = int(random.integers(0, len(changed) + 1))
            changed[to:to] = piece
    return bytes(changed)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
