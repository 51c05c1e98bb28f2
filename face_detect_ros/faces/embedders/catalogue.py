# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every embedder that can be named, and the one way to make one.

A plain mapping, as that of the detectors: naming an embedder imports and loads nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.engines import catalogue as engine_catalogue
from face_detect_ros.engines import torch as torch_engine
from face_detect_ros.engines import trial
from face_detect_ros.engines.catalogue import ANY_ENGINE, ONNX_ENGINES
from face_detect_ros.engines.protocol import Compute
from face_detect_ros.faces.embedders.protocol import Embedder
from face_detect_ros.faces.options import MatchOptions
from face_detect_ros.files.looking import exists
from face_detect_ros.zoo.formats import weights_file
from face_detect_ros.zoo.published import cache, checkpoints

__all__ = ["CATALOGUE", "DEFAULT", "Embedder", "EmbedderEntry", "create", "find", "names"]

DEFAULT = "dlib_resnet"
DLIB_PAIR_DISTANCE = 0.6
_MOST_JITTER = 1000


@dataclass(frozen=True)
class EmbedderEntry:
    """One named embedder.

    Attributes:
        name: What users write (see `usage`).
        kind: "dlib_resnet", "dlib", or the model id of an ONNX file.
        license: Of the weights.
        description: One line for lists.
        takes_file: Users write "name:path", or may do so where there is a checkpoint.
        checkpoint: Name of its weights in `zoo.published.checkpoints`, or empty.
        engines: Those that can compute it; empty where it brings its own code.
        packaged, task: For lists, as those of a detector.
        match: Its thresholds; distances of other embedders mean something else.
        unlike_distance: A new look of somebody must be nearer than this to one of theirs.
        pair_distance: Below which its makers take two faces for one person; where they say nothing, the even distance.
    """

    name: str
    kind: str
    license: str
    description: str
    takes_file: bool = False
    checkpoint: str = ""
    match: MatchOptions = field(default_factory=MatchOptions)
    unlike_distance: float = 0.8
    pair_distance: float = DLIB_PAIR_DISTANCE
    engines: tuple[str, ...] = ()
    packaged: str = ""
    task: str = "recognition"

    @property
    def needs_file(self) -> bool:
        """Whether users must name a file of theirs."""
        return self.takes_file and not self.checkpoint

    @property
    def usage(self) -> str:
        """What users write: "dlib", "arcface:FILE"."""
        return f"{self.name}:FILE" if self.needs_file else self.name


# of descriptors of length 1. Measured with a MobileFaceNet of 4 MB on 1,800 pairs of LFW, where the nearest wrong pair
# is at 1.126; OpenCV's own threshold for pairs of SFace is 1.128
_ARCFACE = MatchOptions(accept_distance=1.05, margin=0.1, even_distance=1.2, even_slope=43.3)

_ENTRIES = (
    EmbedderEntry(
        name="dlib_resnet",
        kind="dlib_resnet",
        license="CC0-1.0",
        description="dlib's descriptor by any engine, on CPU or GPU: 128 numbers",
        engines=ANY_ENGINE,
    ),
    EmbedderEntry(
        name="dlib",
        kind="dlib",
        license="CC0-1.0",
        description="dlib's descriptor run by dlib: the same numbers, without PyTorch",
    ),
    EmbedderEntry(
        name="arcface",
        kind="arcface",
        license="of the user's file",
        description="an ArcFace-type embedder (MobileFaceNet, iResNet) from an ONNX file of yours, 112 px",
        takes_file=True,
        match=_ARCFACE,
        unlike_distance=1.35,
        engines=ONNX_ENGINES,
        pair_distance=_ARCFACE.even_distance,
    ),
    EmbedderEntry(
        name="sface",
        kind="sface",
        license="Apache-2.0",
        description="OpenCV's SFace, published or from an ONNX file of yours, 112 px: 128 numbers",
        takes_file=True,
        checkpoint="sface",
        match=_ARCFACE,
        unlike_distance=1.35,
        engines=ONNX_ENGINES,
        pair_distance=1.128,
    ),
    EmbedderEntry(
        name="librefacerec-l",
        kind="arcface",
        license="Apache-2.0",
        description="an iResNet100 of 260 MB, published by LibreYOLO, 112 px: 512 numbers",
        checkpoint="librefacerec-l",
        match=_ARCFACE,
        unlike_distance=1.35,
        engines=ONNX_ENGINES,
        pair_distance=_ARCFACE.even_distance,
    ),
)
CATALOGUE: dict[str, EmbedderEntry] = {entry.name: entry for entry in _ENTRIES}


