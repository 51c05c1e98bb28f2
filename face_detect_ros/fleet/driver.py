# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Takes many bags through a pool of workers: every piece once, whatever ends in between."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from face_detect_ros.bags.finding import find_bags, is_bag
from face_detect_ros.core.errors import ConfigError, DetectorError, OutputError
from face_detect_ros.files.reading import read_text
from face_detect_ros.files.whole_file import own_folder, whole_file
from face_detect_ros.fleet.job import Job
from face_detect_ros.fleet.local_pool import Pool
from face_detect_ros.fleet.manifest import Bag, Manifest
from face_detect_ros.fleet.steps import Outcome, Step
from face_detect_ros.fleet.table import FILE

ATTEMPTS = 3
"""Processes that may end over a step before its bag is set aside."""
SUMMARY = "summary.json"
_WAIT_S = 0.5
_MOST_LIST_BYTES = 1 << 26

OnProgress = Callable[[int, int, str], None]
"""Told how many of about how many images are done, and what to say about it."""


@dataclass(frozen=True)
class Options:
    """How bags are spread.

    Attributes:
        piece_s: Longer bags are cut into pieces of about this length, in seconds of the bag; 0 cuts none.
        retry: Take up again what an earlier run set aside.
    """

    piece_s: float = 60.0
    retry: bool = False


@dataclass(frozen=True)
class Report:
    """What became of all bags.

    Attributes:
        bags: Each one.
        seconds: Of this run.
        images: Images that this run put through the networks.
    """

    bags: tuple[Bag, ...]
    seconds: float
    images: int

    @property
    def set_aside(self) -> tuple[Bag, ...]:
        return tuple(bag for bag in self.bags if bag.state == "failed")


def bags_of(source: Path, out: Path | None = None) -> list[tuple[Path, str]]:
    """The bags of a folder or of a list, and a name for the result of each.

    Args:
        source: A folder with bags anywhere below, a bag, or a text file with a path in each line.
        out: Where results go: what is found there is left out.

    Raises:
        ConfigError: There are none.
    """
    if is_bag(source) and not source.is_dir():
        return [(source.resolve(), source.stem)]
    if source.is_dir():
        found = [
            (path.resolve(), source.name if path == source else str(path.relative_to(source).with_suffix("")))
            for path in find_bags(source)
        ]
    else:
        lines = read_text(
            source, most_bytes=_MOST_LIST_BYTES, hint="give a folder, or a list of bags"
        ).splitlines()
        paths = [source.parent / line.strip() for line in lines if line.strip() and not line.startswith("#")]
        found = [(path.resolve(), path.stem) for path in paths]
    if out is not None:
        found = [item for item in found if out.resolve() not in item[0].parents]
    if not found:
        raise ConfigError(f"{source}: no bags here")
    return found


def run(
    job: Job,
    bags: Sequence[tuple[Path, str]],
    out: Path,
    make_pool: Callable[[], Pool],
    options: Options,
    on_progress: OnProgress = lambda done, total, text: None,
) -> Report:
    """Process bags, or go on where an earlier run has left off.

    Args:
        job: What to do with each bag; its own bag is not used.
        bags: See `bags_of`.
        out: Folder of the results.
        make_pool: Starts the workers; called once there is work.
        options: How to spread it.
        on_progress: Told now and then.

    Raises:
        ConfigError: `out` has results of other options, or another process works there.
        PerceptionError: No bag can be processed: a model is missing, the disk is full.
    """
    started_s = time.monotonic()
    with _locked(out):
        manifest = Manifest(
            out / FILE, json.dumps(asdict(replace(job, bag=Path())), default=str, sort_keys=True)
        )
        try:
            manifest.add(bags)
            if options.retry:
                manifest.retry()
            fleet = _Fleet(job, out, manifest, options, on_progress)
            if fleet.waiting:
                pool = make_pool()
                try:
                    fleet.work(pool)
                finally:
                    pool.close()
            report = Report(tuple(manifest.bags()), time.monotonic() - started_s, fleet.images)
        finally:
            manifest.close()
        _write_summary(out / SUMMARY, report)
    return report


