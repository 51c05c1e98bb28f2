# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every detector that can be named, and the one way to make one.

A plain mapping, not an import-time registry: what exists can be read here, listed by the command line and
tested entry by entry, and naming a detector imports nothing. A new backend is a file with a factory function and
one entry in `CATALOGUE`. The factory of an entry whose network several engines compute is called as

    create(path, compute, engine_names, [input_size]) -> Detector

with the engines to try, best first; that of another one as

    create(device, [path], [precision=...], [input_size=...]) -> Detector

path: if the weights are a file or folder: the user's where the model is named ``NAME:PATH``, else that of the entry's
    `checkpoint`, looked up in the zoo's cache, or of its `packaged` weights.
precision: if the entry offers more than float32.
input_size: for objects; longest side in pixels of what the network sees, 0 for the model's own.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.engines import catalogue as engine_catalogue
from face_detect_ros.engines import torch as torch_engine
from face_detect_ros.engines import trial
from face_detect_ros.engines.catalogue import ANY_ENGINE, ONNX_ENGINES
from face_detect_ros.engines.protocol import Compute
from face_detect_ros.zoo.formats import weights_file
from face_detect_ros.zoo.published import cache, checkpoints, packaged

Task = Literal["faces", "objects"]
TASKS: tuple[str, ...] = get_args(Task)


ONLY_FLOAT32 = ("auto", "float32")
ANY_PRECISION = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class CatalogueEntry:
    """One named detector.

    Attributes:
        name: What users write (see `usage`).
        task: "faces" or "objects".
        factory: "module:function"; see the module.
        license: Of the weights (code and weights where they differ).
        description: One line for lists.
        takes_file: Users write "name:path", or may do so where there is a checkpoint.
        file_is: What the path names, for
            lists.
        tried_first: Such a file is native code's to interpret, so its first run happens in a process of its own.
        checkpoint: Name of its weights in `zoo.published.checkpoints`, or empty.
        packaged: Name of its weights in `zoo.published.packaged`, or empty.
        precisions: Numbers it can compute in.
        engines: Those that can compute it; empty where it brings its own code.
        score_threshold: Lowest score that is published unless somebody says otherwise; 0: the task's.
    """

    name: str
    task: Task
    factory: str
    license: str
    description: str
    takes_file: bool = False
    file_is: str = "FILE"
    tried_first: bool = False
    checkpoint: str = ""
    packaged: str = ""
    precisions: tuple[str, ...] = ONLY_FLOAT32
    engines: tuple[str, ...] = ()
    score_threshold: float = 0.0

    @property
    def needs_file(self) -> bool:
        """Whether users must name a file of theirs."""
        return self.takes_file and not self.checkpoint

    @property
    def usage(self) -> str:
        """What users write: "dlib_hog", "scrfd:FILE"."""
        return f"{self.name}:{self.file_is}" if self.needs_file else self.name


def _published(
    name: str, description: str, *, factory: str = "detr.detector:create", checkpoint: str = ""
) -> CatalogueEntry:
    """An object detector whose weights are published; `name` is that of its checkpoint unless another is given."""
    weights = checkpoints.find(checkpoint or name)
    return CatalogueEntry(
        name=name,
        task="objects",
        factory=f"face_detect_ros.detectors.{factory}",
        license=weights.license,
        description=description,
        checkpoint=weights.name,
        precisions=ANY_PRECISION,
        engines=ANY_ENGINE if "yolov9" in factory else (),
    )


_YOLOV9_SIZES = ("t", "s", "m", "c")