def names() -> tuple[str, ...]:
    """What users may write, the default first."""
    return tuple(entry.usage for entry in CATALOGUE.values())


def find(name: str) -> EmbedderEntry:
    """The entry that `name` ("dlib", "arcface:/path/to/file.onnx") means; the file itself is not looked at.

    Raises:
        ConfigError: No such embedder, or a file that is missing or too much.
    """
    bare, colon, file = name.partition(":")
    entry = CATALOGUE.get(bare)
    if entry is None:
        raise ConfigError(f"embedder '{name}' is not known; choose one of: {', '.join(names())}")
    if (entry.needs_file or colon) and not file:
        raise ConfigError(f"embedder '{name}' needs its file: write {entry.name}:/path/to/file")
    if colon and not entry.takes_file:
        raise ConfigError(f"embedder '{name}': {entry.name} takes no file; write {entry.name}")
    return entry


def identity(name: str) -> tuple[str, str]:
    """(model id, version) of the descriptors of embedder `name`, without loading it. Raises as `create` does."""
    entry = find(name)
    if entry.takes_file or entry.checkpoint:
        from face_detect_ros.faces.embedders import arcface

        return arcface.identity(entry.kind, _file(name, entry))
    from face_detect_ros.faces.embedders import dlib

    return dlib.MODEL_ID, dlib.MODEL_VERSION


def create(
    name: str = DEFAULT,
    device: str = "auto",
    precision: str = "auto",
    jitter: int = 0,
    *,
    engine: str = engine_catalogue.AUTO,
    threads: int = 0,
) -> Embedder:
    """A ready embedder.

    Args:
        name: As `names` lists them.
        device: auto, cpu, cuda or cuda:N.
        precision: auto, float32, bfloat16 or float16; auto is float32, because descriptors are kept and compared for
            years.
        jitter: Above 1, each descriptor is the mean over that many slightly moved copies of the face: somewhat
            steadier, at as many times the cost. dlib's embedders only.
        engine: What computes the network; "auto" is the fastest by measurement or experience.
        threads: Of the network on a CPU; 0 is one for each core.

    Raises:
        ConfigError: An unknown name, an engine, precision or jitter that cannot be used, or a missing library.
        DeviceError: A device that is not here.
        WeightsError: Weights that are missing, damaged or of another network.
    """
    entry = find(name)
    if not 0 <= jitter <= _MOST_JITTER:
        raise ConfigError(f"jitter is {jitter}; give a whole number from 0 (none) to {_MOST_JITTER}")
    if not entry.engines:
        if engine != engine_catalogue.AUTO:
            raise ConfigError(
                f"engine '{engine}': embedder '{entry.name}' brings its own; set engine to auto"
            )
        from face_detect_ros.faces.embedders.dlib import DlibEmbedder

        return DlibEmbedder(device, precision, jitter)
    torch_engine.wait_passively()
    order = engine_catalogue.order(entry.name, engine, device, entry.engines)
    compute = Compute(device, precision, threads)
    if entry.kind == "dlib_resnet":
        from face_detect_ros.faces.embedders.dlib import create_resnet

        return create_resnet(compute, order, jitter)
    from face_detect_ros.faces.embedders import arcface

    path = _file(name, entry)
    if ":" in name:  # a file of others
        look = {"kind": entry.kind, "engine_names": engine_catalogue.on_cpu(order)}
        trial.run(f"{__name__}:look_once", path, look)
    return arcface.create(entry.kind, path, compute, order, jitter)


def look_once(path: Path, kind: str, engine_names: Sequence[str]) -> None:
    """Make an embedder of a file on the CPU, which runs it on one face. Runs in a process of its own, see `trial`.

    Args:
        path: The file.
        kind: Name of the embedder in the catalogue.
        engine_names: Engines to try, best first.

    Raises:
        PerceptionError: The file cannot be used.
    """
    from face_detect_ros.faces.embedders import arcface

    arcface.create(kind, path, Compute("cpu"), engine_names, 0).close()


def _file(name: str, entry: EmbedderEntry) -> Path:
    """The user's file, or the published one. Raises WeightsError."""
    if file := name.partition(":")[2]:
        path = Path(os.path.expanduser(file))
        if exists(path, WeightsError):  # else the embedder says how to name it
            weights_file.check(path)
        return path
    return cache.locate(checkpoints.find(entry.checkpoint))
