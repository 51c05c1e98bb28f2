# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Batches of training images, rendered ahead of the network: by threads, or beside a GPU by processes.

A GPU learns from more images a second than the threads of one Python program can render while it also tells the GPU
what to do.

Everything random about the image at a place of an epoch follows from (seed, epoch, place) alone: a training that was
interrupted goes on with the very batches that it would have seen, on any number of threads.
"""

from __future__ import annotations

import contextlib
import functools
import mmap
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from face_detect_ros.images.reading import read_image
from face_detect_ros.training.data.augment import Example, Source, draw_plan, render
from face_detect_ros.training.data.dataset import DataSet
from face_detect_ros.training.losses.detection import Truth
from face_detect_ros.training.options import AugmentOptions

_AHEAD = 3  # batches
_TASK = 8  # images that a process renders at once
_CGROUP = Path("/sys/fs/cgroup")


class ImageStore:
    """The decoded images of a data set, kept as far as memory reaches; the others are decoded each time.

    Args:
        dataset: The images.
        longest_px: Larger images are shrunk to this.
        memory_bytes: For decoded images; None: half of what is free, shared with the other processes.
        processes: On this machine, this one too.

    Attributes:
        sizes: (height, width) of each image as it is kept, in pixels.

    Raises:
        SourceError: An image cannot be read.
        ConfigError: An image has another size than its labels say.
    """

    def __init__(
        self, dataset: DataSet, longest_px: int, memory_bytes: int | None = None, *, processes: int = 1
    ) -> None:
        self._samples = dataset.samples
        self._longest_px = longest_px
        self._left_bytes = _free_memory() // (2 * processes) if memory_bytes is None else memory_bytes
        self._kept: dict[int, Source] = {}
        self._lock = threading.Lock()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self.sizes: list[tuple[int, int]] = list(pool.map(self._first_look, range(len(self._samples))))

    def __len__(self) -> int:
        return len(self._samples)

    def load(self, number: int) -> Source:
        return self._kept.get(number) or self._read(number)

    def _first_look(self, number: int) -> tuple[int, int]:
        source = self._read(number)
        with self._lock:
            if source.image.nbytes <= self._left_bytes:
                self._left_bytes -= source.image.nbytes
                self._kept[number] = source
        return source.image.shape[0], source.image.shape[1]

    def _read(self, number: int) -> Source:
        sample = self._samples[number]
        image = read_image(sample.path)
        height, width = image.shape[:2]
        boxes = sample.in_pixels(width, height)
        shrink = min(1.0, self._longest_px / max(height, width))
        if shrink < 1:
            size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        scale = np.array([image.shape[1] / width, image.shape[0] / height] * 2, np.float32)
        return Source(image, boxes * scale, sample.class_ids, sample.crowd, sample.unknown)


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step learns from.

    Attributes:
        images: (B, S, S, 3) uint8 RGB; another batch may take its place once the next one is asked for.
        truth: The labels.
        sources: Numbers of the images that it was made of.
    """

    images: torch.Tensor
    truth: Truth
    sources: tuple[int, ...]


