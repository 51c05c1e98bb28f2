# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The engines side by side: every model on every engine that is here, one 640x480 image or one face at a time.

Each runs in a process of its own. They take turns, a few images each, so that a disturbance meets all of them, and the
least time of each counts.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

from face_detect_ros.benchmarks.engine_process import RECOGNITION
from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.entry import CatalogueEntry
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.faces.embedders import catalogue as embedders
from face_detect_ros.faces.embedders.catalogue import EmbedderEntry
from face_detect_ros.zoo.published import cache, checkpoints

ROUNDS = 12
_CLEARLY = 0.9

_MODULE = "face_detect_ros.benchmarks.engine_process"


@dataclass(frozen=True)
class EngineRow:
    """One model on one engine.

    Attributes:
        model, engine, precision: As asked for.
        device: Where and how it computes.
        total_ms: Least time from an image of 640x480 to boxes, or from a face's points to its descriptor.
        network_ms: Of it in the network.
        cpu_ms: Least CPU time of such an image, over all threads.
        start_s: From the start of Python to the first boxes, with everything cached.
        start_cpu_s: CPU time of it.
        peak_mb: Peak memory of the process after the first image.
        mixed_s: 40 images of different sizes, once each; None for an embedder.
        chosen: Whether `auto` takes this engine now.
        problem: Why there are no figures.
    """

    model: str
    engine: str
    precision: str
    device: str = ""
    total_ms: float | None = None
    network_ms: float | None = None
    cpu_ms: float | None = None
    start_s: float | None = None
    start_cpu_s: float | None = None
    peak_mb: float | None = None
    mixed_s: float | None = None
    chosen: bool = False
    problem: str = ""


def default_models() -> list[str]:
    """Detectors and embedders whose weights are here and that several engines compute, the default ones first."""
    names = [*catalogue.DEFAULT_MODEL.values(), *catalogue.names("faces"), *embedders.CATALOGUE]
    return [name for name in dict.fromkeys(names) if _measurable(name)]


def _entry(name: str) -> CatalogueEntry | EmbedderEntry | None:
    return catalogue.CATALOGUE.get(name) or embedders.CATALOGUE.get(name)


def _measurable(name: str) -> bool:
    entry = _entry(name)
    if entry is None or entry.needs_file:
        return False
    here = not entry.checkpoint or cache.presence(checkpoints.find(entry.checkpoint)) == "yes"
    return here and len(entry.engines) > 1


def measure(models: Sequence[str], *, threads: int = 0) -> list[EngineRow]:
    """The rows of each model, the fastest first.

    Raises:
        ConfigError: for a model that is unknown or has one engine only.
    """
    rows: list[EngineRow] = []
    for model in models:
        entry = _entry(model.partition(":")[0])
        if entry is None or len(entry.engines) < 2:
            raise ConfigError(f"model '{model}' is unknown or has one engine only; nothing is to be compared")
        rows += _rows(model, entry, threads)
    return rows


def fastest(rows: Sequence[EngineRow]) -> dict[str, str]:
    """The engine by model that `auto` should take: the least total time in the precision that it chooses itself.

    One that comes later in the catalogue has to be faster by a tenth: a second library in a process takes some 60 MB.
    """
    best: dict[str, EngineRow] = {}
    for row in sorted(rows, key=lambda row: engines.ANY_ENGINE.index(row.engine)):
        name = row.model.partition(":")[0]
        if row.precision == "auto" and row.total_ms is not None:
            known = best.get(name)
            if known is None or row.total_ms < _CLEARLY * (known.total_ms or 0):
                best[name] = row
    return {name: row.engine for name, row in best.items()}


def _rows(model: str, entry: CatalogueEntry | EmbedderEntry, threads: int) -> list[EngineRow]:
    with contextlib.ExitStack() as opened:
        measured: list[_Measured] = []
        seen = set()
        for engine in entry.engines:
            if engines.problem(engine) or not engines.ENGINES[engine].on_cpu:
                continue
            # descriptors are always computed in float32
            for precision in ("auto",) if entry.task == RECOGNITION else ("auto", "float32"):
                one = opened.enter_context(_started(entry.task, model, engine, precision, threads))
                # an engine that has float32 alone is the same twice
                if engine == engines.TORCH or one.device not in seen:
                    measured.append(one)
                seen.add(one.device)
        running = [each for each in measured if not each.problem]
        for _ in range(ROUNDS):
            for each in running:
                each.look()
        for each in () if entry.task == RECOGNITION else running:
            each.mixed_s = sum(each.ask("mixed")["total_ms"]) / 1e3
        rows = [each.row(model) for each in measured]
    return sorted(rows, key=lambda row: (row.total_ms is None, row.total_ms))


class _Measured:
    """A process with one detector on one engine, and what it took so far."""

    def __init__(self, engine: str, precision: str, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._engine, self._precision = engine, precision
        self._total_ms: list[float] = []
        self._network_ms: list[float] = []
        self._cpu_ms: list[float] = []
        self.mixed_s: float | None = None
        start_s = time.perf_counter()
        self._first = self._answer()
        self._start_s = time.perf_counter() - start_s

    @property
    def problem(self) -> str:
        return str(self._first.get("error", ""))

    @property
    def device(self) -> str:
        return str(self._first.get("device", self.problem))

    def ask(self, what: str) -> dict[str, Any]:
        stdin = cast(IO[str], self._process.stdin)
        stdin.write(f"{what}\n")
        stdin.flush()
        return self._answer()

    def look(self) -> None:
        answer = self.ask("VGA")
        self._total_ms += answer["total_ms"]
        self._network_ms += answer["network_ms"]
        self._cpu_ms.append(answer["cpu_ms"])

    def row(self, model: str) -> EngineRow:
        if self.problem:
            return EngineRow(model, self._engine, self._precision, problem=self.problem)
        return EngineRow(
            model,
            self._engine,
            self._precision,
            device=self.device,
            total_ms=min(self._total_ms),
            network_ms=min(self._network_ms),
            cpu_ms=min(self._cpu_ms),
            start_s=self._start_s,
            start_cpu_s=self._first["cpu_s"],
            peak_mb=self._first["peak_mb"],
            mixed_s=self.mixed_s,
        )

    def _answer(self) -> dict[str, Any]:
        line = cast(IO[str], self._process.stdout).readline()
        if not line:
            raise WeightsError(f"a measurement ended by itself with exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextlib.contextmanager
def _started(task: str, model: str, engine: str, precision: str, threads: int) -> Iterator[_Measured]:
    """The second of two starts: what the first one exports and compiles is there then."""
    path = [entry for entry in sys.path if isinstance(entry, str)]
    code = f"import sys; sys.path[:] = {path!r}; from {_MODULE} import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, task, model, engine, precision, str(threads)]
    for last in (False, True):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            measured = _Measured(engine, precision, process)
            if last or measured.problem:
                yield measured
                return
        finally:
            process.kill()
            process.communicate()
