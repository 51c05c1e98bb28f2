# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The engine `openvino`: Intel's library, Apache-2.0, for x86-64 and 64-bit ARM; on the CPU."""

from __future__ import annotations

import contextlib
import functools
import glob
import hashlib
import logging
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.core.errors import ConfigError, DeviceError, EngineError, WeightsError
from face_detect_ros.engines import cpu, turns
from face_detect_ros.engines.memory import give_back_memory
from face_detect_ros.engines.protocol import Compute, Port
from face_detect_ros.files.looking import is_file
from face_detect_ros.files.near import near_path
from face_detect_ros.files.whole_file import whole_file
from face_detect_ros.zoo.formats import onnx_graph, weights_file

_LOG = logging.getLogger(__name__)

_HINTS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
_CAPABILITIES = {"bfloat16": "BF16", "float16": "FP16"}
# a graph compiled for one size is a quarter faster than one for all, and one for all loses as much again when sizes
# alternate; compiling costs as much as some 200 runs gain, loading what was compiled before as much as some 20
_COMPILED_AFTER = 200
_LOADED_AFTER = 20
_UNLOADED_AFTER = 500  # runs for which the graph for every size was not needed
_MOST_SIZES = 8  # for which graphs are kept: as many as a robot has cameras
_COUNTED_OVER = (
    1000  # runs: images whose sizes change all the time, of which each is rare, get no graphs of their own
)

_Shapes = tuple[tuple[int, ...], ...]


def create(
    file: Path, compute: Compute, *, content: bytes | None = None, cache: Path | None = None
) -> OpenVinoEngine:
    """An engine as the catalogue makes it.

    Args:
        file: The ONNX file.
        compute: Device, precision and threads.
        content: What to load in place of what `file` holds.
        cache: Folder for compiled graphs; None: they are not kept.

    Raises:
        PerceptionError: As `OpenVinoEngine`.
    """
    return OpenVinoEngine(file, compute, content=content, cache=cache)