_ENTRIES = (
    CatalogueEntry(
        name="centerface",
        task="faces",
        factory="face_detect_ros.detectors.faces.centerface:create",
        license="MIT",
        description="CenterFace with 5 landmarks: any pose, small faces, bounded time at any image size",
        takes_file=True,
        tried_first=True,
        checkpoint="centerface",
        precisions=ANY_PRECISION,
        engines=ONNX_ENGINES,
        score_threshold=0.35,
    ),
    CatalogueEntry(
        name="dlib_hog",
        task="faces",
        factory="face_detect_ros.detectors.faces.dlib_faces:create_hog",
        license="Boost-1.0; landmarks CC0-1.0",
        description="dlib's HOG face detector with 5 landmarks: fast on CPU, frontal faces",
    ),
    CatalogueEntry(
        name="dlib_cnn",
        task="faces",
        factory="face_detect_ros.detectors.faces.dlib_faces:create_cnn",
        license="CC0-1.0",
        description="dlib's CNN (MMOD) face detector with 5 landmarks: any pose, slow on CPU",
    ),
    CatalogueEntry(
        name="mmod",
        task="faces",
        factory="face_detect_ros.detectors.faces.mmod:create",
        license="CC0-1.0",
        description="dlib's CNN run by PyTorch, with 5 landmarks: any pose, the same faces, many times as fast",
        precisions=ANY_PRECISION,
    ),
    CatalogueEntry(
        name="robot",
        task="faces",
        factory="face_detect_ros.detectors.faces.robot:create",
        license="Apache-2.0",
        description="faces from the packaged object network, boxes alone: one pass for both, weak on close-ups",
        packaged="yolov9_robot.safetensors",
        precisions=ANY_PRECISION,
        engines=ANY_ENGINE,
        score_threshold=0.25,
    ),
    CatalogueEntry(
        name="yunet",
        task="faces",
        factory="face_detect_ros.detectors.faces.yunet:create",
        license="MIT",
        description="OpenCV's YuNet, published or from an ONNX file of yours, with 5 landmarks: any pose, fast on CPU",
        takes_file=True,
        tried_first=True,
        checkpoint="yunet",
    ),
    CatalogueEntry(
        name="scrfd",
        task="faces",
        factory="face_detect_ros.detectors.faces.scrfd:create",
        license="of the user's file",
        description="insightface's SCRFD from an ONNX file of yours, with 5 landmarks: any pose",
        takes_file=True,
        tried_first=True,
        precisions=ANY_PRECISION,
        engines=ONNX_ENGINES,
        score_threshold=0.5,
    ),
    CatalogueEntry(
        name="retinaface",
        task="faces",
        factory="face_detect_ros.detectors.faces.retinaface:create",
        license="of the user's file",
        description="RetinaFace on MobileNet or ResNet from an ONNX file of yours, with 5 landmarks: any pose",
        takes_file=True,
        tried_first=True,
        precisions=ANY_PRECISION,
        engines=ONNX_ENGINES,
        score_threshold=0.5,
    ),
    CatalogueEntry(
        name="ultralight",
        task="faces",
        factory="face_detect_ros.detectors.faces.ultralight:create",
        license="of the user's file",
        description="Ultra-Light RFB or slim from an ONNX file of yours, boxes alone: tiny and fast",
        takes_file=True,
        tried_first=True,
        precisions=ANY_PRECISION,
        engines=ONNX_ENGINES,
        score_threshold=0.7,
    ),
    CatalogueEntry(
        name="blazeface",
        task="faces",
        factory="face_detect_ros.detectors.faces.blazeface:create",
        license="of the user's file",
        description="MediaPipe's BlazeFace from an ONNX file of yours, with 5 landmarks: close faces, tiny and fast",
        takes_file=True,
        tried_first=True,
        precisions=ANY_PRECISION,
        engines=ONNX_ENGINES,
        score_threshold=0.5,
    ),
    CatalogueEntry(
        name="yolov9-robot",
        task="objects",
        factory="face_detect_ros.detectors.yolov9.factory:create_with_attention",
        license="Apache-2.0",
        description="YOLOv9 t with attention at 416 px, trained by us on few images: people and faces",
        packaged="yolov9_robot.safetensors",
        precisions=ANY_PRECISION,
        engines=ANY_ENGINE,
    ),
    CatalogueEntry(
        name="yolov9",
        task="objects",
        factory="face_detect_ros.detectors.yolov9.factory:create",
        license="of the user's file",
        description="YOLOv9 (t, s, m, c, e) from a weights file of yours, in any published format",
        takes_file=True,
        precisions=ANY_PRECISION,
        engines=ANY_ENGINE,
    ),
    CatalogueEntry(
        name="yolov9-attn",
        task="objects",
        factory="face_detect_ros.detectors.yolov9.factory:create_with_attention",
        license="of the user's file",
        description="YOLOv9 with self- and cross-attention, from such a file or one fine-tuned from it",
        takes_file=True,
        precisions=ANY_PRECISION,
        engines=ANY_ENGINE,
    ),
    CatalogueEntry(
        name="detr",
        task="objects",
        factory="face_detect_ros.detectors.detr.detector:create",
        license="of the user's folder",
        description="a detector of the DETR family that transformers knows, from its folder or hub name",
        takes_file=True,
        file_is="FOLDER",
        precisions=ANY_PRECISION,
    ),
    CatalogueEntry(
        name="onnx",
        task="objects",
        factory="face_detect_ros.detectors.onnx.detector:create",
        license="of the user's file",
        description="any YOLO, YOLOX or DETR model from an ONNX file of yours, without PyTorch",
        takes_file=True,
        precisions=ANY_PRECISION,
        engines=ONNX_ENGINES,
        tried_first=True,
    ),
    *(
        _published(f"yolov9-{size}", f"YOLOv9 {size}, published weights", factory="yolov9.factory:create")
        for size in _YOLOV9_SIZES
    ),
    *(
        _published(
            f"yolov9-{size}-attn",
            "the same with self- and cross-attention: equal until fine-tuned",
            factory="yolov9.factory:create_with_attention",
            checkpoint=f"yolov9-{size}",
        )
        for size in _YOLOV9_SIZES
    ),
    *(
        _published(
            f"libreyolo9-{size}",
            f"YOLOv9 {size}, the same weights as LibreYOLO publishes them",
            factory="yolov9.detector:create",
        )
        for size in _YOLOV9_SIZES
    ),
    _published("rtdetrv2-r18", "RT-DETRv2 on ResNet-18"),
    _published("rtdetrv2-r34", "RT-DETRv2 on ResNet-34"),
    _published("rtdetrv2-r50", "RT-DETRv2 on ResNet-50"),
    _published("rtdetrv2-r101", "RT-DETRv2 on ResNet-101"),
    _published("dfine-n", "D-FINE nano"),
    _published("dfine-s", "D-FINE small"),
    _published("dfine-m", "D-FINE medium"),
    _published("dfine-l", "D-FINE large"),
    _published("dfine-x", "D-FINE extra large"),
    _published("rfdetr-nano", "RF-DETR nano"),
    _published("rfdetr-small", "RF-DETR small"),
    _published("rfdetr-medium", "RF-DETR medium"),
    _published("rfdetr-large", "RF-DETR large"),
    _published("deformable-detr", "Deformable DETR on ResNet-50"),
    _published("conditional-detr", "Conditional DETR on ResNet-50"),
)
CATALOGUE: dict[str, CatalogueEntry] = {entry.name: entry for entry in _ENTRIES}

