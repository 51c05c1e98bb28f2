# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One network and one look for the detectors of a process that name the same weights.

A face detector on `robot` and an object detector on `yolov9-robot` are the same network: it is loaded once, and an
image that both look at is inferred once.
"""

from __future__ import annotations

import copy
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


class _Core:
    """The one network, and what it made of the last batch while several detectors use it.

    The output of the network inside must not change after `run` has returned it.
    """

    def __init__(self, network: AttentiveNetwork) -> None:
        self.network = network
        self.lock = threading.Lock()
        self.users: weakref.WeakSet[SharedNetwork] = weakref.WeakSet()
        self._images: Sequence[np.ndarray] = ()
        self._output: Any = None
        self._takers: weakref.WeakSet[SharedNetwork] = weakref.WeakSet()

    def run(self, user: SharedNetwork, batch: Batch) -> Any:
        images, places = batch
        with self.lock:
            known = len(images) == len(self._images) and all(map(_same, images, self._images))
            if known and user not in self._takers:  # whoever asks twice wants it computed twice
                self._takers.add(user)
                return self._output
            self._images, self._output = (), None  # what fails is not remembered
            output = self.network.run(self.network.prepare(images, places))
            if len(self.users) > 1:
                self._images, self._output, self._takers = images, output, weakref.WeakSet([user])
            return output


class SharedNetwork:
    """An `AttentiveNetwork` for one detector that may be the same network as another detector's.

    What another one of them has just computed for the same images is not computed again. Each may be used in a thread
    of its own.
    """

    def __init__(self, core: _Core) -> None:
        network = core.network
        self.labels = network.labels
        self.device = network.device
        self.overlapping = network.overlapping
        self.overlap_factor: float = getattr(network, "overlap_factor", 1.0)
        self._core = core
        core.users.add(self)

    def place(self, height: int, width: int) -> Letterbox:
        return self._core.network.place(height, width)

    def prepare(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> Batch:
        return tuple(images), places

    def run(self, batch: Batch) -> Any:
        return self._core.run(self, batch)

    def decode(self, output: Any, options: DetectOptions) -> list[Candidates]:
        return self._core.network.decode(output, options)

    def attend(
        self, batch: Batch, box: np.ndarray, place: Letterbox, class_id: int | None = None
    ) -> np.ndarray:
        with self._core.lock:
            pixels = copy.deepcopy(
                self._core.network.prepare(*batch)
            )  # of its own: detections go on meanwhile
        return self._core.network.attend(pixels, box, place, class_id)


def _same(image: np.ndarray, other: np.ndarray) -> bool:
    return image is other


_open: weakref.WeakValueDictionary[Hashable, _Core] = weakref.WeakValueDictionary()
_opening = threading.Lock()


def shared(key: Hashable, load: Callable[[], AttentiveNetwork]) -> SharedNetwork:
    """A network for one detector: the one that was loaded for `key` and is still in use, or a new one by `load`."""
    with _opening:
        core = _open.get(key)
        if core is None:
            core = _open[key] = _Core(load())
        return SharedNetwork(core)
