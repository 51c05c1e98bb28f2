# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Batches of training images, rendered by threads ahead of the network.

Everything random about the image at a place of an epoch follows from (seed, epoch, place) alone: a training that was
interrupted goes on with the very batches that it would have seen, on any number of threads.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
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
_CGROUP = Path("/sys/fs/cgroup")


class ImageStore:
    """The decoded images of a data set, no longer than `longest_px`, kept as far as `memory_bytes` reach.

    memory_bytes: None: half of what is free, shared with the other `processes` of this machine. What does not fit is
    decoded each time.

    Raises SourceError for an image that cannot be read, ConfigError for one of another size than its labels say.
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
    """images: (B, S, S, 3) uint8 RGB, in pinned memory where there is a GPU. truth: its labels. sources: numbers of the
    images that it was made of."""

    images: torch.Tensor
    truth: Truth
    sources: tuple[int, ...]


class BatchLoader:
    """The batches of one process.

    Args:
        batch: Images a step of this process.
        rank, processes: Its share of an epoch, as in torch.distributed.
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
    ) -> None:
        self._store = store
        self._classes = classes
        self._side = side
        self._batch = batch
        self._seed = seed
        self._share = (rank, processes)
        self._pool = ThreadPoolExecutor(max(1, threads), thread_name_prefix="augment")
        self._pin = torch.cuda.is_available()

    @property
    def steps(self) -> int:
        """Batches of an epoch; what does not fill one more is left for another epoch's order."""
        return max(1, len(self._store) // (self._batch * self._share[1]))

    def epoch(self, epoch: int, options: AugmentOptions, first_step: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from `first_step` on."""
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._store))
        rank, processes = self._share
        waiting: deque[list[Future[Example]]] = deque()
        steps = iter(range(first_step, self.steps))

        def fill() -> None:
            for step in steps:
                start = (step * processes + rank) * self._batch
                places = range(start, start + self._batch)
                waiting.append([self._pool.submit(self._example, epoch, p, order, options) for p in places])
                if len(waiting) >= _AHEAD:
                    return

        fill()
        try:
            while waiting:
                examples = [future.result() for future in waiting.popleft()]
                fill()
                yield collate(examples, self._classes, self._pin)
        finally:
            for futures in waiting:
                for future in futures:
                    future.cancel()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _example(self, epoch: int, place: int, order: np.ndarray, options: AugmentOptions) -> Example:
        random = np.random.default_rng((self._seed, epoch, place))
        # a data set smaller than a batch comes round again
        number = int(order[place % len(order)])
        plan = draw_plan(random, number, self._store.sizes, self._side, options, self._store.load)
        return render(plan, self._store.load, self._side)


def collate(examples: Sequence[Example], classes: int, pin: bool = False) -> Batch:
    """Examples of one size as tensors; labels are padded to the longest list."""
    known = torch.ones(len(examples), classes, dtype=torch.bool)
    for row, example in enumerate(examples):
        known[row, list(example.unknown)] = False
    things = [(e.boxes[~e.ignored], e.class_ids[~e.ignored]) for e in examples]
    boxes, class_ids = _padded(things)
    crowd_boxes, crowd_ids = _padded([(e.boxes[e.ignored], e.class_ids[e.ignored]) for e in examples])
    images = torch.from_numpy(np.stack([example.image for example in examples]))
    truth = Truth(boxes, class_ids.clamp(min=0), class_ids >= 0, crowd_boxes, crowd_ids, known)
    sources = tuple(sorted({number for example in examples for number in example.sources}))
    return Batch(images.pin_memory() if pin else images, truth, sources)


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
