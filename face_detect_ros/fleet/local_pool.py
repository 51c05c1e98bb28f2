# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Worker processes on this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from face_detect_ros.core.child_process import die_with_owner
from face_detect_ros.core.errors import OutputError
from face_detect_ros.files.scratch import scratch
from face_detect_ros.fleet.desk import Desk
from face_detect_ros.fleet.one_bag.job import Task
from face_detect_ros.fleet.pool import Builder, Worker, bags_at_hand, choose_worker, forget_bag
from face_detect_ros.fleet.steps import Outcome, Step, take

_END_S = 1.0  # until a worker is killed
_TELL_S = 0.5  # between two reports of progress


def _serve(tasks: Sequence[Task], work: Connection, lifeline: Connection, folder: Path) -> None:
    """The main function of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its owner says when it ends
    desk = Desk(folder)
    die_with_owner(lifeline.fileno())
    build = Builder(tasks)
    told_s, images = time.monotonic(), 0

    def on_image() -> None:
        nonlocal told_s, images
        images += 1
        if time.monotonic() - told_s > _TELL_S:
            told_s = time.monotonic()
            work.send(images)

    while True:
        try:
            step = work.recv()
        except EOFError:
            return
        images = 0
        work.send(take(step, build, on_image, desk))


@dataclass(kw_only=True)
class _Worker(Worker):
    process: Any
    work: Connection
    lifeline: Connection
    folder: Path
    images: int = 0


class LocalPool:
    """A pool of processes of this machine. They end with this process, however it ends. A dead one is replaced.

    Args:
        tasks: Whose pipelines the workers build.
        size: How many workers.
    """

    def __init__(self, tasks: Sequence[Task], size: int) -> None:
        self.size = size
        self._tasks = tuple(tasks)
        self._context = multiprocessing.get_context("spawn")
        self._stack = contextlib.ExitStack()
        self._folder = self._stack.enter_context(scratch())
        self._workers: list[_Worker] = []
        try:
            for _ in range(size):
                self._workers.append(self._start())
        except BaseException:
            self.close()
            raise

    @property
    def idle(self) -> int:
        """How many have no step."""
        return sum(worker.step is None for worker in self._workers)

    @property
    def images(self) -> int:
        """Images that steps in progress have done."""
        return sum(worker.images for worker in self._workers)

    @property
    def pids(self) -> list[int]:
        """Of the worker processes."""
        return [int(worker.process.pid) for worker in self._workers]

    @property
    def bags_at_hand(self) -> tuple[set[int], set[int]]:
        """The bags whose copies idle workers may have, and those of the others."""
        return bags_at_hand(self._workers)

    def submit(self, step: Step) -> None:
        """Give a step to a worker that is idle."""
        worker = choose_worker(self._workers, step)
        with contextlib.suppress(OSError):  # dead: `wait` finds out
            worker.work.send(worker.give(step))

    def forget(self, bag: int) -> None:
        """There are no more steps about a bag."""
        forget_bag(self._workers, bag)

    def wait(self, timeout_s: float) -> list[Outcome]:
        """Outcomes of steps, at the latest after that time; may be none."""
        found = []
        ready = wait([worker.work for worker in self._workers], timeout_s)
        for number, worker in enumerate(self._workers):
            if worker.work not in ready:
                continue
            try:
                told = worker.work.recv()
            except (EOFError, OSError):
                found += self._replace(number)
                continue
            if isinstance(told, Outcome):
                worker.step, worker.images = None, 0
                found.append(told)
            else:
                worker.images = int(told)
        return found

    def close(self) -> None:
        """End all workers at once. A second Ctrl-C does not cut this off."""
        with _interrupts_ignored():
            for worker in self._workers:
                worker.lifeline.close()
            ends_s = time.monotonic() + _END_S
            for worker in self._workers:
                self._end(worker, ends_s - time.monotonic())
            self._workers = []
            self._stack.close()

    def _start(self) -> _Worker:
        try:
            ours, theirs = self._context.Pipe()
            their_end, our_end = self._context.Pipe(duplex=False)
            folder = Path(tempfile.mkdtemp(prefix="worker-", dir=self._folder))
            process = self._context.Process(
                target=_serve,
                args=(self._tasks, theirs, their_end, folder),
                name="fleet-worker",
                daemon=False,
            )
            # its owner says when it ends, not Ctrl-C: from the first moment on
            resource_tracker.ensure_running()  # it would unblock the signal again
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        except OSError as error:
            raise OutputError(
                f"cannot start one of {self.size} workers: {error.strerror or error}; give fewer with --workers"
            ) from error
        theirs.close()
        their_end.close()
        return _Worker(process=process, work=ours, lifeline=our_end, folder=folder)

    def _replace(self, number: int) -> list[Outcome]:
        worker = self._workers[number]
        self._end(worker)
        self._workers[number] = self._start()
        if worker.step is None:
            return []
        return [Outcome(worker.step, {}, "crash", _why(worker.process.exitcode))]

    def _end(self, worker: _Worker, patience_s: float = _END_S) -> None:
        worker.lifeline.close()
        worker.process.join(max(0.0, patience_s))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.work.close()
        shutil.rmtree(worker.folder, ignore_errors=True)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP have no effect. In other threads than the main one, nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _why(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process ended with code {code}"


def default_workers(device: str) -> int:
    """As many as make sense here: one per GPU is left to the user, two cores for each on a CPU."""
    cores = len(os.sched_getaffinity(0))
    return 1 if device.startswith("cuda") else max(1, cores // 2)
