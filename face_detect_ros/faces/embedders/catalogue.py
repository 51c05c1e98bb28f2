"""Descriptors of faces: 128 numbers, near to each other (below about 0.6) for one person.

`dlib_resnet` runs dlib's network by PyTorch, on CPU or GPU and many faces at once; `dlib` by dlib's own code.
Both give the same descriptors to 1e-3 in float32, so a gallery made with one serves the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError, ImageError
from face_detect_ros.faces import align
from face_detect_ros.faces.points import eye_corners
from face_detect_ros.nn.dlib.description import RESNET_STRUCTURE
from face_detect_ros.zoo.formats import dlib_file
from face_detect_ros.zoo.published import dlib_models

if TYPE_CHECKING:
    import torch

DEFAULT = "dlib_resnet"
MODEL_ID = "dlib_face_recognition_resnet_model"
"""Descriptors of embedders with the same id can be compared with each other."""
MODEL_VERSION = "1"

LENGTH = 128
_CPU_BATCH = 16
_GPU_BATCH = 256
_MOST_JITTER = 1000


class Embedder(Protocol):
    """Turns faces into descriptors. One thread at a time may use an instance.

    model_id, model_version: what made the descriptors; only those of one model can be compared.
    device: where it computes, for people to read.
    """

    model_id: str
    model_version: str
    device: str

    def chips(self, image: np.ndarray, faces: Detections) -> np.ndarray:
        """(N, S, S, 3) uint8 RGB: the N faces of an (H, W, 3) uint8 RGB image, upright and cut out for `embed`.

        Raises ImageError for another image or landmarks that are not a face's, ConfigError where landmarks must be
        found and dlib is not installed, WeightsError.
        """
        ...

    def embed(self, chips: np.ndarray) -> np.ndarray:
        """(N, D) float32 descriptors of what `chips` gave.

        N = 0 is ordinary. Raises ImageError for another array and DetectorError after `close`.
        """
        ...

    def close(self) -> None:
        """Release the network, also while another thread is inside `embed`. Twice is fine."""
        ...


def create(name: str = DEFAULT, device: str = "auto", precision: str = "auto", jitter: int = 0) -> Embedder:
    """A ready embedder.

    name: one of `names()`. device: auto, cpu, cuda or cuda:N. precision: auto, float32, bfloat16 or float16;
    auto is float32, because descriptors are kept and compared for years. jitter: above 1, each descriptor is
    the mean over so many slightly moved copies of the face: somewhat steadier, and so many times the work.

    Raises ConfigError for an unknown name, a precision or jitter that cannot be used or a missing library,
    DeviceError, WeightsError.
    """
    if name not in _FACTORIES:
        raise ConfigError(f"embedder '{name}' is not known; choose one of: {', '.join(_FACTORIES)}")
    if not 0 <= jitter <= _MOST_JITTER:
        raise ConfigError(f"jitter is {jitter}; give a whole number from 0 (none) to {_MOST_JITTER}")
    return _FACTORIES[name](device, precision, jitter)


def names() -> tuple[str, ...]:
    """Names of the embedders, the default first."""
    return tuple(_FACTORIES)


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
        _check_chips(chips)
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
        _check_chips(chips)
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


_FACTORIES: dict[str, Callable[[str, str, int], Embedder]] = {
    "dlib_resnet": TorchEmbedder,
    "dlib": DlibEmbedder,
}


def _check_chips(chips: np.ndarray) -> None:
    expected = (align.CHIP_SIDE_PX, align.CHIP_SIDE_PX, 3)
    if not isinstance(chips, np.ndarray) or chips.ndim != 4 or chips.shape[1:] != expected:
        shape = getattr(chips, "shape", type(chips).__name__)
        raise ImageError("shape", f"chips have shape {shape}; expected (N, 150, 150, 3)")
    if chips.dtype != np.uint8:
        raise ImageError("dtype", f"chips have dtype {chips.dtype}; expected uint8")
