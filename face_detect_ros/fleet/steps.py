# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Work of a fleet in steps that any process can take: plan a bag, run networks over a piece, finish the bag.

A step may be taken twice, or be cut off and taken again: what it leaves is the same, and appears when it is complete.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from face_detect_ros.bags.reading import BagReader
from face_detect_ros.bags.stored import Outline, outline
from face_detect_ros.core.errors import OutputError, PerceptionError, StoreAccessError
from face_detect_ros.core.text import shown_url, without_credentials
from face_detect_ros.files.stores import FULL, Store
from face_detect_ros.fleet.desk import Desk
from face_detect_ros.fleet.one_bag.job import Job
from face_detect_ros.fleet.one_bag.journal import Answer, ImageKey, Journal
from face_detect_ros.fleet.one_bag.plan import Plan
from face_detect_ros.fleet.one_bag.processing import detect_only, process
from face_detect_ros.pipeline.pipeline import Pipeline

Kind = Literal["plan", "detect", "finish"]
Pipelines = Callable[[], Mapping[str, Pipeline]]
LEAST_IMAGES = 50
"""Of a piece: opening a bag takes as long as a few images."""
_LEAST_IMAGE_BYTES = 1000
PIECES = "pieces"
"""Folder of the answers, in the fleet's output."""
MOST_PIECES = 1000
"""Of a bag, whatever it says about its time and its images."""


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        kind: "plan" says how long a bag is and cuts it; "detect" runs the networks over a piece; "finish" does
            the rest.
        bag: Number of the bag.
        job: What to do with it.
        folder: Of the fleet's output.
        name: Of the bag's result, below `folder`.
        spans_ns: Times of recording: the piece of a "detect" step, all pieces of a "finish" step.
        piece: Number of the piece.
        pieces: How many the bag has.
        piece_s: How long the pieces of a planned bag should be.
        bag_url: Of the bag, if it is in a store and not on this machine.
        next_bag: Number of a bag whose copy the worker is to make meanwhile; 0 for none.
        next_url: Of that bag.
        out_url: Of the fleet's output, if it is in a store: `folder` is not used then.
    """

    kind: Kind
    bag: int
    job: Job
    folder: Path
    name: str = ""
    spans_ns: tuple[tuple[int, int], ...] = ()
    piece: int = 0
    pieces: int = 1
    piece_s: float = 0.0
    # not in repr: they may hold passwords
    bag_url: str = field(default="", repr=False)
    out_url: str = field(default="", repr=False)
    next_bag: int = 0
    next_url: str = field(default="", repr=False)

    @property
    def is_remote(self) -> bool:
        """Whether its bag or its results are in a store."""
        return bool(self.bag_url or self.out_url)

    @property
    def result_name(self) -> str:
        """Of the bag's result, in the fleet's output."""
        return f"bags/{self.name}"

    def journal_name(self, piece: int) -> str:
        """Of the answers to a piece, in the fleet's output."""
        return f"{PIECES}/{self.bag:06d}-{piece:06d}.sqlite3"

    def journal(self, piece: int) -> Path:
        """Where the answers to a piece are."""
        return self.folder / self.journal_name(piece)


@dataclass(frozen=True)
class Outcome:
    """What became of a step.

    Attributes:
        step: The step.
        values: What it found out.
        failure: "" if it went well; "bag" if it cannot go well with this bag; "access" if the store does not give the
            bag to this user; "crash" if the process ended; "all" if no step can go well.
        reason: Of the failure.
    """

    step: Step
    values: dict[str, Any]
    failure: Literal["", "bag", "access", "crash", "all"] = ""
    reason: str = ""


def take(
    step: Step, pipelines: Pipelines, on_image: Callable[[], None] = lambda: None, desk: Desk | None = None
) -> Outcome:
    """Take a step. Raises nothing but what ends the process.

    Args:
        step: The step.
        pipelines: Gives the pipelines by task.
        on_image: Called for each image.
        desk: Of this worker; one for this step alone if there is none.
    """
    if desk is None:
        with contextlib.closing(Desk()) as own:
            return take(step, pipelines, on_image, own)
    try:
        built = {} if step.kind == "plan" else pipelines()
    except PerceptionError as error:
        return Outcome(step, {}, "all", str(error))
    try:
        return Outcome(step, _values(step, built, on_image, desk))
    except StoreAccessError as error:
        bag = f"{shown_url(step.bag_url, keys=True)}: "
        is_bag = bool(step.bag_url) and str(error).startswith(bag)
        return Outcome(step, {}, "access" if is_bag else "all", str(error).removeprefix(bag))
    except OutputError as error:  # a full disk or a store that does not answer is not the bag's fault
        return Outcome(step, {}, "all", str(error))
    except MemoryError:
        return Outcome(step, {}, "crash", "memory ran out")
    except PerceptionError as error:
        reason = desk.named(str(error))
        for name in (str(step.job.bag), shown_url(step.bag_url, keys=True)):
            reason = reason.removeprefix(f"{name}: ")
        return Outcome(step, {}, "bag", reason)
    except Exception as error:  # noqa: BLE001 - a bag that finds a bug must not stop the others
        if isinstance(error, OSError) and error.errno in FULL:
            return Outcome(step, {}, "all", f"{error}; is the disk full?")
        last = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
        return Outcome(step, {}, "bag", without_credentials(what))


