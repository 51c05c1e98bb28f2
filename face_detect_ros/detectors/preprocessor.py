# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What preprocessor_config.json, the file of `transformers`' image processors, says about the input of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.core.errors import ConfigError, PerceptionError, WeightsError
from face_detect_ros.detectors.objects import input as object_input
from face_detect_ros.files.reading import number, numbers, read_object
from face_detect_ros.images.resizing import PILLOW_FILTERS, by_edges

SETTINGS_FILE = "preprocessor_config.json"
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_EDGES = {"shortest_edge": 800, "longest_edge": 1333}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "RTDetrImageProcessor": {"size": {"height": 640, "width": 640}, "do_normalize": False, "do_pad": False},
    "DetrImageProcessor": {},
    "ConditionalDetrImageProcessor": {},
    "DeformableDetrImageProcessor": {},
    "RfDetrImageProcessor": {},
    "YolosImageProcessor": {},
    "GroundingDinoImageProcessor": {},
}
_BILINEAR = 2
_PLAIN = ("RfDetrImageProcessor", (2, 3))  # resizes without averaging, by these filters
_MOST_PX = 1 << 16


@dataclass(frozen=True)
class InputSettings:
    """How images are prepared.

    Attributes:
        size: (height, width) to stretch to; or None, then edges: (shortest, longest) that an image of any shape is
            resized to; or None, then it stays as it is.
        within: (height, width) that it is resized to fit into.
        padded: (height, width) that zeros at the right and bottom fill up, or None.
        mean, std: Of values after multiplication by `factor`.
        resample: Pillow's number of a filter.
        plain: Resize without averaging and without rounding.
    """

    size: tuple[int, int] | None = None
    edges: tuple[int, int] | None = None
    within: tuple[int, int] | None = None
    padded: tuple[int, int] | None = None
    factor: float = 1 / 255
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    resample: int = _BILINEAR
    plain: bool = False

    @property
    def filter(self) -> str:
        """Name of the filter, one of `resizing.FILTERS`."""
        return ("plain_" if self.plain else "") + PILLOW_FILTERS[self.resample]

    @property
    def longest(self) -> int:
        """The longest side of the input in pixels, 0 if it has no limit."""
        return max(self.padded or self.size or self.within or self.edges or (0,))

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) that an image is resized to, at least 1 x 1."""
        result = (height, width)
        if self.size:
            result = self.size
        elif self.within:
            scale = min(self.within[0] / height, self.within[1] / width)
            result = (int(height * scale), int(width * scale))
        elif self.edges:
            result = by_edges(height, width, *self.edges)
        return max(1, result[0]), max(1, result[1])

    def with_longest(self, px: int) -> InputSettings:
        """The same with another longest side: a square where images are stretched or padded to one size."""
        square = (px, px)
        return replace(
            self,
            size=self.size and square,
            edges=self.edges and square,
            within=self.within and square,
            padded=self.padded and square,
        )


def read_settings(
    file: Path, processor: str = "", *, error: type[PerceptionError] = WeightsError
) -> InputSettings:
    """Read a preprocessor_config.json.

    Args:
        file: Its path.
        processor: The image processor where the file names none; empty: any is taken for DETR's.
        error: What to raise for a missing or damaged file.

    Raises:
        error: See above.
        ConfigError: For settings that are not known here.
    """
    hint = "copy it again from where the model came from"
    given = read_object(file, error=error, hint=hint)
    try:
        given = {key: value for key, value in given.items() if value is not None}  # null: the default
        name = given.get("image_processor_type") or given.get("feature_extractor_type") or processor
        name = name.replace("FeatureExtractor", "ImageProcessor").removesuffix("Fast").removesuffix("Pil")
        if processor and name not in _DEFAULTS:
            raise ConfigError(
                f"{file}: image processor '{name}' is not known; known are {', '.join(_DEFAULTS)}"
            )
        return _settings(name, {**_DEFAULTS.get(name, {}), **given}, file)
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as cause:
        raise error(f"{file}: damaged ({type(cause).__name__}: {cause}); {hint}") from cause


def _settings(name: str, given: Mapping[str, Any], file: Path) -> InputSettings:
    resample = int(given.get("resample", _BILINEAR))
    plain = name == _PLAIN[0]
    if not 0 <= resample < len(PILLOW_FILTERS) or (plain and resample not in _PLAIN[1]):
        raise ConfigError(f"{file}: resample {resample} is not known")
    mean, std = _IMAGENET
    if not given.get("do_normalize", True):
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    elif "image_mean" in given or "image_std" in given:
        mean, std = given.get("image_mean", mean), given.get("image_std", std)
    if min(numbers(std, 3)) <= 0:
        raise ValueError(f"image_std {std} is not above 0")
    pad_size = given.get("pad_size") if given.get("do_pad", True) else None
    sizes = _size(given.get("size"), given.get("max_size"), file) if given.get("do_resize", True) else {}
    factor = number(given.get("rescale_factor", 1 / 255)) if given.get("do_rescale", True) else 1.0
    if factor <= 0:
        raise ValueError(f"rescale_factor {factor} is not above 0")
    return InputSettings(
        **sizes,
        padded=(_side(pad_size["height"]), _side(pad_size["width"])) if pad_size else None,
        factor=factor,
        mean=tuple(numbers(mean, 3)),
        std=tuple(numbers(std, 3)),
        resample=resample,
        plain=plain,
    )


def _size(size: Any, longest: int | None, file: Path) -> dict[str, tuple[int, int]]:
    if size is None:
        size = _EDGES
    if isinstance(size, int):  # files of old versions
        size = {"shortest_edge": size, "longest_edge": longest or _EDGES["longest_edge"]}
    elif longest and not size.get("longest_edge"):
        size = {**size, "longest_edge": longest}
    for kind, names in {
        "edges": ("shortest_edge", "longest_edge"),
        "within": ("max_height", "max_width"),
        "size": ("height", "width"),
    }.items():
        if all(size.get(name) for name in names):
            return {kind: (_side(size[names[0]]), _side(size[names[1]]))}
    raise ConfigError(f"{file}: size {size!r:.80} is not known; give height and width")


def _side(value: Any) -> int:
    pixels = int(value)
    if not 1 <= pixels <= _MOST_PX:
        raise ValueError(f"a side of {pixels} pixels")
    return pixels


def sized(settings: InputSettings, asked_px: int, multiple: int, file: Path) -> InputSettings:
    """The settings with `asked_px` as longest side, if not 0.

    Args:
        settings: As the file says.
        asked_px: Longest side in pixels; 0: that of the settings.
        multiple: Of what the sides must be. Raises ConfigError for a size that the network cannot take.
        file: What the settings are from, for the error.
    """
    if multiple > 1 and not (settings.padded or settings.size):
        raise ConfigError(f"{file}: this network needs images of one size; give size with height and width")
    own = settings.padded or settings.size or (0,)
    if any(side % multiple for side in own):
        raise ConfigError(f"{file}: size {own}: the sides must be multiples of {multiple}")
    if asked_px and not settings.longest:
        raise ConfigError(f"input_size {asked_px}: {file} leaves images as they are; give 0")
    px = object_input.input_size(asked_px, settings.longest, int(np.lcm(multiple, 32)))
    return settings.with_longest(px) if asked_px else settings
