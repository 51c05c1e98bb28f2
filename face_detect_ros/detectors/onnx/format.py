"""How the output of an ONNX object detector is to be read, and what its pixels should be.

`OnnxFormat` is what the metadata of a file may say under the key `face_detect_ros`, as a JSON object of its fields;
`export` writes it, and so can anybody whose file cannot be told from its shapes. A field left out has the value
that is usual for the layout.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.objects.input import PADDING
from face_detect_ros.images.resizing import FILTERS, OURS
from face_detect_ros.zoo.published import coco

KEY = "face_detect_ros"
NAMES_KEY = "names"

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class OnnxFormat:
    """One kind of object detector.

    layout: one of LAYOUTS.
    fit: where a picture lies in the input: "letterbox" (centerd), "top_left" or "stretch".
    fill: 0-255, around it. filter: how it is resized, one of `resizing.FILTERS`.
    color: order of the channels, "rgb" or "bgr". largest: value of a white pixel, 1 or 255.
    mean, std: of each channel in that order, taken off and divided by, in parts of `largest`.
    multiple: what the sides of a free input must be a multiple of, in pixels.
    size: longest side of a free input, in pixels.
    shortest: with fit top_left, what a picture's shorter side becomes if the longer one fits then; 0: as large as fits.
    overlapping: several boxes may show one thing, so suppression must choose.
    activation: of DETR's logits: "sigmoid", or "softmax" whose last class is nothing.

    Raises ConfigError for a value outside its range.
    """

    layout: str
    fit: str = "letterbox"
    fill: int = PADDING
    filter: str = OURS
    color: str = "rgb"
    largest: int = 1
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    multiple: int = 32
    size: int = 640
    shortest: int = 0
    overlapping: bool = True
    activation: str = "sigmoid"

    def __post_init__(self) -> None:
        choices = {
            "layout": tuple(LAYOUTS),
            "fit": ("letterbox", "top_left", "stretch"),
            "filter": FILTERS,
            "color": ("rgb", "bgr"),
            "largest": (1, 255),
            "activation": ("sigmoid", "softmax"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(
                    f"{name} is {getattr(self, name)!r}; give one of: {', '.join(map(str, allowed))}"
                )
        for name in ("mean", "std"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
            if len(getattr(self, name)) != 3:
                raise ConfigError(f"{name} is {getattr(self, name)}; give three numbers")
        if min(self.std) <= 0:
            raise ConfigError(f"std is {self.std}; give numbers above 0")
        if not 0 <= self.fill <= 255 or self.multiple < 1 or self.size < self.multiple or self.shortest < 0:
            raise ConfigError(
                f"fill {self.fill}, multiple {self.multiple}, size {self.size}, shortest {self.shortest}: out of range"
            )


# filled with what is usual for each, below
LAYOUTS: dict[str, str] = {
    "yolo": "(B, 4 + C, N): center x, y, width, height in pixels, C scores (Ultralytics' YOLOv8 and later, YOLOv9)",
    "yolo_rows": "(B, N, 4 + C): the same, a row for each box",
    "yolo_objectness": "(B, N, 5 + C): the same with objectness before the scores (YOLOv5, v6, v7)",
    "yolo_end2end": "(B, N, 6): left, top, right, bottom in pixels, score, class (suppression inside)",
    "yolox": "(B, N, 5 + C): YOLOX as it is exported by default, boxes relative to the cells of strides 8, 16, 32",
    "yolox_decoded": "(B, N, 5 + C): YOLOX with boxes in pixels",
    "boxes_scores": "boxes (B, N, 4): left, top, right, bottom in pixels; scores (B, N, C), as `models export` writes",
    "detr": "logits (B, N, C), pred_boxes (B, N, 4): center x, y, width, height in parts of the picture",
    "rt_detr": "labels (B, N), boxes (B, N, 4), scores (B, N), with a second input orig_target_sizes",
}

_YOLOX = {"fit": "top_left", "color": "bgr", "largest": 255}
_DETR = {"fit": "stretch", "filter": "bilinear", "multiple": 1, "overlapping": False}
_USUAL: dict[str, dict[str, Any]] = {
    "yolo_end2end": {"overlapping": False},
    "yolox": _YOLOX,
    "yolox_decoded": _YOLOX,
    "detr": _DETR,
    "rt_detr": _DETR,
}


def usual(layout: str) -> OnnxFormat:
    """What files of that layout expect where they say nothing else. Raises ConfigError for an unknown layout."""
    return OnnxFormat(layout=layout, **_USUAL.get(layout, {}))


def described(metadata: Mapping[str, str], file: Path) -> OnnxFormat | None:
    """What the metadata of `file` says under KEY, or None. Raises ConfigError if it cannot be used."""
    if KEY not in metadata:
        return None
    try:
        said = json.loads(metadata[KEY])
        unknown = set(said) - {field.name for field in fields(OnnxFormat)}
        if unknown:
            raise ConfigError(f"unknown: {', '.join(sorted(unknown))}")
        return replace(usual(said["layout"]), **said)
    except (ValueError, TypeError, KeyError, ConfigError) as error:
        known = ", ".join(field.name for field in fields(OnnxFormat))
        raise ConfigError(
            f"{file}: its metadata '{KEY}' is not a JSON object with 'layout' and, where unusual, others of {known} "
            f"({type(error).__name__}: {error})"
        ) from error


def to_metadata(described_as: OnnxFormat, labels: tuple[str, ...]) -> dict[str, str]:
    """The entries from which `described` and `labels_of` read them back."""
    return {
        KEY: json.dumps(asdict(described_as)),
        # also a literal of Python, as other tools expect
        NAMES_KEY: json.dumps(labels, ensure_ascii=False),
    }


def named_in(metadata: Mapping[str, str], file: Path) -> tuple[str, ...] | None:
    """Class names from the metadata or a text file beside the model, or None. Raises ConfigError.

    Metadata `names`: a list of names or a dictionary from index to name, as JSON or as a literal of Python.
    """
    if NAMES_KEY in metadata:
        return _parse_names(metadata[NAMES_KEY], f"{file}: its metadata '{NAMES_KEY}'")
    for beside in label_files(file):
        if beside.is_file():
            try:
                lines = beside.read_text(encoding="utf-8-sig").splitlines()
            except (OSError, ValueError) as error:
                raise ConfigError(f"{beside}: cannot be read as UTF-8 text ({error})") from error
            return _checked([line.strip() for line in lines if line.strip()], str(beside))
    return None


def label_files(file: Path) -> tuple[Path, ...]:
    """Where the names of the classes may lie beside the model `file`, one a line."""
    return (
        file.with_name(f"{file.name}.labels.txt"),
        file.with_name(f"{file.stem}.labels.txt"),
        file.with_suffix(".txt"),
        file.with_suffix(".names"),
    )


def labels_for(named: tuple[str, ...] | None, count: int | None, file: Path) -> tuple[str, ...]:
    """Names for `count` classes (None: the outputs do not tell); COCO's where nothing names 80. Raises ConfigError."""
    beside = label_files(file)[0].name
    if named is None:
        if count == len(coco.CLASSES):
            return coco.CLASSES
        classes = "classes" if count is None else f"{count} classes"
        raise ConfigError(
            f"{file}: nothing names its {classes}; write the names, one a line, into {beside} beside it"
        )
    if count is not None and len(named) != count:
        raise ConfigError(
            f"{file}: has {count} classes but {len(named)} names (in its metadata or a text file beside it); "
            f"correct them, or write {count} names, one a line, into {beside}"
        )
    return named


def _parse_names(text: str, where: str) -> tuple[str, ...]:
    try:
        value = json.loads(text)
    except ValueError:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
            raise ConfigError(f"{where} is neither JSON nor a literal of Python") from error
    if isinstance(value, dict):
        try:
            value = {int(index): name for index, name in value.items()}
            value = [value[index] for index in range(len(value))]
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"{where} does not name every class from 0 on ({error})") from error
    return _checked(value, where)


def _checked(names: Any, where: str) -> tuple[str, ...]:
    if not isinstance(names, (list, tuple)) or not names:
        raise ConfigError(f"{where} is no list of names")
    if not all(isinstance(name, str) and name.strip() for name in names):
        raise ConfigError(f"{where} has a name that is no text, or empty")
    return tuple(names)
