# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How the outputs of an ONNX object detector are to be read, and what its pixels should be.

`OnnxFormat` is what the metadata of a file may say under the key `face_detect_ros`, as a JSON object of its fields.
`models export` writes it, and so can anyone whose file cannot be recognized. Omitted fields have the values that are
usual for the layout.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.objects.input import PADDING
from face_detect_ros.detectors.onnx.labels import NAMES_KEY
from face_detect_ros.detectors.onnx.layouts import LAYOUTS
from face_detect_ros.files.reading import parse_json
from face_detect_ros.images.resizing import FILTERS, OURS

KEY = "face_detect_ros"

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class OnnxFormat:
    """One kind of object detector.

    Attributes:
        layout: One of `layouts.LAYOUTS`.
        fit: Where an image lies in the input: "letterbox" (centered), "top_left" or "stretch".
        fill: Gray value around the image, 0-255.
        filter: How the image is resized, one of `resizing.FILTERS`.
        rounding: How the sides of the resized image become whole pixels: "nearest" or "down".
        color: Order of the channels, "rgb" or "bgr".
        largest: Value of a white pixel, 1 or 255.
        mean: Subtracted from each channel, in that order, as a fraction of `largest`.
        std: Each channel is divided by it, as a fraction of `largest`.
        multiple: What the sides of a free input must be a multiple of, in pixels.
        size: Longest side of a free input in pixels.
        shortest: With fit top_left, the length of the image's shorter side if the longer one fits then; 0: as large as
            fits.
        longest: Length of the image's longer side inside the input; 0: as large as fits.
        box: How boxes are written: "corners" (left, top, right, bottom) or "center" (center x, y, width, height);
            empty: as usual for the layout.
        unit: Of boxes: "pixels" of the input or "fractions" of it; empty: as usual for the layout.
        overlapping: Several boxes may show one thing, so suppression must choose.
        overlap_factor: That scores of boxes are multiplied by which overlap a better one, see
            `boxes.weaken_overlapping`.
        activation: Of DETR's logits: "sigmoid", or "softmax" whose last class is nothing.
        anchors: Of YOLO-FastestV2: widths and heights in pixels of the input.
        points: How many keypoints each detection has, and numbers for each: 2 (x, y) or 3 (x, y, score).

    Raises:
        ConfigError: A value is outside its range.
    """

    layout: str
    fit: str = "letterbox"
    fill: int = PADDING
    filter: str = OURS
    rounding: str = "nearest"
    color: str = "rgb"
    largest: int = 1
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    multiple: int = 32
    size: int = 640
    shortest: int = 0
    longest: int = 0
    box: str = ""
    unit: str = ""
    overlapping: bool = True
    overlap_factor: float = 1.0
    activation: str = "sigmoid"
    anchors: tuple[float, ...] = ()
    points: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        layout = LAYOUTS.get(self.layout)
        for name, default in {"box": "center", "unit": "pixels"}.items():
            if layout and not getattr(self, name):
                object.__setattr__(self, name, layout.usual.get(name, default))
        choices = {
            "layout": tuple(LAYOUTS),
            "fit": ("letterbox", "top_left", "stretch"),
            "filter": FILTERS,
            "rounding": ("nearest", "down"),
            "color": ("rgb", "bgr"),
            "largest": (1, 255),
            "box": ("center", "corners"),
            "unit": ("pixels", "fractions"),
            "activation": ("sigmoid", "softmax"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(
                    f"{name} is {getattr(self, name)!r}; give one of: {', '.join(map(str, allowed))}"
                )
        for name, counts in {"mean": (3,), "std": (3,), "anchors": (0, 12)}.items():
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
            if len(getattr(self, name)) not in counts:
                expected = "three" if counts == (3,) else "12"
                raise ConfigError(f"{name} is {getattr(self, name)}; give {expected} numbers")
        object.__setattr__(self, "points", tuple(int(value) for value in self.points))
        if len(self.points) != 2 or self.points[0] < 0 or (self.points[0] and self.points[1] not in (2, 3)):
            raise ConfigError(f"points is {self.points}; give how many, and 2 or 3 numbers for each")
        if min(self.std) <= 0 or min(self.anchors, default=1) <= 0:
            raise ConfigError(f"std is {self.std}, anchors {self.anchors}; give numbers above 0")
        if not 0 <= self.overlap_factor <= 1:
            raise ConfigError(f"overlap_factor is {self.overlap_factor}; give a number from 0 to 1")
        sizes = (self.shortest, self.longest)
        if not 0 <= self.fill <= 255 or self.multiple < 1 or self.size < self.multiple or min(sizes) < 0:
            raise ConfigError(
                f"fill {self.fill}, multiple {self.multiple}, size {self.size}, shortest {self.shortest}, longest "
                f"{self.longest}: out of range"
            )


def usual(layout: str) -> OnnxFormat:
    """What files of that layout expect where they say nothing else.

    Raises:
        ConfigError: The layout is unknown.
    """
    return OnnxFormat(layout=layout, **(dict(LAYOUTS[layout].usual) if layout in LAYOUTS else {}))


def described(metadata: Mapping[str, str], file: Path) -> OnnxFormat | None:
    """What the metadata of `file` says under `KEY`; None if it says nothing.

    Raises:
        ConfigError: It cannot be used.
    """
    if KEY not in metadata:
        return None
    try:
        said = parse_json(metadata[KEY], KEY)
        unknown = set(said) - {field.name for field in fields(OnnxFormat)}
        if unknown:
            raise ConfigError(f"unknown: {', '.join(sorted(unknown))}")
        return replace(usual(said["layout"]), **said)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, ConfigError) as error:
        known = ", ".join(field.name for field in fields(OnnxFormat))
        raise ConfigError(
            f"{file}: its metadata '{KEY}' is not a JSON object with 'layout' and, where unusual, others of {known} "
            f"({type(error).__name__}: {error})"
        ) from error


def to_metadata(described_as: OnnxFormat, labels: tuple[str, ...]) -> dict[str, str]:
    """The entries from which `described` and `labels.named_in` read them back."""
    return {
        KEY: json.dumps(asdict(described_as)),
        # also a literal of Python, as other tools expect
        NAMES_KEY: json.dumps(labels, ensure_ascii=False),
    }
