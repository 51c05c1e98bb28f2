# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detectors on an inference server: `kserve:http://HOST:PORT/MODEL`, for faces `kserve-faces:`.

The server computes the network; pixels are prepared and boxes are read here, as for a file. While it is away a local
detector takes over, if the address names one.
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError, EngineError, WeightsError
from face_detect_ros.core.protocols import DetectOptions, Detector, StageTimes
from face_detect_ros.detectors.faces.onnx_faces import OnnxFaceDetector
from face_detect_ros.detectors.objects.detector import NetworkDetector
from face_detect_ros.detectors.onnx.network import OnnxNetwork
from face_detect_ros.engines.kserve import Address, Pauses, RemoteGraph, ServerAwayError
from face_detect_ros.engines.kserve import create as open_graph
from face_detect_ros.files.reading import LARGE_BYTES, read_bytes
from face_detect_ros.zoo.formats import onnx_graph

_LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer")

_TRIAL_PX = 320
_FACES = ("centerface", "retinaface", "blazeface", "scrfd", "ultralight")


def create(device: str, path: Path, *, input_size: int = 0) -> Detector:
    """The object detector at an address.

    Args:
        device: Of the local detector that takes over.
        path: The address, see `Address.parse`.
        input_size: Longest side of the input in pixels, where the model leaves it free; 0: the model's own.

    Raises:
        ConfigError: The address, the layout or the fallback cannot be used.
        EngineError: The server does not answer, and there is no fallback.
        WeightsError: There is no such model, or it is not an object detector.
    """

    def make(graph: RemoteGraph, address: Address) -> Detector:
        network = OnnxNetwork(graph, Path(address.model), input_size)
        return NetworkDetector(network, name=f"kserve:{address.model}")

    return _create(path, device, "objects", make)


def create_faces(device: str, path: Path) -> Detector:
    """The face detector at an address: any network whose outputs one of the face detectors here can read.

    Args and Raises: as of `create`.
    """
    return _create(path, device, "faces", _faces)


def _faces(graph: RemoteGraph, address: Address) -> Detector:
    _learn_shapes(graph, address)
    for kind in _FACES:
        found = importlib.import_module(f"face_detect_ros.detectors.faces.{kind}").reader(graph)
        if found is not None:
            return OnnxFaceDetector(graph, found, f"kserve-faces:{address.model}")
    there = "; ".join(map(str, (*graph.inputs, *graph.outputs)))
    raise WeightsError(f"{address}: not a face network that is known ({', '.join(_FACES)}): it has {there}")


def _learn_shapes(graph: RemoteGraph, address: Address) -> None:
    """Give outputs whose shapes the server does not tell those of an answer. Raises WeightsError."""
    if all(port.shape for port in graph.outputs) or len(graph.inputs) != 1:
        return
    (port,) = graph.inputs
    usual = (
        (1, _TRIAL_PX, _TRIAL_PX, 3) if port.shape and port.fixed(-1) == 3 else (1, 3, _TRIAL_PX, _TRIAL_PX)
    )
    shape = tuple(port.fixed(axis) or size for axis, size in enumerate(usual[: len(port.shape) or 4]))
    try:
        answer = graph.run({port.name: np.zeros(shape, port.dtype)})
    except RuntimeError as error:
        raise WeightsError(f"{address}: does not run on an image of shape {shape}: {error}") from error
    graph.outputs = tuple(
        replace(output, shape=array.shape) for output, array in zip(graph.outputs, answer, strict=True)
    )


def _create(path: Path, device: str, task: str, make: Callable[[RemoteGraph, Address], Detector]) -> Detector:
    address = Address.parse(str(path))
    fallback = _fallback(address, device, task) if address.fallback else None
    metadata = _metadata(address)

    def connect() -> tuple[Detector, RemoteGraph]:
        graph = open_graph(address)
        try:
            graph.metadata = {**graph.metadata, **metadata}
            return make(graph, address), graph
        except WeightsError as error:
            graph.close()
            # the trial run failed: whether the server went away or the model is none
            raise (
                EngineError(str(error)) if isinstance(error.__cause__, ServerAwayError) else error
            ) from error
        except BaseException:
            graph.close()
            raise

    return RemoteDetector(str(address), connect, fallback)


def _fallback(address: Address, device: str, task: str) -> Callable[[], Detector]:
    from face_detect_ros.detectors import catalogue

    if address.fallback.startswith("kserve"):
        raise ConfigError("kserve: the fallback must be a detector of this computer")
    catalogue.find(address.fallback, task=task)
    return lambda: catalogue.create(address.fallback, task=task, device=device)


def _metadata(address: Address) -> dict[str, str]:
    """What a file here says about the model. Raises WeightsError."""
    if not address.metadata:
        return {}
    file = Path(os.path.expanduser(address.metadata))
    content = read_bytes(file, most_bytes=LARGE_BYTES, error=WeightsError, hint="give the model's ONNX file")
    try:
        return dict(onnx_graph.metadata(content))
    except ValueError as error:
        raise WeightsError(f"{file}: {error}; give the model's ONNX file") from error


