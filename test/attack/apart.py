# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Runs one attack after the other, each in a process of its own whose time and memory are measured."""

from __future__ import annotations

import multiprocessing
import resource
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from face_detect_ros.core.errors import PerceptionError

_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Outcome:
    """kind: "accepted", "refused", "traceback", "killed" (by its own crash) or "endless". said: the last line of it."""

    kind: str
    seconds: float
    megabytes: float
    said: str = ""


def run(attack: Callable[[], object], *, limit_s: float = 120.0) -> Outcome:
    """Runs `attack` in a process that is ended after `limit_s`; megabytes: what it took beyond this process."""
    ours, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_attack, args=(attack, theirs))
    started_s = time.monotonic()
    process.start()
    theirs.close()
    try:
        if ours.poll(limit_s):
            return Outcome(*ours.recv())
        return Outcome("endless", time.monotonic() - started_s, 0.0)
    except EOFError:
        process.join(5)
        return Outcome("killed", time.monotonic() - started_s, 0.0, f"exit code {process.exitcode}")
    finally:
        process.kill()
        process.join()
        ours.close()


def _attack(attack: Callable[[], object], result: Connection) -> None:
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started_s = time.monotonic()
    kind, said = "accepted", ""
    try:
        attack()
    except PerceptionError as error:
        kind, said = "refused", str(error)
        if not said.isprintable():
            kind = "traceback"  # a message that could drive a terminal is as bad
    except BaseException:  # noqa: BLE001 - that is what is looked for
        kind, said = "traceback", traceback.format_exc().strip().splitlines()[-1]
    own_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    children_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    result.send((kind, time.monotonic() - started_s, max(own_kb, children_kb) / 1024, said))


class Report:
    """Prints a line for each named attack, and counts those that were not borne."""

    def __init__(self, limit_s: float, limit_mb: float) -> None:
        self.failures = 0
        self._limit_s = limit_s
        self._limit_mb = limit_mb
        print(f"{'attack':<44} {'outcomes':<34} {'longest':>9} {'memory':>9}")

    def add(self, name: str, outcomes: list[Outcome], *, accepted: bool = False) -> None:
        """accepted: it may also be accepted, as damage in numbers is."""
        good = {"refused", "accepted"} if accepted else {"refused"}
        seconds = max(outcome.seconds for outcome in outcomes)
        megabytes = max(outcome.megabytes for outcome in outcomes)
        kinds = Counter(outcome.kind for outcome in outcomes)
        bad = [outcome for outcome in outcomes if outcome.kind not in good]
        over = seconds > self._limit_s or megabytes > self._limit_mb
        self.failures += len(bad) + over
        summary = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        verdict = "" if not (bad or over) else "  <- FAILED"
        print(f"{name:<44} {summary:<34} {seconds:>7.2f} s {megabytes:>6.0f} MB{verdict}", flush=True)
        for outcome in bad[:3]:
            print(f"    {outcome.kind}: {outcome.said[:300]}")