class OpenVinoEngine:
    """An `Engine` on OpenVINO's CPU plugin.

    It starts with a graph for every size. Sizes that come again and again, as from a camera, get graphs for themselves,
    compiled in the background and kept for the next start. The graph for every size is then unloaded.
    """

    def __init__(
        self, file: Path, compute: Compute, *, content: bytes | None = None, cache: Path | None = None
    ) -> None:
        """Loads the graph.

        Args:
            file: the ONNX file.
            compute: device, precision (auto: bfloat16 where the CPU has it, else float32) and threads.
            content: what to load in place of what `file` holds.
            cache: folder for the compiled graph, which loads several times as fast; None: compiled at every start.

        Raises:
            EngineError: without OpenVINO, or for a file that it cannot load.
            DeviceError: for a device or precision that it does not have.
            WeightsError: for a file that is missing or not ONNX, or, with `content` or `cache`, whose weights lie in a
                second file.
        """
        core = _core()
        if compute.device not in ("auto", "cpu"):
            raise DeviceError(
                f"device '{compute.device}': engine openvino computes on the CPU; set engine to torch"
            )
        self._precision = _precision(core, compute.precision)
        self._threads = compute.threads or cpu.cores()
        self._options = {
            "INFERENCE_PRECISION_HINT": _HINTS[self._precision],
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": self._threads,
            # a camera's driver may want to be on that core
            "ENABLE_CPU_PINNING": False,
        }
        self._file, self._content = file, content
        self.device = f"cpu (openvino {self._precision})"
        if content is None and not is_file(file, WeightsError):
            raise WeightsError(f"{file}: no such file{near_path(file)}; give the model as onnx:FILE")
        if content is None:
            weights_file.check(file)
        try:
            read = file.read_bytes() if content is None else content
            self.metadata: Mapping[str, str] = onnx_graph.metadata(read)
            names = onnx_graph.output_names(read)
        except OSError as error:
            raise WeightsError(f"{file}: {error.strerror or error}") from error
        except ValueError as error:
            raise WeightsError(f"{file}: {error}; get the file again or export it again") from error
        if content is not None or cache:
            weights_file.check_alone(file, read)  # also the fingerprint is that of one file
        self._blob = cache and cache / f"{file.stem}-{self._fingerprint(read)}.blob"
        self._steady = compute.steady
        self._free: Any = None  # for every size
        self._own: dict[_Shapes, Any] = {}
        self._refused: set[_Shapes] = set()
        graph = self._load(core)
        self.inputs = tuple(_port(value, value.any_name) for value in graph.inputs)
        # a value may have several names, and be several outputs
        named = [value.get_names() for value in graph.outputs]
        self._positions = [next(i for i, each in enumerate(named) if name in each) for name in names]
        self.outputs = tuple(
            _port(graph.outputs[position], name)
            for position, name in zip(self._positions, names, strict=True)
        )
        self._runs: Counter[_Shapes] = Counter()  # of the graph for every size, lately
        self._counted = 0  # runs of all graphs since then
        self._runs_without = 0
        self._compiling: threading.Thread | None = None

    def run(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        arrays = [np.require(feeds[port.name], port.dtype, "C") for port in self.inputs]
        request = self._request_for(tuple(array.shape for array in arrays))
        try:
            with turns.take(self._threads):
                results = request.infer(arrays, share_inputs=True, share_outputs=True)
                found = [np.array(results[position]) for position in self._positions]
        except RuntimeError as error:
            # where shapes did not fit, the graph keeps some of them, and refuses others from then on
            self._free = None
            self._own.clear()
            reason = _one_line(error)
            if re.search(
                r"bad_alloc|out of memory|failed to allocate|could not create a memory", reason, re.IGNORECASE
            ):
                raise MemoryError(reason) from error
            raise RuntimeError(reason) from error
        return found

    def _load(self, core: Any) -> Any:
        """Whatever tells the ports: where graphs for one size are kept, the one for every size may not be needed."""
        blob = self._blob
        if blob is not None and blob.is_file() and (self._steady or any(_of_one_size(blob))):
            return self._read(core)  # compiled before, so it can be
        self._free = self._open_free()
        compiled = self._free.get_compiled_model()
        if self._steady:
            self._free = None
        return compiled

    def _request_for(self, shapes: _Shapes) -> Any:
        self._counted += 1
        if self._counted >= _COUNTED_OVER:
            self._counted = 0
            self._runs.clear()
        own = self._own.get(shapes)
        if own is None and self._free is None and (self._steady or self._kept(shapes)):
            self._make_own(shapes)
            own = self._own.get(shapes)
        if own is not None:
            self._runs_without += 1
            if self._runs_without == _UNLOADED_AFTER and self._free is not None:
                self._free = None
                give_back_memory()
            return own
        if self._free is None:
            self._free = self._open_free()
        self._runs_without = 0
        if not self._steady:
            self._count(shapes)
        return self._free

    def _count(self, shapes: _Shapes) -> None:
        self._runs[shapes] += 1
        enough = _LOADED_AFTER if self._kept(shapes) else _COMPILED_AFTER
        if self._runs[shapes] < enough or shapes in self._refused:
            return
        if self._compiling is None or not self._compiling.is_alive():
            # not a daemon: the interpreter must not end while native code runs in it
            self._compiling = threading.Thread(
                target=self._make_own, args=(shapes,), name="openvino_compile", daemon=False
            )
            self._compiling.start()
            del self._runs[shapes]  # with more sizes than are kept, each would be made anew for every image

    def _make_own(self, shapes: _Shapes) -> None:
        """A graph for one size, compiled before or now; what cannot be compiled for it still runs for every size."""
        if shapes in self._refused or shapes in self._own:
            return
        blob = self._blob_of(shapes)
        request = self._import(blob)
        try:
            if request is None:
                model = self._read(_core())
                model.reshape(
                    {port.name: list(shape) for port, shape in zip(self.inputs, shapes, strict=True)}
                )
                compiled = _core().compile_model(model, "CPU", self._options)
                # an image's size may change all the time
                if (
                    blob is not None
                    and self._blob is not None
                    and len(_of_one_size(self._blob)) < _MOST_SIZES
                ):
                    _keep(compiled, blob)
                request = compiled.create_infer_request()
        except (RuntimeError, MemoryError):
            self._refused.add(shapes)
            return
        for oldest in list(self._own)[: len(self._own) - _MOST_SIZES + 1]:
            self._own.pop(oldest, None)  # a failed run in another thread may have dropped them all
        self._own[shapes] = request
        give_back_memory()

    def _kept(self, shapes: _Shapes) -> bool:
        blob = self._blob_of(shapes)
        return blob is not None and blob.is_file()

    def _blob_of(self, shapes: _Shapes) -> Path | None:
        if self._blob is None:
            return None
        size = "_".join("x".join(map(str, shape)) for shape in shapes)
        return self._blob.with_name(f"{self._blob.stem}-{size}.blob")

    def _import(self, blob: Path | None) -> Any:
        """What was compiled before; None where there is nothing to be used."""
        if blob is None or not blob.is_file():
            return None
        try:
            return _core().import_model(blob.read_bytes(), "CPU", self._options).create_infer_request()
        except (RuntimeError, OSError) as error:
            _LOG.info("%s: cannot be used, compiling again: %s", blob, _one_line(error))
            return None

    def _open_free(self) -> Any:
        core, blob = _core(), self._blob
        if (request := self._import(blob)) is not None:
            return request
        try:
            compiled = core.compile_model(self._read(core), "CPU", self._options)
        except RuntimeError as error:
            raise EngineError(
                f"{self._file}: OpenVINO {_version()} cannot load it: {_one_line(error)}; set engine to onnxruntime"
            ) from error
        if blob is not None:
            _keep(compiled, blob)
        return compiled.create_infer_request()

    def _read(self, core: Any) -> Any:
        return core.read_model(str(self._file) if self._content is None else self._content)

    def _fingerprint(self, content: bytes) -> str:
        """Of all that a compiled graph depends on."""
        parts = (_version(), cpu.name(), self._precision, self._threads)
        digest = hashlib.sha256("\n".join(map(str, parts)).encode())
        digest.update(content)
        return digest.hexdigest()[:16]


def precisions() -> tuple[str, ...]:
    """Numbers that this CPU computes in, the fastest first. Raises EngineError without OpenVINO."""
    capabilities = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return (*(name for name, capability in _CAPABILITIES.items() if capability in capabilities), "float32")


@functools.lru_cache(maxsize=1)
def _core() -> Any:
    try:
        with _without_telemetry():
            import openvino
    except ImportError as error:
        raise EngineError(f"engine openvino is not installed ({error}); run: pip install openvino") from error
    return openvino.Core()


@contextlib.contextmanager
def _without_telemetry() -> Iterator[None]:
    """Inside, OpenVINO finds no openvino_telemetry, with which it would report its import to Intel's server."""
    name = "openvino_telemetry"
    absent = name not in sys.modules
    if absent:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if absent:
            del sys.modules[name]


def _version() -> str:
    import openvino

    return str(openvino.__version__)


def _precision(core: Any, asked: str) -> str:
    here = precisions()
    if asked == "auto":
        return here[0]
    if asked not in _HINTS:
        raise ConfigError(f"precision '{asked}' is not known; choose one of: auto, {', '.join(_HINTS)}")
    if asked not in here:
        raise DeviceError(
            f"precision '{asked}': this CPU does not compute in it; choose one of: {', '.join(here)}"
        )
    return asked


def _keep(compiled: Any, blob: Path) -> None:
    # a folder that this user cannot write to, or a full disk, only means that every start compiles
    with contextlib.suppress(OSError, RuntimeError):
        blob.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(blob) as beside:
            beside.write_bytes(compiled.export_model().getvalue())


def _of_one_size(blob: Path) -> list[Path]:
    """Graphs for one size each, beside that for every size."""
    return list(blob.parent.glob(f"{glob.escape(blob.stem)}-*.blob"))


def _port(value: Any, name: str) -> Port:
    shape = tuple(size.get_length() if size.is_static else None for size in value.partial_shape)
    return Port(name, shape, np.dtype(value.element_type.to_dtype()))


def _one_line(error: BaseException) -> str:
    """What it says, without line breaks and places in its source."""
    text = re.sub(r"Exception from \S+:\d+:|Check '.*?' failed at \S+:\d+:", " ", str(error))
    return " ".join(text.split())