DEFAULT_MODEL: dict[str, str] = {"faces": "centerface", "objects": "yolov9-robot"}

# min_size_px 0: each detector has its own, and CenterFace's grows with the image
FACE_OPTIONS = DetectOptions(score_threshold=0.5, iou_threshold=0.4, max_detections=100, min_size_px=0)
OBJECT_OPTIONS = DetectOptions(score_threshold=0.25, iou_threshold=0.6, max_detections=100)
DEFAULT_OPTIONS: dict[str, DetectOptions] = {"faces": FACE_OPTIONS, "objects": OBJECT_OPTIONS}


def names(task: str) -> tuple[str, ...]:
    """Names of the detectors for `task` that need no file, in the catalogue's order.

    Raises ConfigError for an unknown task.
    """
    return tuple(entry.name for entry in entries(task) if not entry.needs_file)


def entries(task: str) -> tuple[CatalogueEntry, ...]:
    """Every detector for `task`, in the catalogue's order. Raises ConfigError for an unknown task."""
    if task not in TASKS:
        raise ConfigError(f"task '{task}' is not known; choose one of: {', '.join(TASKS)}")
    return tuple(entry for entry in CATALOGUE.values() if entry.task == task)


def find(name: str, *, task: str) -> CatalogueEntry:
    """The entry that `name` ("dlib_hog", "yunet:/path/to/file.onnx") means; the file itself is not looked at.

    Raises ConfigError, listing what there is for `task`, if there is none, or if a file is lacking or too much.
    """
    known = entries(task)
    bare, colon, file = name.partition(":")
    entry = CATALOGUE.get(bare)
    if entry is None or entry not in known:
        hint = f" ('{bare}' is for task '{entry.task}')" if entry else _meant(name, task)
        raise ConfigError(f"model '{name}' is not known for task '{task}'{hint}; {_choices(known)}")
    if (entry.needs_file and not file) or (colon and not file):
        raise ConfigError(f"model '{name}' needs its file: write {entry.name}:/path/to/file")
    if colon and not entry.takes_file:
        raise ConfigError(f"model '{name}': {entry.name} takes no file; write {entry.name}")
    return entry


_BY_SUFFIX = {
    ".onnx": {"objects": "onnx", "faces": "yunet"},
    ".pt": {"objects": "yolov9"},
    ".pth": {"objects": "yolov9"},
    ".safetensors": {"objects": "yolov9"},
}


def _meant(name: str, task: str) -> str:
    """A question for an error message, where `name` is the path of a model whose prefix is missing; else empty."""
    prefix = _BY_SUFFIX.get(Path(name).suffix.lower(), {}).get(task, "")
    if not prefix and task == "objects" and (Path(name).expanduser() / "config.json").is_file():
        prefix = "detr"
    return f" (did you mean {prefix}:{name}?)" if prefix else ""


