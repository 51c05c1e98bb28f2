# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One network and one look for the detectors of a process that name the same weights.

A face detector on `robot` and an object detector on `yolov9-robot` are the same network: it is loaded once, and an
image that both look at is inferred once.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors.objects.attentive import AttentiveNetwork
from face_detect_ros.detectors.objects.detector import Candidates

Batch = tuple[Sequence[np.ndarray], Sequence[Letterbox]]
"""Images and their places: they are prepared only if they were not the last to be looked at."""


class SharedNetwork:
    """An `AttentiveNetwork` that several detectors, each in its own thread, use as if it were theirs.

    It remembers the output for its last batch, and the images of that batch. The output of the network inside must not
    change after `run` has returned it.
    """

    def __init__(self, network: AttentiveNetwork) -> None:
        self.labels = network.labels
        self.device = network.device
        self.overlapping = network.overlapping
        self.overlap_factor: float = getattr(network, "overlap_factor", 1.0)
        self._network = network
        self._lock = threading.Lock()
        self._images: Sequence[np.ndarray] = ()
        self._output: Any = None

    def place(self, height: int, width: int) -> Letterbox:
        return self._network.place(height, width)

    def prepare(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> Batch:
        return tuple(images), places

    def run(self, batch: Batch) -> Any:
        images, places = batch
        with self._lock:
            seen = len(images) == len(self._images) and all(map(_same, images, self._images))
            if not seen:
                self._images = ()  # what fails is not remembered
                self._output = self._network.run(self._network.prepare(images, places))
                self._images = images
            return self._output

    def decode(self, output: Any, options: DetectOptions) -> list[Candidates]:
        return self._network.decode(output, options)

    def attend(
        self, batch: Batch, box: np.ndarray, place: Letterbox, class_id: int | None = None
    ) -> np.ndarray:
        with self._lock:
            pixels = np.array(self._network.prepare(*batch))  # of its own: detections go on meanwhile
        return self._network.attend(pixels, box, place, class_id)


def _same(image: np.ndarray, other: np.ndarray) -> bool:
    return image is other


_open: weakref.WeakValueDictionary[Hashable, SharedNetwork] = weakref.WeakValueDictionary()
_opening = threading.Lock()


def shared(key: Hashable, load: Callable[[], AttentiveNetwork]) -> SharedNetwork:
    """The network that was loaded for `key` and is still in use, or else a new one by `load`."""
    with _opening:
        network = _open.get(key)
        if network is None:
            network = _open[key] = SharedNetwork(load())
        return network