class RemoteDetector:
    """A detector on a server, and one here for while the server is away. One thread at a time may call `detect`.

    Asking the server again happens in a thread of its own, so no image waits for a server that does not answer; only
    the image at which it goes away waits, for the timeout.

    Args:
        address: For people to read.
        connect: Makes the detector on the server, and gives its graph. Raises EngineError if the server is away.
        fallback: Makes the local detector; None: images fail while the server is away.
    """

    def __init__(
        self,
        address: str,
        connect: Callable[[], tuple[Detector, RemoteGraph]],
        fallback: Callable[[], Detector] | None,
    ) -> None:
        self._address = address
        self._connect = connect
        self._make_fallback = fallback
        self._fallback: Detector | None = None
        self._remote: tuple[Detector, RemoteGraph] | None = None
        self._lock = threading.Lock()
        self._pauses = Pauses()
        self._problem = ""
        self._asking: threading.Thread | None = None
        self._closed = threading.Event()
        self.times = StageTimes()
        try:
            self._remote = connect()
        except EngineError as error:
            if fallback is None:
                raise
            self._lost(str(error))
        answering = self._remote[0] if self._remote else self._local()
        self.labels, self.device = answering.labels, answering.device
        self._tell_device()

    def detect(self, images: Sequence[np.ndarray], options: DetectOptions) -> list[Detections]:
        """As every detector; class ids are those of `labels`, whoever answers. Raises DetectorError."""
        return self._answer(lambda detector: self._find(detector, images, options))

    def warmup(self) -> None:
        """Do what the first call would otherwise pay for. Raises DetectorError."""
        self._answer(lambda detector: detector.warmup())

    def close(self) -> None:
        """Close connections and the local detector. Calling it twice is fine."""
        self._closed.set()
        with self._lock:
            remote, self._remote = self._remote, None
            local, self._fallback = self._fallback, None
        if remote is not None:
            remote[0].close()
            remote[1].close()
        if local is not None:
            local.close()

    def _answer(self, ask: Callable[[Detector], Answer]) -> Answer:
        """What the server's detector answers; while it is away, the local one."""
        remote = self._remote
        if remote is not None:
            try:
                return ask(remote[0])
            except DetectorError as error:
                if not _is_away(error):
                    raise
                self._lost(str(error))
        self._ask_again()
        if self._make_fallback is None:
            raise DetectorError(f"{self._problem}; it is asked again")
        local = self._local()
        self._tell_device()
        return ask(local)

    def _find(
        self, detector: Detector, images: Sequence[np.ndarray], options: DetectOptions
    ) -> list[Detections]:
        """What one of the two finds, with our class ids."""
        class_ids = self._ids_in(detector, options.class_ids)
        if options.class_ids and not class_ids:  # it has none of these classes, and () would ask for all
            self.times = StageTimes()
            return [Detections.empty() for _ in images]
        found = detector.detect(images, replace(options, class_ids=class_ids))
        self.times = detector.times
        return self._named(found, detector)

    def _tell_device(self) -> None:
        """Say where it computes now, for diagnostics."""
        remote = self._remote
        if remote is not None:
            self.device = remote[0].device
        elif self._make_fallback is not None:
            self.device = f"{self._local().device} ({self._problem})"

    def _local(self) -> Detector:
        with self._lock:
            if self._closed.is_set():
                raise DetectorError("the detector is closed")
            if self._fallback is None:
                if self._make_fallback is None:
                    raise DetectorError(self._problem)
                self._fallback = self._make_fallback()
            return self._fallback

    def _lost(self, reason: str) -> None:
        with self._lock:
            remote, self._remote = self._remote, None
        if remote is not None:
            remote[1].close()
        self._pauses.failed()
        self._problem = reason
        takes_over = "a local detector takes over" if self._make_fallback else "images fail until it is back"
        _LOG.warning("%s; %s", reason, takes_over)

    def _ask_again(self) -> None:
        """See, in another thread, whether the server is back, if it is time for that."""
        if not self._pauses.due or (self._asking is not None and self._asking.is_alive()):
            return
        self._asking = threading.Thread(target=self._ask, name="kserve-ask", daemon=True)
        self._asking.start()

    def _ask(self) -> None:
        try:
            found = self._connect()
        except (EngineError, WeightsError, ConfigError) as error:
            self._problem = str(error)
            self._pauses.failed()
            return
        with self._lock:
            if not self._closed.is_set():
                self._remote = found
                self._pauses.answered()
                self.device = found[0].device
                _LOG.warning("%s answers again", self._address)
                return
        found[1].close()

    def _ids_in(self, other: Detector, class_ids: tuple[int, ...]) -> tuple[int, ...]:
        """Classes of ours, as the numbers of another detector."""
        if other.labels == self.labels or not class_ids:
            return class_ids
        names = {self.labels[class_id] for class_id in class_ids}
        return tuple(index for index, name in enumerate(other.labels) if name in names)

    def _named(self, found: list[Detections], other: Detector) -> list[Detections]:
        """The detections of another detector with our numbers; without those of classes that we do not have."""
        if other.labels == self.labels:
            return found
        numbers = {name: index for index, name in enumerate(self.labels)}
        table = np.array([numbers.get(name, -1) for name in other.labels], np.int32)
        result = []
        for each in found:
            ids = table[each.class_ids]
            result.append(replace(each.select(ids >= 0), class_ids=ids[ids >= 0]))
        return result


def _is_away(error: BaseException) -> bool:
    """Whether the server, not the image, is to blame."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ServerAwayError):
            return True
        cause = cause.__cause__
    return False