class BatchLoader:
    """The batches of one process.

    Args:
        store: The images.
        classes: How many there are.
        side: Of the batch's images, in pixels.
        batch: Images a step of this process.
        seed: Of everything random.
        threads: That render.
        rank, processes: Its share of an epoch, as in torch.distributed.
        apart: Render in as many processes of their own instead.
    """

    def __init__(
        self,
        store: ImageStore,
        classes: int,
        *,
        side: int,
        batch: int,
        seed: int,
        threads: int,
        rank: int = 0,
        processes: int = 1,
        apart: bool = False,
    ) -> None:
        self._store = store
        self._classes = classes
        self._side = side
        self._batch = batch
        self._seed = seed
        self._share = (rank, processes)
        self._pool: Executor
        self._shared: np.ndarray | None = None
        if not apart:
            self._pool = ThreadPoolExecutor(max(1, threads), thread_name_prefix="augment")
            return
        shape = (_AHEAD + 1, batch, side, side, 3)  # one batch is in use while others are made
        self._shared = np.frombuffer(mmap.mmap(-1, int(np.prod(shape))), np.uint8).reshape(shape)
        # forked: the images of the store are there without being sent
        context = multiprocessing.get_context("fork")
        self._pool = ProcessPoolExecutor(max(1, threads), context, _begin_process, (self, os.getpid()))

    @property
    def steps(self) -> int:
        """Batches of an epoch; what does not fill one more is left for another epoch's order."""
        return max(1, len(self._store) // (self._batch * self._share[1]))

    def epoch(self, epoch: int, options: AugmentOptions, first_step: int = 0) -> Iterator[Batch]:
        """The batches of an epoch.

        Args:
            epoch: Its number, which decides the order and all randomness.
            options: How images are changed.
            first_step: Where to begin.
        """
        rank, processes = self._share
        waiting: deque[tuple[int, list[Future[list[Example]]]]] = deque()
        steps = iter(range(first_step, self.steps))
        at_once = 1 if self._shared is None else _TASK

        def fill() -> None:
            for step in steps:
                first = (step * processes + rank) * self._batch
                slot = step % (_AHEAD + 1)
                tasks = [
                    self._submit(epoch, options, first, range(row, min(row + at_once, self._batch)), slot)
                    for row in range(0, self._batch, at_once)
                ]
                waiting.append((slot, tasks))
                if len(waiting) >= _AHEAD:
                    return

        fill()
        try:
            while waiting:
                slot, tasks = waiting.popleft()
                examples = [example for task in tasks for example in task.result()]
                fill()
                if self._shared is None:
                    images = torch.from_numpy(np.stack([example.image for example in examples]))
                else:
                    images = torch.from_numpy(self._shared[slot])
                yield collate(examples, self._classes, images)
        finally:
            for _, tasks in waiting:
                for task in tasks:
                    if not task.cancel():
                        task.exception()  # it still writes into its slot

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(
        self, epoch: int, options: AugmentOptions, first: int, rows: range, slot: int
    ) -> Future[list[Example]]:
        if self._shared is None:
            return self._pool.submit(self._examples, epoch, options, first, rows)
        return self._pool.submit(_in_process, epoch, options, first, rows, slot)

    def _examples(self, epoch: int, options: AugmentOptions, first: int, rows: range) -> list[Example]:
        return [self._example(epoch, first + row, options) for row in rows]

    def _example(self, epoch: int, place: int, options: AugmentOptions) -> Example:
        random = np.random.default_rng((self._seed, epoch, place))
        # a data set smaller than a batch comes round again
        order = _order(self._seed, epoch, len(self._store))
        number = int(order[place % len(order)])
        plan = draw_plan(random, number, self._store.sizes, self._side, options, self._store.load)
        return render(plan, self._store.load, self._side)


@functools.lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(count)


_here: BatchLoader | None = None  # in a process that renders: the loader as it was when the process began
_NO_IMAGE = np.empty((0, 0, 3), np.uint8)


def _begin_process(loader: BatchLoader, parent: int) -> None:
    global _here
    _here = loader
    # torchrun, Slurm and a terminal send them to all processes; the training decides what follows
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent is gone or asks for it, as a pool does that has lost a process.

    Otherwise it would wait for its next task forever.
    """
    while os.getppid() == parent:
        asked = signal.sigtimedwait({signal.SIGTERM}, 1.0)
        if asked is not None and asked.si_pid == parent:
            break
    os._exit(1)


def _in_process(epoch: int, options: AugmentOptions, first: int, rows: range, slot: int) -> list[Example]:
    """As `_examples`, with the images left in the memory that the processes share."""
    if _here is None or _here._shared is None:
        raise RuntimeError("not a process of a loader")
    examples = _here._examples(epoch, options, first, rows)
    for row, example in zip(rows, examples, strict=True):
        _here._shared[slot, row] = example.image
    return [replace(example, image=_NO_IMAGE) for example in examples]


def collate(examples: Sequence[Example], classes: int, images: torch.Tensor) -> Batch:
    """One batch of examples; labels are padded to the longest list.

    Args:
        examples: One for each image.
        classes: How many there are.
        images: (B, S, S, 3) uint8.
    """
    known = torch.ones(len(examples), classes, dtype=torch.bool)
    for row, example in enumerate(examples):
        known[row, list(example.unknown)] = False
    things = [(e.boxes[~e.ignored], e.class_ids[~e.ignored]) for e in examples]
    boxes, class_ids = _padded(things)
    crowd_boxes, crowd_ids = _padded([(e.boxes[e.ignored], e.class_ids[e.ignored]) for e in examples])
    truth = Truth(boxes, class_ids.clamp(min=0), class_ids >= 0, crowd_boxes, crowd_ids, known)
    sources = tuple(sorted({number for example in examples for number in example.sources}))
    return Batch(images, truth, sources)


def _padded(rows: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[torch.Tensor, torch.Tensor]:
    most = max((len(ids) for _, ids in rows), default=0)
    boxes = torch.zeros(len(rows), most, 4)
    class_ids = torch.full((len(rows), most), -1, dtype=torch.int64)
    for row, (box, ids) in enumerate(rows):
        boxes[row, : len(ids)] = torch.from_numpy(np.ascontiguousarray(box, np.float32))
        class_ids[row, : len(ids)] = torch.from_numpy(np.ascontiguousarray(ids, np.int64))
    return boxes, class_ids


def _free_memory() -> int:
    """Bytes that are free on this machine, or in the container that this process is in."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        free = 2**30
    with contextlib.suppress(ValueError, OSError):  # no container, or one without a limit
        limit, used = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        free = max(0, min(free, limit - used))
    return free
