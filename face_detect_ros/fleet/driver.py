# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Takes many bags through a pool of workers: every piece once, whatever ends in between."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from face_detect_ros.bags.finding import is_bag
from face_detect_ros.core.errors import (
    ConfigError,
    DetectorError,
    OutputError,
    PerceptionError,
    SourceError,
    StoreError,
)
from face_detect_ros.core.text import shown_url
from face_detect_ros.files.locks import locked
from face_detect_ros.files.stores import Store, is_url
from face_detect_ros.files.whole_file import own_folder, whole_file
from face_detect_ros.fleet.bag_list import NamedBag
from face_detect_ros.fleet.manifest import Bag, Manifest
from face_detect_ros.fleet.mirror import Mirror
from face_detect_ros.fleet.one_bag.job import Job
from face_detect_ros.fleet.one_bag.table import FILE
from face_detect_ros.fleet.pool import Pool
from face_detect_ros.fleet.steps import PIECES, Outcome, Step, bag_of

ATTEMPTS = 3
"""Processes that may end over a step before its bag is set aside."""
SUMMARY = "summary.json"
_WAIT_S = 0.5
_PROBES = 3  # bags to look at again; some may be gone

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


def run(
    job: Job,
    bags: Sequence[NamedBag],
    out: Path,
    make_pool: Callable[[], Pool],
    options: Options,
    on_progress: OnProgress = lambda done, total, text: None,
    mirror: Mirror | None = None,
) -> Report:
    """Process bags, or go on where an earlier run has left off.

    Args:
        job: What to do with each bag; its own bag is not used.
        bags: See `bag_list.bags_of`.
        out: Folder of the results; of the driver's state alone, that of `mirror`, if they go to a store.
        make_pool: Starts the workers; called once there is work.
        options: How to spread it.
        on_progress: Told now and then.
        mirror: The store for the results.

    Raises:
        ConfigError: `out` has results of other options, or another process works there.
        PerceptionError: No bag can be processed: a model is missing, the disk is full.
    """
    started_s = time.monotonic()
    with _locked(out):
        manifest = Manifest(out / FILE, job.options, mirror.shown if mirror is not None else "")
        try:
            places = _places(bags)
            manifest.add([(called(place), name) for place, name in bags])
            if options.retry:
                manifest.retry()
            fleet = _Fleet(job, out, places, manifest, options, on_progress, mirror)
            if fleet.waiting:
                pool = make_pool()
                try:
                    fleet.work(pool)
                finally:
                    pool.close()
            report = Report(tuple(manifest.bags()), time.monotonic() - started_s, fleet.images)
            _write_summary(out / SUMMARY, report)
            if mirror is not None:
                mirror.put(out / SUMMARY)
                mirror.keep(manifest, now=True)
            fleet.remove_pieces_left()
        except BaseException:
            if mirror is not None:
                with contextlib.suppress(PerceptionError):  # the first error is the one to report
                    mirror.keep(manifest, now=True)
            raise
        finally:
            manifest.close()
    return report


