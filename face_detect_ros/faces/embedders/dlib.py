# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""dlib's descriptor network: 128 numbers, near to each other (below about 0.6) for one person.

`create_resnet` runs it by an engine, many faces at once; `DlibEmbedder` by dlib's own code. Both give the same
descriptors to 1e-3 in float32, so a gallery made with one serves the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError, EngineError
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.engines import graphs
from face_detect_ros.engines import torch as torch_engine
from face_detect_ros.engines.protocol import Compute
from face_detect_ros.faces import align
from face_detect_ros.faces.embedders.protocol import check_chips
from face_detect_ros.faces.points import eye_corners
from face_detect_ros.nn.dlib.description import RESNET_STRUCTURE
from face_detect_ros.zoo.formats import dlib_file
from face_detect_ros.zoo.published import dlib_models

MODEL_ID = "dlib_face_recognition_resnet_model"
MODEL_VERSION = "1"
LENGTH = 128
CHIPS, DESCRIPTORS = "chips", "descriptors"
"""Input (N, 150, 150, 3) uint8 RGB and output (N, 128) float32 of the exported graph."""

_EXPORT = "face_detect_ros.faces.embedders.dlib_export:export"
_CPU_BATCH = 16
_GPU_BATCH = 256

Describe = Callable[[np.ndarray], np.ndarray]
"""(N, 150, 150, 3) uint8 RGB to (N, 128) float32."""


def create_resnet(compute: Compute, engine_names: Sequence[str], jitter: int) -> ResnetEmbedder:
    """dlib's descriptor network by an engine.

    Args:
        compute: device, precision (auto is float32: descriptors are kept and compared for years) and threads.
        engine_names: engines to try, best first.
        jitter: above 1, each descriptor is the mean over that many slightly moved copies of the face.

    Raises:
        EngineError: if no engine can compute it.
        DeviceError: for a device or precision that is not here.
        WeightsError: for weights that are missing or altered.
    """
    exact = compute.in_float32()

    def make(name: str) -> ResnetEmbedder:
        if name == engines.TORCH:
            return ResnetEmbedder(*_by_torch(exact), jitter)
        graph = graphs.exported(dlib_models.verify(dlib_models.DESCRIPTOR), "resnet", _EXPORT)
        engine = engines.open_graph(name, graph, exact, cache=graphs.folder())
        return ResnetEmbedder(lambda chips: engine.run({CHIPS: chips})[0], engine.device, jitter)

    try:
        return engines.first(engine_names, make)
    except EngineError as error:
        if engines.problem(engines.TORCH):
            raise EngineError(f"{error}; or choose the embedder dlib, which needs no PyTorch") from error
        raise


class ResnetEmbedder:
    """dlib's descriptor network, computed by an engine.

    Args:
        describe: Computes descriptors of aligned faces.
        device: Where it does, for people to read.
        jitter: Number of slightly moved copies of the face whose mean is the descriptor; 0 or 1: the face itself.
    """

    def __init__(self, describe: Describe, device: str, jitter: int) -> None:
        self.model_id = MODEL_ID
        self.model_version = MODEL_VERSION
        self.device = device
        self._batch = _CPU_BATCH if device.startswith("cpu") else _GPU_BATCH
        self._jitter = jitter
        self._describe: Describe | None = describe

    def chips(self, image: np.ndarray, faces: Detections) -> np.ndarray:
        return align.face_chips(image, eye_corners(image, faces))

    def embed(self, chips: np.ndarray) -> np.ndarray:
        check_chips(chips, align.CHIP_SIDE_PX)
        describe = self._describe
        if describe is None:
            raise DetectorError("the embedder is closed")
        if self._jitter <= 1:
            return self._run(describe, chips)
        # one face at a time: a thousand copies of each of many faces would fill the memory
        means = [self._run(describe, align.jittered(chip, self._jitter)).mean(axis=0) for chip in chips]
        return np.stack(means) if means else np.empty((0, LENGTH), np.float32)

    def close(self) -> None:
        self._describe = None

    def _run(self, describe: Describe, chips: np.ndarray) -> np.ndarray:
        descriptors = np.empty((len(chips), LENGTH), np.float32)
        try:
            for start in range(0, len(chips), self._batch):
                some = np.ascontiguousarray(chips[start : start + self._batch])
                descriptors[start : start + self._batch] = describe(some)
        except (RuntimeError, MemoryError) as error:
            raise DetectorError(f"the embedder failed: {' '.join(str(error).split())}") from error
        return descriptors


def _by_torch(compute: Compute) -> tuple[Describe, str]:
    """The network in PyTorch, and its device."""
    # here, so that other engines do without PyTorch
    import torch

    from face_detect_ros.nn import devices
    from face_detect_ros.nn.dlib.nets import DescriptorNetwork

    device, dtype = devices.choose(compute.device, compute.precision)
    torch_engine.use_threads(compute.threads)
    description = dlib_file.load(dlib_models.DESCRIPTOR, RESNET_STRUCTURE)
    mean = torch.tensor(description.input.mean, device=device)
    network = DescriptorNetwork(description).to(device, dtype)

    def describe(chips: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch_engine.turn(device.type == "cpu"), devices.exact(dtype):
            normal = (torch.from_numpy(chips).to(device) - mean) / 256.0
            # (N, 3, 150, 150), channels last in memory
            found: np.ndarray = network(normal.to(dtype).permute(0, 3, 1, 2)).float().cpu().numpy()
        return found

    return describe, str(device)


class DlibEmbedder:
    """dlib's descriptor network run by dlib: the reference. It holds Python's lock while it computes.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision: "auto" or "float32".
        jitter: Number of slightly moved copies of the face whose mean is the descriptor; 0 or 1: the face itself.

    Raises:
        ConfigError: dlib is not installed, or cannot use this device or precision.
        WeightsError: Its weights are missing or altered.
    """

    def __init__(self, device: str, precision: str, jitter: int) -> None:
        if precision not in ("auto", "float32"):
            raise ConfigError(f"precision '{precision}': embedder 'dlib' computes in float32 only")
        dlib = dlib_models.import_dlib()
        self.model_id = MODEL_ID
        self.model_version = MODEL_VERSION
        self.device = dlib_models.choose_network_device(dlib, device)
        self._jitter = jitter
        self._network: Any = dlib_models.load(dlib_models.DESCRIPTOR, dlib.face_recognition_model_v1)

    def chips(self, image: np.ndarray, faces: Detections) -> np.ndarray:
        return align.face_chips(image, eye_corners(image, faces))

    def embed(self, chips: np.ndarray) -> np.ndarray:
        check_chips(chips, align.CHIP_SIDE_PX)
        network = self._network
        if network is None:
            raise DetectorError("the embedder is closed")
        if not len(chips):
            return np.empty((0, LENGTH), np.float32)
        rows = [np.ascontiguousarray(chip) for chip in chips]
        try:
            descriptors = network.compute_face_descriptor(rows, self._jitter)
        except (RuntimeError, MemoryError) as error:
            raise DetectorError(f"dlib's embedder failed: {' '.join(str(error).split())}") from error
        return np.array(descriptors, np.float32)

    def close(self) -> None:
        self._network = None