def default_model(task: str) -> str:
    """Name of the detector that `task` uses unless told otherwise. Raises ConfigError for an unknown task."""
    entries(task)
    return DEFAULT_MODEL[task]


def default_options(name: str, *, task: str) -> DetectOptions:
    """What detector `name` is asked for unless somebody says otherwise. Raises ConfigError as `find` does."""
    entry = find(name, task=task)
    options = DEFAULT_OPTIONS[task]
    return replace(options, score_threshold=entry.score_threshold or options.score_threshold)


def create(
    name: str,
    *,
    task: str,
    device: str = "auto",
    precision: str = "auto",
    input_size: int = 0,
    engine: str = engine_catalogue.AUTO,
    threads: int = 0,
) -> Detector:
    """A ready detector with its weights loaded; close it after use.

    Args:
        name: of the catalogue, with its file where it takes one.
        task: faces or objects.
        device: auto, cpu, cuda or cuda:N.
        precision: numbers to compute in; "auto" is the fastest that the device has.
        input_size: longest side in pixels of what the network of an object detector sees; 0: the model's own.
        engine: what computes the network; "auto": the fastest by measurement, or by experience (see
            `engines.catalogue`).
        threads: of the network on a CPU; 0: one for each core.

    Raises:
        ConfigError: for an unknown name, a missing library, or an engine, precision or input size that this detector
            does not offer.
        DeviceError: for a device or precision that is not here or that this detector cannot use.
        WeightsError: for a missing or damaged model file.
    """
    entry = find(name, task=task)
    if precision not in entry.precisions:
        offered = ", ".join(entry.precisions)
        raise ConfigError(f"precision '{precision}': model '{entry.name}' computes in {offered} only")
    if input_size and entry.task != "objects":
        raise ConfigError(f"input_size {input_size}: model '{entry.name}' takes images as they are; give 0")
    if not entry.engines and engine != engine_catalogue.AUTO:
        raise ConfigError(f"engine '{engine}': model '{entry.name}' brings its own; set engine to auto")
    torch_engine.wait_passively()
    factory = load_factory(entry.factory)
    if entry.engines:
        order = engine_catalogue.order(entry.name, engine, device, entry.engines)
        sized: dict[str, str | int] = {"input_size": input_size} if entry.task == "objects" else {}
        path = _weights(entry, name)
        if entry.tried_first and ":" in name:
            _try(entry, path, sized, order)
        return factory(path, Compute(device, precision, threads), order, **sized)
    arguments: dict[str, str | int] = {}
    if entry.precisions != ONLY_FLOAT32:
        arguments["precision"] = precision
    if entry.task == "objects":
        arguments["input_size"] = input_size
    if entry.takes_file or entry.packaged or entry.checkpoint:
        path = _weights(entry, name)
        if entry.tried_first and ":" in name:
            _try(entry, path, arguments)
        return factory(device, path, **arguments)
    return factory(device, **arguments)


def _try(
    entry: CatalogueEntry, path: Path, arguments: dict[str, str | int], engine_names: Sequence[str] = ()
) -> None:
    """Has a file of others run for the first time in a process of its own. Raises PerceptionError."""
    look = {"factory": entry.factory, "arguments": arguments, "engine_names": list(engine_names)}
    trial.run(f"{__name__}:look_once", path, look)


def look_once(path: Path, factory: str, arguments: dict[str, str | int], engine_names: Sequence[str]) -> None:
    """Makes a detector on the CPU, lets it look at one image, and closes it. Raises PerceptionError."""
    make = load_factory(factory)
    given = (path, Compute("cpu"), engine_names) if engine_names else ("cpu", path)
    detector = make(*given, **arguments)
    try:
        detector.warmup()
    finally:
        detector.close()


def _weights(entry: CatalogueEntry, name: str) -> Path:
    """The file or folder of `name`, which means `entry`. Raises WeightsError."""
    if file := name.partition(":")[2]:
        path = Path(file).expanduser()
        if path.is_file() and entry.file_is == "FILE":
            weights_file.check(path)
        return path
    if entry.packaged:
        return packaged.locate(entry.packaged)
    return cache.locate(checkpoints.find(entry.checkpoint))


def _choices(known: tuple[CatalogueEntry, ...]) -> str:
    return f"choose one of: {', '.join(entry.usage for entry in known)}"


def load_factory(path: str) -> Callable[..., Detector]:
    """The function that "module:function" names; imports the module. Its arguments: see `CatalogueEntry`."""
    module, _, function = path.partition(":")
    factory: Callable[..., Detector] = getattr(importlib.import_module(module), function)
    return factory
