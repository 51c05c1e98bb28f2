# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The engine `onnxruntime`: which provider computes, and its many exceptions as errors of this package."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.core.errors import ConfigError, DeviceError, WeightsError
from face_detect_ros.engines import cpu, turns
from face_detect_ros.engines.protocol import Compute, Port
from face_detect_ros.files.home import home
from face_detect_ros.files.looking import is_file
from face_detect_ros.files.near import near_path
from face_detect_ros.zoo.formats import weights_file

_LOG = logging.getLogger(__name__)

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
OPENVINO = "OpenVINOExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
_FATAL = 4  # ONNX Runtime's own messages below this level; what it raises says enough
_NUMBERS: dict[str, np.dtype] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(double)": np.dtype(np.float64),
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(int32)": np.dtype(np.int32),
    "tensor(int64)": np.dtype(np.int64),
}


class OnnxSession:
    """A loaded ONNX file: an `Engine`.

    Args:
        device: Where it computes and the provider that does: "cpu (CPUExecutionProvider)".
    """

    def __init__(
        self,
        file: Path,
        device: str,
        *,
        threads: int = 0,
        content: bytes | None = None,
        only: Sequence[str] = (),
    ) -> None:
        """Loads the file.

        Args:
            file: the ONNX file.
            device: auto, cpu, cuda or cuda:N.
            threads: on the CPU; 0: one for each core.
            content: what to load in place of what `file` holds.
            only: the providers to choose from; empty: all.

        Raises:
            ConfigError: without ONNX Runtime.
            DeviceError: for a device that it does not have.
            WeightsError: for a file that is missing or cannot be loaded, or `content` whose weights lie in a second
                file.
        """
        runtime = import_runtime()
        if content is None and not is_file(file, WeightsError):
            raise WeightsError(f"{file}: no such file{near_path(file)}; give the model as onnx:FILE")
        if content is None:
            weights_file.check(file)
        else:
            weights_file.check_alone(file, content)
        self._errors = _exceptions(runtime)
        threads = threads or cpu.cores()
        self._session, self.device = _open(runtime, file, content, device, threads, self._errors, only)
        self._threads = threads if self.device.startswith("cpu") else 0
        self.inputs = tuple(_port(value) for value in self._session.get_inputs())
        self.outputs = tuple(_port(value) for value in self._session.get_outputs())
        self.metadata: Mapping[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        try:
            with turns.take(self._threads):
                results: list[np.ndarray] = self._session.run(None, dict(feeds))
        except self._errors as error:
            reason = one_line(error)
            # its words for memory that cannot be had, on a GPU and on a CPU
            if re.search(r"failed to allocate memory|out of memory|bad_alloc", reason, re.IGNORECASE):
                raise MemoryError(reason) from error
            raise RuntimeError(reason) from error
        return results


def create(
    file: Path, compute: Compute, *, content: bytes | None = None, cache: Path | None = None
) -> OnnxSession:
    """An engine as the catalogue makes it.

    Args:
        file: The ONNX file.
        compute: Device, precision and threads.
        content: What to load in place of what `file` holds.
        cache: Not used: it loads fast.

    Raises:
        ConfigError: ONNX Runtime is not installed.
        DeviceError: The device or the precision is not available.
        WeightsError: The file is missing or cannot be loaded.
    """
    del cache  # what it loads, it loads fast
    if compute.precision not in ("auto", "float32"):
        raise DeviceError(
            f"precision '{compute.precision}': engine onnxruntime computes in the numbers of its file, float32; "
            "set precision to auto, or engine to openvino or torch"
        )
    # TensorRT compiles for minutes: it is an engine of its own, for who asks for it or has measured it
    quick = (CUDA, OPENVINO, CPU)
    return OnnxSession(file, compute.device, threads=compute.threads, content=content, only=quick)


def import_runtime() -> Any:
    """The module `onnxruntime`. Raises ConfigError where it is not installed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(
            "ONNX models need ONNX Runtime; run: pip install onnxruntime (or onnxruntime-gpu, onnxruntime-openvino)"
        ) from error
    return onnxruntime


def one_line(error: BaseException) -> str:
    """What it says, without line breaks, ONNX Runtime's prefixes and places in its source."""
    text = " ".join(str(error).split())
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
    return re.sub(r"/\S*onnxruntime/\S+:\d+ .*?\) ", " ", text)


def providers_for(device: str, available: Sequence[str], only: Sequence[str] = ()) -> list[tuple[str, str]]:
    """What may compute on `device`, best first, as (provider, device).

    Args:
        device: auto, cpu, cuda or cuda:N.
        available: Providers that this ONNX Runtime has.
        only: Those to choose from; empty: all.

    Raises:
        DeviceError: The device is unknown, or none of them computes on it.
    """
    match = re.fullmatch(r"auto|cpu|cuda(?::(\d{1,4}))?", device)
    if match is None:
        raise DeviceError(f"device '{device}' is not known; give auto, cpu, cuda or cuda:N")
    gpu = f"cuda:{int(match.group(1) or 0)}"
    wanted = []
    if device != "cpu":
        wanted += [(TENSORRT, gpu), (CUDA, gpu)]
    if device in ("auto", "cpu"):
        wanted += [(OPENVINO, "cpu"), (CPU, "cpu")]
    wanted = [(provider, where) for provider, where in wanted if not only or provider in only]
    found = [(provider, where) for provider, where in wanted if provider in available]
    if not found:
        needed = " or ".join(provider for provider, _ in wanted)
        on_cpu = ", or set device to cpu" if not only or CPU in only else ""
        raise DeviceError(
            f"device '{device}': this ONNX Runtime has only {', '.join(available)}, not {needed}; install "
            f"onnxruntime-gpu in its place{on_cpu}"
        )
    return found


def _open(
    runtime: Any,
    file: Path,
    content: bytes | None,
    device: str,
    threads: int,
    errors: tuple[type[Exception], ...],
    only: Sequence[str],
) -> tuple[Any, str]:
    model = str(file) if content is None else content
    options = runtime.SessionOptions()
    options.log_severity_level = _FATAL
    # a number given also keeps its threads from being tied to cores, where a camera's driver may want to be
    options.intra_op_num_threads = threads
    # threads that wait for the next image by spinning would take more of the CPU than the network does
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    failed = []
    for provider, where in providers_for(device, runtime.get_available_providers(), only):
        try:
            session = runtime.InferenceSession(
                model, options, providers=_with_fallbacks(provider, where), enable_fallback=0
            )
        except errors as error:
            if provider == CPU:
                raise WeightsError(_cannot_load(file, runtime, error)) from error
            reason = one_line(error)
        else:
            if provider in session.get_providers():
                return session, f"{where} ({provider})"
            reason = "its libraries are missing or do not fit"
        failed.append(f"{provider}: {reason}")
        _LOG.warning("%s: left out %s", file.name, failed[-1])
    # a GPU was asked for: is it the GPU that fails, or the file?
    try:
        runtime.InferenceSession(model, options, providers=[CPU])
    except errors as error:
        raise WeightsError(_cannot_load(file, runtime, error)) from error
    raise DeviceError(f"device '{device}': no provider of ONNX Runtime starts there; {'; '.join(failed)}")


def _with_fallbacks(provider: str, where: str) -> list[Any]:
    """The provider with its options, and behind it those for what it cannot compute."""
    gpu = {"device_id": where.partition(":")[2] or "0"}
    if provider == TENSORRT:
        folder = home() / "tensorrt"
        with contextlib.suppress(OSError):  # ONNX Runtime makes the last folder alone
            folder.mkdir(parents=True, exist_ok=True)
        # TensorRT builds its engine for minutes; once is enough
        cached = {"trt_engine_cache_enable": "True", "trt_engine_cache_path": str(folder)}
        return [(TENSORRT, {**gpu, **cached}), (CUDA, gpu), CPU]
    if provider == CUDA:
        return [(CUDA, gpu), CPU]
    if provider == OPENVINO:
        return [(OPENVINO, {"device_type": "CPU"}), CPU]
    return [CPU]


def _cannot_load(file: Path, runtime: Any, error: Exception) -> str:
    reason = one_line(error)
    advice = "get the file again or export it again"
    if re.search(r"opset|IR version", reason, re.IGNORECASE):
        advice = "export it for an older opset or install a newer onnxruntime"
    elif re.search(r"external data|external initializer|model_path|No such file", reason, re.IGNORECASE):
        advice = "its weights lie in a second file (often FILE.data), which must lie beside it"
    return f"{file}: ONNX Runtime {runtime.__version__} cannot load it: {reason}; {advice}"


def _exceptions(runtime: Any) -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises: classes of its own without a common base, and pybind11's."""
    own = vars(runtime.capi.onnxruntime_pybind11_state).values()
    found = [value for value in own if isinstance(value, type) and issubclass(value, Exception)]
    return (*found, RuntimeError, ValueError)


def _port(value: Any) -> Port:
    return Port(value.name, tuple(value.shape), _NUMBERS.get(value.type))