def bag_of(journal: str) -> int:
    """The number of the bag whose piece a file of answers belongs to, by its name; 0 for other files."""
    number = journal.partition("-")[0]
    return int(number) if number.isdecimal() else 0


def _values(
    step: Step, built: Mapping[str, Pipeline], on_image: Callable[[], None], desk: Desk
) -> dict[str, Any]:
    """What a step finds out. Raises as its kind."""

    def action(local: Step) -> dict[str, Any]:
        return _TAKE[step.kind](local, built, on_image)

    if not step.is_remote:
        return action(step)
    if step.kind == "plan":
        return _plan_outlined(step) or action(desk.local(step))
    return desk.take(step, action)


def _plan(step: Step, pipelines: Mapping[str, Pipeline], on_image: Callable[[], None]) -> dict[str, Any]:
    with BagReader(step.job.bag) as reader:
        size = sum(path.stat().st_size for path in reader.files)
        return _planned(step, Plan.of(step.job, reader), reader, size)


def _plan_outlined(step: Step) -> dict[str, Any] | None:
    """The plan of a bag in a store from what is told about it; None if that is not enough."""
    if not step.bag_url:
        return None
    bag = outline(Store(step.bag_url))
    plan = None if bag is None else Plan.outlined(step.job, bag)
    return None if bag is None or plan is None else _planned(step, plan, bag, bag.size)


def _planned(step: Step, plan: Plan, bag: BagReader | Outline, size: int) -> dict[str, Any]:
    start_ns, end_ns = plan.reading.span_ns
    start_ns, end_ns = max(start_ns, bag.start_ns), min(end_ns, bag.end_ns)
    images = plan.expected(bag)
    # images are counted from the start, and a compressed file is unpacked as a whole
    cut = step.job.every == 1 and not bag.compressed_files
    return {
        "images": images,
        "duration_s": bag.duration_s,
        "bytes": size,
        # by no more images than fit into the files
        "spans_ns": pieces(start_ns, end_ns, step.piece_s, min(images, size // _LEAST_IMAGE_BYTES))
        if cut
        else [(start_ns, end_ns)],
    }


def pieces(start_ns: int, end_ns: int, piece_s: float, images: int) -> list[tuple[int, int]]:
    """A time in pieces of one length.

    Args:
        start_ns: Where it begins.
        end_ns: Where it ends.
        piece_s: About how long the pieces are, in seconds; 0: all in one.
        images: In all of it. A piece is not worth its while for a few.
    """
    length_ns = max(1, end_ns - start_ns)
    wanted = round(length_ns * 1e-9 / piece_s) if piece_s > 0 else 1
    count = max(1, min(wanted, images // LEAST_IMAGES, MOST_PIECES))
    cuts = [start_ns + length_ns * number // count for number in range(count + 1)]
    return list(itertools.pairwise(cuts))


def _detect(step: Step, pipelines: Mapping[str, Pipeline], on_image: Callable[[], None]) -> dict[str, Any]:
    summary = detect_only(step.job, step.spans_ns[0], step.journal(step.piece), pipelines, on_image)
    return {"images": summary.images, "network_s": summary.network_s, "seconds": summary.seconds}


def _finish(step: Step, pipelines: Mapping[str, Pipeline], on_image: Callable[[], None]) -> dict[str, Any]:
    with contextlib.closing(_Pieces(step)) as recorded:
        summary = process(step.job, step.folder / step.result_name, lambda: pipelines, recorded=recorded)
    return {"seconds": summary.seconds, "network_s": summary.network_s}


class _Pieces:
    """The answers in the journals of a bag's pieces. Those of other work, or incomplete ones, are not used.

    One journal at a time is open: images come in the order of the pieces.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self._starts = [start_ns for start_ns, _ in step.spans_ns]
        self._number = -1
        self._journal: Journal | None = None
        with BagReader(step.job.bag) as reader:
            self._work = step.job.describe(reader)

    def __call__(self, task: str, key: ImageKey) -> Answer | None:
        number = bisect.bisect_right(self._starts, key.log_ns) - 1
        if number != self._number:
            self._open(number)
        return None if self._journal is None else self._journal.get(task, key)

    def close(self) -> None:
        """Close what is open."""
        if self._journal is not None:
            self._journal.close()
        self._journal, self._number = None, -1

    def _open(self, number: int) -> None:
        self.close()
        self._number = number
        path = self._step.journal(number)
        if number >= 0 and path.exists():
            self._journal = Journal(path, self._work)
            if self._journal.summary is None:
                self._journal.close()
                self._journal = None


_TAKE = {"plan": _plan, "detect": _detect, "finish": _finish}
