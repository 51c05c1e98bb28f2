# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Workers on a Ray cluster. Bags and results are where every machine sees them under the same path."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.fleet.desk import Desk
from face_detect_ros.fleet.one_bag.job import Task
from face_detect_ros.fleet.pool import Builder, Worker, bags_at_hand, choose_worker, forget_bag
from face_detect_ros.fleet.steps import Outcome, Step, take

_LOCAL = "local"
_REACH_S = 5.0
_CLOSE_S = 10.0


class _Actor:
    """A worker, wherever Ray puts it."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._build = Builder(tasks)
        self._desk = Desk()

    def take(self, step: Step) -> Outcome:
        """See `steps.take`."""
        return take(step, self._build, desk=self._desk)

    def close(self) -> None:
        """Remove the copies of bags on its machine."""
        self._desk.close()


def _reach(address: str) -> None:
    """Raise OSError if nobody listens at HOST:PORT. Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), _REACH_S).close()


@dataclass(kw_only=True)
class _Worker(Worker):
    actor: Any
    answer: Any = None


class RayPool:
    """A pool of Ray actors, each with the CPUs or the GPU that its networks use. A dead one is replaced.

    Args:
        tasks: Whose pipelines the workers build. Their `threads` are the CPUs of a worker (0: 1), and a device of
            "cuda" is a GPU of it.
        address: Of the cluster; "auto" for the one that this machine belongs to, "local" for a new one here.
        size: How many workers; 0: as many as the cluster has room for.

    Raises:
        ConfigError: Ray is not installed, there is no such cluster, or it has not enough CPUs or GPUs.
    """

    def __init__(self, tasks: Sequence[Task], address: str, size: int) -> None:
        try:
            import ray
        except ImportError as error:
            raise ConfigError(
                f"a Ray cluster needs ray, which is not installed ({error}): pip install ray"
            ) from error
        self._ray = ray
        gpus = 1 if any(task.recipe.device.startswith("cuda") for task in tasks) else 0
        cpus = max(1, *(task.recipe.threads for task in tasks))
        started: dict[str, Any] = {} if address != _LOCAL else {"include_dashboard": False}
        try:
            _reach(address)
            ray.init(address=address, log_to_driver=False, logging_level="error", **started)
        except Exception as error:  # Ray raises ConnectionError, ValueError, RuntimeError and others
            raise ConfigError(f"no Ray cluster at {address}: {' '.join(str(error).split())}") from error
        there = ray.cluster_resources()
        room = int(there.get("CPU", 0) // cpus)
        if gpus:
            room = min(room, int(there.get("GPU", 0)))
        self.size = size or room
        if not 0 < self.size <= room:
            ray.shutdown()
            raise ConfigError(
                f"the Ray cluster has room for {room} workers with {cpus} CPUs and {gpus} GPUs each, not {self.size}; "
                "change --workers, --threads or --device"
            )
        kind = ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=0)(_Actor)
        self._make = lambda: kind.remote(tuple(tasks))
        self._workers = [_Worker(actor=self._make()) for _ in range(self.size)]

    @property
    def idle(self) -> int:
        """How many workers have no step."""
        return sum(worker.step is None for worker in self._workers)

    @property
    def images(self) -> int:
        """Actors do not tell before a step is done."""
        return 0

    @property
    def bags_at_hand(self) -> tuple[set[int], set[int]]:
        """The bags whose copies idle workers may have, and those of the others."""
        return bags_at_hand(self._workers)

    def submit(self, step: Step) -> None:
        """Give a step to a worker that is idle."""
        worker = choose_worker(self._workers, step)
        worker.answer = worker.actor.take.remote(worker.give(step))

    def forget(self, bag: int) -> None:
        """There are no more steps about a bag."""
        forget_bag(self._workers, bag)

    def wait(self, timeout_s: float) -> list[Outcome]:
        """Outcomes of steps, at the latest after that time; may be none."""
        underway = [worker for worker in self._workers if worker.step is not None]
        ready, _ = self._ray.wait([worker.answer for worker in underway], num_returns=1, timeout=timeout_s)
        found = []
        for worker in underway:
            if worker.answer not in ready or worker.step is None:
                continue
            try:
                found.append(self._ray.get(worker.answer))
            except self._ray.exceptions.RayError as error:
                found.append(Outcome(worker.step, {}, "crash", f"its actor ended ({type(error).__name__})"))
                with contextlib.suppress(Exception):
                    self._ray.kill(worker.actor)
                worker.actor, worker.bag, worker.next_bag = self._make(), 0, 0
            worker.step = worker.answer = None
        return found

    def close(self) -> None:
        """End all workers at once, those without a step after they have removed their copies of bags."""
        with contextlib.suppress(Exception):
            closing = [worker.actor.close.remote() for worker in self._workers if worker.step is None]
            self._ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_S)
        for worker in self._workers:
            with contextlib.suppress(Exception):
                self._ray.kill(worker.actor)
        self._workers = []
        self._ray.shutdown()