class _Fleet:
    """The steps that are left, in order. A bag is planned, then its pieces, then it is finished."""

    def __init__(
        self,
        job: Job,
        out: Path,
        places: dict[str, str],
        manifest: Manifest,
        options: Options,
        on_progress: OnProgress,
        mirror: Mirror | None,
    ) -> None:
        self.images = 0
        self.waiting: deque[Step] = deque()
        self._job = job
        self._out = out
        self._places = places
        self._manifest = manifest
        self._options = options
        self._on_progress = on_progress
        self._mirror = mirror
        self._numbered = False
        self._open: dict[int, int] = {}  # pieces of each bag that are not done
        self._set_aside: set[int] = set()
        self._crashes, self._went_well = 0, False
        self._refused: list[Outcome] = []
        for bag in manifest.bags():
            if bag.state == "new":
                self.waiting.append(self._step(bag, "plan"))
            elif bag.state == "planned":
                self.waiting += self._steps(bag)

    def work(self, pool: Pool) -> None:
        """Take all steps. Raises what concerns every bag."""
        underway = 0
        done_before = self._manifest.images_done()
        while self.waiting or underway:
            while self.waiting and pool.idle:
                pool.submit(self._next(pool))
                underway += 1
            outcomes = pool.wait(_WAIT_S)
            for outcome in outcomes:
                underway -= 1
                self._note(outcome)
                bag = outcome.step.bag
                # copies are of bags in stores alone
                if outcome.step.bag_url and not any(step.bag == bag for step in self.waiting):
                    pool.forget(bag)
            if self._mirror is not None:
                self._mirror.keep(self._manifest)
            count, closed, total = self._manifest.progress()
            done = done_before + self.images + pool.images
            self._on_progress(done, max(total, 1), f"{closed} of {count} bags")
        if self._refused and self._is_locked_out():
            refused = self._refused[0]
            raise DetectorError(f"{self._manifest.bag(refused.step.bag).path}: {refused.reason}")
        for outcome in self._refused:
            self._manifest.set_aside(outcome.step.bag, outcome.reason)

    def remove_pieces_left(self) -> None:
        """Remove answers to pieces of bags that are done: a driver that is killed may leave some."""
        done = {bag.id for bag in self._manifest.bags() if bag.state == "done"}
        if self._mirror is not None:
            self._mirror.remove_pieces_left(done)
            return
        for path in (self._out / PIECES).glob("*"):
            if bag_of(path.name) in done:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _next(self, pool: Pool) -> Step:
        """The step to take now. Of those that need a copy of their bag, preferably one that a worker has."""
        place = 0
        if self.waiting[0].bag_url and self.waiting[0].kind != "plan":
            at_hand, elsewhere = pool.bags_at_hand
            with_copy = (number for number, step in enumerate(self.waiting) if step.bag in at_hand)
            without = (number for number, step in enumerate(self.waiting) if step.bag not in elsewhere)
            place = next(with_copy, next(without, 0))
        step = self.waiting[place]
        del self.waiting[place]
        if self._mirror is not None and step.kind != "plan" and not self._numbered:
            # what workers write is named by the numbers of bags, so these are kept first
            self._mirror.keep(self._manifest, now=True)
            self._numbered = True
        return self._with_next(step, pool)

    def _with_next(self, step: Step, pool: Pool) -> Step:
        """The step; if it is the last one for now about its bag, with another one for the worker to fetch meanwhile."""
        if step.kind == "plan" or not step.bag_url or any(other.bag == step.bag for other in self.waiting):
            return step
        there = set[int]().union(*pool.bags_at_hand)
        for other in self.waiting:
            # one that is cut is not copied if it can be read where it is
            if other.kind == "detect" and other.bag_url and other.bag not in there and other.pieces == 1:
                return replace(step, next_bag=other.bag, next_url=other.bag_url)
        return step

    def _note(self, outcome: Outcome) -> None:
        step = outcome.step
        if outcome.failure == "all":
            raise DetectorError(outcome.reason)
        if outcome.failure == "access":
            if step.bag not in self._set_aside:
                self._refused.append(outcome)
                self._drop(step)
            return
        if outcome.failure == "crash":
            if step.bag in self._set_aside:
                return
            self._crashes += 1
            if not self._went_well and self._crashes >= 2 * ATTEMPTS:
                raise DetectorError(f"workers end before they have done anything: {outcome.reason}")
            attempts = self._manifest.crashed(step.bag, step.piece if step.kind == "detect" else None)
            if attempts < ATTEMPTS:
                self.waiting.appendleft(replace(step, next_bag=0, next_url=""))
                return
            outcome = replace(outcome, failure="bag", reason=f"{outcome.reason}, {attempts} times")
        self._went_well |= not outcome.failure and step.kind != "plan"
        if outcome.failure:
            self._give_up(step, outcome.reason)
        elif step.bag in self._set_aside:
            return
        elif step.kind == "plan":
            self._manifest.planned(step.bag, outcome.values)
            # behind the plans of all other bags: then it is known how much there is
            self.waiting += self._steps(self._manifest.bag(step.bag))
        elif step.kind == "detect":
            self._manifest.detected(step.bag, step.piece, outcome.values)
            if not outcome.values.get("resumed"):
                self.images += outcome.values["images"]
            self._open[step.bag] -= 1
            if not self._open[step.bag]:
                self.waiting.appendleft(self._step(self._manifest.bag(step.bag), "finish"))
        else:
            if self._mirror is not None:
                with self._mirror.table(step) as results:
                    self._manifest.finished(step.bag, outcome.values, results)
                self._mirror.remove_pieces(step)
                return
            self._manifest.finished(step.bag, outcome.values, self._out / step.result_name / FILE)
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
        place = self._places.get(bag.path, bag.path)
        return Step(
            kind,  # type: ignore[arg-type]
            bag.id,
            replace(self._job, bag=Path(bag.name if is_url(place) else place)),
            self._out,
            bag.name,
            spans_ns,
            pieces=len(spans_ns),
            piece_s=self._options.piece_s,
            bag_url=place if is_url(place) else "",
            out_url=self._mirror.url if self._mirror is not None else "",
        )

    def _is_locked_out(self) -> bool:
        """Whether it is the keys: no bag may be read, neither those of this run nor those that were done before."""
        bags = self._manifest.bags()
        places = [self._places.get(bag.path, "") for bag in bags if bag.state == "done"]
        known = [place for place in places if is_url(place)][-_PROBES:]
        if known:
            return not any(_may_be_read(place) for place in known)
        return len(self._refused) == len(bags)

    def _give_up(self, step: Step, reason: str) -> None:
        self._manifest.set_aside(step.bag, reason)
        self._drop(step)

    def _drop(self, step: Step) -> None:
        self._set_aside.add(step.bag)
        if step.kind == "detect":  # only pieces have other steps beside them
            self.waiting = deque(other for other in self.waiting if other.bag != step.bag)

    def _remove_pieces(self, step: Step) -> None:
        for number in range(len(step.spans_ns)):
            with contextlib.suppress(OSError):
                step.journal(number).unlink(missing_ok=True)


def _may_be_read(place: str) -> bool:
    try:
        Store(place).files()
    except StoreError:
        return False
    except SourceError:  # gone, but the store says so
        return True
    return True


def _places(bags: Sequence[NamedBag]) -> dict[str, str]:
    """Where each bag is, by what the manifest calls it: without passwords."""
    places: dict[str, str] = {}
    for place, _ in bags:
        if places.setdefault(called(place), place) != place:
            raise ConfigError(f"{called(place)}: is listed twice, with different credentials; leave one out")
    return places


def called(place: str) -> str:
    """What the manifest and results call a bag: its path, or its URL without credentials."""
    return shown_url(place, keys=True) if is_url(place) else place


@contextlib.contextmanager
def _locked(out: Path) -> Iterator[None]:
    """The folder, for this process alone."""
    if is_bag(out):  # the result of `bag`, for example
        raise ConfigError(f"{out}: is a bag; give another folder for the results")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for folder in (PIECES, "bags"):
            own_folder(out / folder)
        lock = locked(out / ".lock")
    except BlockingIOError as error:
        raise ConfigError(f"{out}: another process is working on it") from error
    except OSError as error:
        raise ConfigError(f"{out}: cannot be made: {error.strerror or error}") from error
    try:
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
