# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""dlib's descriptor network: 128 numbers, near to each other (below about 0.6) for one person.

`TorchEmbedder` runs it by PyTorch, on CPU or GPU and many faces at once; `DlibEmbedder` by dlib's own code. Both give
the same descriptors to 1e-3 in float32, so a gallery made with one serves the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError
from face_detect_ros.faces import align
from face_detect_ros.faces.embedders.protocol import check_chips
from face_detect_ros.faces.points import eye_corners
from face_detect_ros.nn.dlib.description import RESNET_STRUCTURE
from face_detect_ros.zoo.formats import dlib_file
from face_detect_ros.zoo.published import dlib_models

if TYPE_CHECKING:
    import torch

MODEL_ID = "dlib_face_recognition_resnet_model"
MODEL_VERSION = "1"
LENGTH = 128
_CPU_BATCH = 16
_GPU_BATCH = 256


class TorchEmbedder:
    """dlib's descriptor network run by PyTorch."""

    def __init__(self, device: str, precision: str, jitter: int) -> None:
        # here, so that naming an embedder costs nothing
        import torch

        from face_detect_ros.nn import devices
        from face_detect_ros.nn.dlib.nets import DescriptorNetwork

        chosen = devices.choose_device(device)
        self._dtype = devices.choose_dtype("float32" if precision == "auto" else precision, chosen)
        description = dlib_file.load(dlib_models.DESCRIPTOR, RESNET_STRUCTURE)
        self.model_id = MODEL_ID
        self.model_version = MODEL_VERSION
        self.device = str(chosen)
        self._device = chosen
        self._batch = _CPU_BATCH if chosen.type == "cpu" else _GPU_BATCH
        self._jitter = jitter
        self._mean = torch.tensor(description.input.mean, device=chosen)
        self._network: torch.nn.Module | None = DescriptorNetwork(description).to(chosen, self._dtype)

    def chips(self, image: np.ndarray, faces: Detections) -> np.ndarray:
        return align.face_chips(image, eye_corners(image, faces))

    def embed(self, chips: np.ndarray) -> np.ndarray:
        check_chips(chips, align.CHIP_SIDE_PX)
        network = self._network
        if network is None:
            raise DetectorError("the embedder is closed")
        if self._jitter <= 1:
            return self._run(network, chips)
        # one face at a time: a thousand copies of each of many faces would fill the memory
        means = [self._run(network, align.jittered(chip, self._jitter)).mean(axis=0) for chip in chips]
        return np.stack(means) if means else np.empty((0, LENGTH), np.float32)

    def _run(self, network: torch.nn.Module, chips: np.ndarray) -> np.ndarray:
        import torch

        from face_detect_ros.nn import devices

        descriptors = np.empty((len(chips), LENGTH), np.float32)
        try:
            with torch.inference_mode(), devices.exact(self._dtype):
                for start in range(0, len(chips), self._batch):
                    pixels = torch.from_numpy(np.ascontiguousarray(chips[start : start + self._batch]))
                    normal = (pixels.to(self._device) - self._mean) / 256.0
                    # (N, 3, 150, 150), channels last in memory
                    found = network(normal.to(self._dtype).permute(0, 3, 1, 2))
                    descriptors[start : start + self._batch] = found.float().cpu().numpy()
        except (RuntimeError, MemoryError) as error:
            raise DetectorError(f"the embedder failed: {' '.join(str(error).split())}") from error
        return descriptors

    def close(self) -> None:
        self._network = None


class DlibEmbedder:
    """dlib's descriptor network run by dlib: the reference. It holds Python's lock while it computes."""

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