class _Fleet:
    """The steps that are left, in order. A bag is planned, then its pieces, then it is finished."""

    def __init__(
        self, job: Job, out: Path, manifest: Manifest, options: Options, on_progress: OnProgress
    ) -> None:
        self.images = 0
        self.waiting: deque[Step] = deque()
        self._job = job
        self._out = out
        self._manifest = manifest
        self._options = options
        self._on_progress = on_progress
        self._open: dict[int, int] = {}  # pieces of each bag that are not done
        self._set_aside: set[int] = set()
        self._crashes, self._went_well = 0, False
        for bag in manifest.bags():
            if bag.state == "new":
                self.waiting.append(self._step(bag, "plan"))
            elif bag.state == "planned":
                self.waiting += self._steps(bag)

    def work(self, pool: Pool) -> None:
        """Take all steps. Raises what concerns every bag."""
        underway = 0
        bags: list[Bag] = []
        done_before = self._manifest.images_done()
        while self.waiting or underway:
            while self.waiting and pool.idle:
                pool.submit(self.waiting.popleft())
                underway += 1
            outcomes = pool.wait(_WAIT_S)
            for outcome in outcomes:
                underway -= 1
                self._note(outcome)
            if outcomes or not bags:
                bags = self._manifest.bags()
            total = sum(bag.expected for bag in bags if bag.state != "failed")
            closed = sum(bag.state in ("done", "failed") for bag in bags)
            done = done_before + self.images + pool.images
            self._on_progress(done, max(total, 1), f"{closed} of {len(bags)} bags")

    def _note(self, outcome: Outcome) -> None:
        step = outcome.step
        if outcome.failure == "all":
            raise DetectorError(outcome.reason)
        if outcome.failure == "crash":
            self._crashes += 1
            if not self._went_well and self._crashes >= 2 * ATTEMPTS:
                raise DetectorError(f"workers end before they have done anything: {outcome.reason}")
            attempts = self._manifest.crashed(step.bag, step.piece if step.kind == "detect" else None)
            if attempts < ATTEMPTS:
                self.waiting.appendleft(step)
                return
            outcome = replace(outcome, failure="bag", reason=f"{outcome.reason}, {attempts} times")
        self._went_well |= not outcome.failure and step.kind != "plan"
        if outcome.failure:
            self._give_up(step.bag, outcome.reason)
        elif step.bag in self._set_aside:
            return
        elif step.kind == "plan":
            self._manifest.planned(step.bag, outcome.values)
            # behind the plans of all other bags: then it is known how much there is
            self.waiting += self._steps(self._bag(step.bag))
        elif step.kind == "detect":
            self._manifest.detected(step.bag, step.piece, outcome.values)
            self.images += outcome.values["images"]
            self._open[step.bag] -= 1
            if not self._open[step.bag]:
                self.waiting.appendleft(self._step(self._bag(step.bag), "finish"))
        else:
            self._manifest.finished(step.bag, outcome.values, self._out / "bags" / step.name / FILE)
            self._remove_pieces(step)

    def _steps(self, bag: Bag) -> list[Step]:
        """What is left of a bag that is planned."""
        pieces = self._manifest.pieces(bag.id)
        left = [
            replace(self._step(bag, "detect"), spans_ns=(span_ns,), piece=number)
            for number, (span_ns, done) in enumerate(pieces)
            if not done
        ]
        self._open[bag.id] = len(left)
        return left or [self._step(bag, "finish")]

    def _step(self, bag: Bag, kind: str) -> Step:
        spans_ns = tuple(span_ns for span_ns, _ in self._manifest.pieces(bag.id))
        return Step(
            kind,  # type: ignore[arg-type]
            bag.id,
            replace(self._job, bag=bag.path),
            self._out,
            bag.name,
            spans_ns,
            piece_s=self._options.piece_s,
        )

    def _bag(self, number: int) -> Bag:
        return next(bag for bag in self._manifest.bags() if bag.id == number)

    def _give_up(self, bag: int, reason: str) -> None:
        self._set_aside.add(bag)
        self._manifest.set_aside(bag, reason)
        self.waiting = deque(step for step in self.waiting if step.bag != bag)

    def _remove_pieces(self, step: Step) -> None:
        for number in range(len(step.spans_ns)):
            with contextlib.suppress(OSError):
                step.journal(number).unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(out: Path) -> Iterator[None]:
    """The folder, for this process alone."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for folder in ("pieces", "bags"):
            own_folder(out / folder)
        lock = os.open(out / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise ConfigError(f"{out}: cannot be made: {error.strerror or error}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(f"{out}: another process is working on it") from error
        yield
    finally:
        os.close(lock)


def _write_summary(path: Path, report: Report) -> None:
    content = {
        "seconds": round(report.seconds, 1),
        "images": report.images,
        "bags": [asdict(bag) for bag in report.bags],
    }
    try:
        with whole_file(path) as beside:
            beside.write_text(
                json.dumps(content, default=str, indent=1, ensure_ascii=False), encoding="utf-8"
            )
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error}; is the disk full?") from error
