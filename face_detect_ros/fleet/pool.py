# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the driver knows of workers, wherever they are, and what all kinds of workers share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from face_detect_ros.fleet.one_bag.job import Task
from face_detect_ros.fleet.steps import Outcome, Step
from face_detect_ros.pipeline.pipeline import Pipeline


class Pool(Protocol):
    """Processes that take steps.

    Attributes:
        size: How many.
        images: Images that steps in progress have done.
    """

    size: int

    @property
    def idle(self) -> int:
        """How many have no step."""
        ...

    @property
    def images(self) -> int: ...

    @property
    def bags_at_hand(self) -> tuple[set[int], set[int]]:
        """The bags whose copies idle workers may have, and those of the others."""
        ...

    def submit(self, step: Step) -> None:
        """Give a step to a worker that is idle, to one with a copy of the bag if there is one."""
        ...

    def forget(self, bag: int) -> None:
        """There are no more steps about a bag."""
        ...

    def wait(self, timeout_s: float) -> list[Outcome]:
        """Outcomes of steps, at the latest after that time; may be none."""
        ...

    def close(self) -> None:
        """End all workers at once. Steps in progress are cut off."""
        ...


@dataclass(kw_only=True)
class Worker:
    """What a pool remembers of a worker.

    Attributes:
        step: In progress; None if it is idle.
        bag: Of the latest step: it may have a copy of it.
        next_bag: That it was to fetch meanwhile, and that no step of it was about yet; 0 for none.
    """

    step: Step | None = None
    bag: int = 0
    next_bag: int = 0

    def give(self, step: Step) -> Step:
        """Note a step. Returns it, without a bag to fetch meanwhile if one that was fetched still waits."""
        if step.bag == self.next_bag:
            self.next_bag = 0
        if self.next_bag:
            step = replace(step, next_bag=0, next_url="")
        else:
            self.next_bag = step.next_bag
        self.step, self.bag = step, step.bag
        return step


SomeWorker = TypeVar("SomeWorker", bound=Worker)


def bags_at_hand(workers: Iterable[Worker]) -> tuple[set[int], set[int]]:
    """See `Pool`."""
    idle: set[int] = set()
    busy: set[int] = set()
    for worker in workers:
        (idle if worker.step is None else busy).update((worker.bag, worker.next_bag))
    return idle - {0}, busy - {0}


def choose_worker(workers: Iterable[SomeWorker], step: Step) -> SomeWorker:
    """An idle worker for a step: one with a copy of its bag if there is one."""
    idle = [worker for worker in workers if worker.step is None]
    having = (worker for worker in idle if step.bag in (worker.bag, worker.next_bag))
    return next(having, idle[0])


def forget_bag(workers: Iterable[Worker], bag: int) -> None:
    """See `Pool.forget`."""
    for worker in workers:
        if worker.next_bag == bag:
            worker.next_bag = 0


class Builder:
    """Builds the pipelines of tasks when first needed."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = tasks
        self._built: dict[str, Pipeline] = {}

    def __call__(self) -> Mapping[str, Pipeline]:
        """The pipelines by task. Raises as `Recipe.build`."""
        for task in self._tasks:
            if task.name not in self._built:
                self._built[task.name] = task.recipe.build()
        return self._built
