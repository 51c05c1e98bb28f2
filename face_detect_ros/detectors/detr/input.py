"""Pictures to the input of a DETR-like network, as its image processor in `transformers` would prepare them.

On a CPU Pillow resizes, or PyTorch where it gives the same bytes faster: bit for bit as there. A GPU rounds once where
Pillow rounds twice (as `transformers` does with torchvision): up to 1 of 255 apart in some values. RF-DETR was trained
on pictures resized without averaging and without rounding, and gets those.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.detectors.objects import input as object_input
from face_detect_ros.detectors.objects.tensor_input import TensorInput

SETTINGS_FILE = "preprocessor_config.json"
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_EDGES = {"shortest_edge": 800, "longest_edge": 1333}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "RTDetrImageProcessor": {"size": {"height": 640, "width": 640}, "do_normalize": False, "do_pad": False},
    "DetrImageProcessor": {},
    "ConditionalDetrImageProcessor": {},
    "DeformableDetrImageProcessor": {},
    "RfDetrImageProcessor": {},
}
_BILINEAR, _BICUBIC = 2, 3
_EXACT_PARTS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class InputSettings:
    """How pictures are prepared.

    size: (height, width) to stretch to; or None, then edges: (shortest, longest) that a picture of any shape is
        resized to; or None, then it stays as it is. within: (height, width) that it is resized to fit into.
    padded: (height, width) that zeros at the right and bottom fill up, or None.
    mean, std: of values after multiplication by `factor`. resample: Pillow's number of a filter.
    plain: resize without averaging and without rounding.
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
    def longest(self) -> int:
        """The longest side of the input in pixels, 0 if it has no limit."""
        return max(self.padded or self.size or self.within or self.edges or (0,))

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) that a picture is resized to, at least 1 x 1."""
        result = (height, width)
        if self.size:
            result = self.size
        elif self.within:
            scale = min(self.within[0] / height, self.within[1] / width)
            result = (int(height * scale), int(width * scale))
        elif self.edges:
            result = _by_edges(height, width, *self.edges)
        return max(1, result[0]), max(1, result[1])

    def with_longest(self, px: int) -> InputSettings:
        """The same with another longest side: a square where pictures are stretched or padded to one size."""
        square = (px, px)
        return replace(
            self,
            size=self.size and square,
            edges=self.edges and square,
            within=self.within and square,
            padded=self.padded and square,
        )


def read_settings(folder: Path, processor: str) -> InputSettings:
    """What preprocessor_config.json says. processor: name of the image processor where the file names none.

    Raises WeightsError for a missing or damaged file and ConfigError for settings that are not known here.
    """
    file = folder / SETTINGS_FILE
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
        given = {key: value for key, value in given.items() if value is not None}  # null: the default
        name = given.get("image_processor_type") or given.get("feature_extractor_type") or processor
        name = name.replace("FeatureExtractor", "ImageProcessor").removesuffix("Fast").removesuffix("Pil")
        if name not in _DEFAULTS:
            raise ConfigError(
                f"{file}: image processor '{name}' is not known; known are {', '.join(_DEFAULTS)}"
            )
        return _settings(name, {**_DEFAULTS[name], **given})
    except FileNotFoundError:
        raise WeightsError(f"{file} is missing: copy it from where the model came from") from None
    except (ValueError, TypeError, AttributeError, KeyError, OSError) as error:
        raise WeightsError(
            f"{file} is damaged ({error}): copy it again from where the model came from"
        ) from error


def _settings(name: str, given: dict[str, Any]) -> InputSettings:
    resample = int(given.get("resample", _BILINEAR))
    if resample not in {int(filter) for filter in Image.Resampling} or (
        name == "RfDetrImageProcessor" and resample not in (2, 3)
    ):
        raise ConfigError(f"{SETTINGS_FILE}: resample {resample} is not known")
    mean, std = _IMAGENET
    if not given.get("do_normalize", True):
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    elif "image_mean" in given or "image_std" in given:
        mean, std = given.get("image_mean", mean), given.get("image_std", std)
    pad_size = given.get("pad_size") if given.get("do_pad", True) else None
    sizes = _size(given.get("size"), given.get("max_size")) if given.get("do_resize", True) else {}
    return InputSettings(
        **sizes,
        padded=(int(pad_size["height"]), int(pad_size["width"])) if pad_size else None,
        factor=float(given.get("rescale_factor", 1 / 255)) if given.get("do_rescale", True) else 1.0,
        mean=tuple(float(value) for value in mean),
        std=tuple(float(value) for value in std),
        resample=resample,
        plain=name == "RfDetrImageProcessor",
    )


def _size(size: Any, longest: int | None) -> dict[str, tuple[int, int]]:
    if size is None:
        size = _EDGES
    if isinstance(size, int):  # files of old versions
        size = {"shortest_edge": size, "longest_edge": longest or _EDGES["longest_edge"]}
    for kind, names in {
        "edges": ("shortest_edge", "longest_edge"),
        "within": ("max_height", "max_width"),
        "size": ("height", "width"),
    }.items():
        if all(size.get(name) for name in names):
            first, second = (int(size[name]) for name in names)
            return {kind: (first, second)}
    raise ConfigError(f"{SETTINGS_FILE}: size {size} is not known; give height and width")


def _by_edges(height: int, width: int, shortest: int, longest: int) -> tuple[int, int]:
    """As DETR does it, with its way of rounding."""
    short, long = min(height, width), max(height, width)
    exact = float(shortest)
    if long / short * shortest > longest:
        exact = longest * short / long
        shortest = round(exact)
    if short == shortest:
        return height, width
    other = int(exact * long / short)
    return (other, shortest) if width < height else (shortest, other)


class DetrInput:
    """Pictures to the network's input on `device`, float32."""

    def __init__(self, settings: InputSettings, device: torch.device) -> None:
        self.settings = settings
        self._device = device
        unit = 255 * settings.factor  # `TensorInput` divides by 255 itself
        self._pixels = TensorInput(
            device,
            torch.float32,
            fill=0,
            mean=[m / unit for m in settings.mean],
            std=[s / unit for s in settings.std],
            resize=self._resize,
        )

    def place(self, height: int, width: int) -> Letterbox:
        resized = self.settings.resized(height, width)
        target = self.settings.padded or resized
        if resized[0] > target[0] or resized[1] > target[1]:
            raise ConfigError(
                f"{SETTINGS_FILE}: pad_size {target} is smaller than the resized picture, {resized}"
            )
        return Letterbox((height, width), target, resized, (0, 0))

    @torch.inference_mode()
    def __call__(
        self, images: Sequence[np.ndarray], places: Sequence[Letterbox]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, 3, H, W) float32, and (B, H, W) that is 1 where pictures are and 0 in the padding, None if all are 1."""
        prepare = self._unrounded if self.settings.plain else self._pixels
        values = prepare(images, places)
        if all(place.resized == place.target for place in places):
            return values, None
        mask = torch.zeros((len(images), *places[0].target), dtype=torch.int64, device=self._device)
        for index, place in enumerate(places):
            mask[index, : place.resized[0], : place.resized[1]] = 1
        return values.mul_(mask[:, None]), mask

    def _resize(self, image: np.ndarray, out: np.ndarray) -> None:
        if image.shape == out.shape:
            np.copyto(out, image)
        elif self.settings.resample == _BILINEAR and _same_by_pytorch(image.shape[:2], out.shape[:2]):
            pixels = torch.from_numpy(np.require(image, requirements=["C", "W"]))[None].permute(0, 3, 1, 2)
            resized = functional.interpolate(pixels, out.shape[:2], mode="bilinear", antialias=True)
            np.copyto(out, resized[0].permute(1, 2, 0).numpy())
        else:
            filter = Image.Resampling(self.settings.resample)
            out[...] = Image.fromarray(image).resize(out.shape[1::-1], filter)

    def _unrounded(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> torch.Tensor:
        settings = self.settings
        values = torch.zeros((len(images), 3, *places[0].target), device=self._device)
        mode = "bicubic" if settings.resample == _BICUBIC else "bilinear"
        for index, (image, place) in enumerate(zip(images, places, strict=True)):
            pixels = torch.from_numpy(np.array(image, order="C")).to(self._device).permute(2, 0, 1)[None]
            resized = functional.interpolate(pixels.float(), place.resized, mode=mode, align_corners=False)
            values[index, :, : place.resized[0], : place.resized[1]] = resized[0]
        channel = (1, 3, 1, 1)
        scale = torch.tensor([settings.factor / s for s in settings.std], device=self._device).view(channel)
        shift = torch.tensor(
            [-m / s for m, s in zip(settings.mean, settings.std, strict=True)], device=self._device
        )
        return values.mul_(scale).add_(shift.view(channel))


def _same_by_pytorch(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether PyTorch's bilinear filter for bytes, of the same design with coarser weights, gives Pillow's bytes.

    It does where weights are exact in both: fractions of a small power of two, as when 480 rows become 640.
    """
    sides = zip(before, after, strict=True)
    return all(old <= new and new // math.gcd(old, new) in _EXACT_PARTS for old, new in sides)


def sized(settings: InputSettings, asked_px: int, multiple: int, file: Path) -> InputSettings:
    """The settings with `asked_px` as longest side, if not 0.

    multiple: of what the sides must be. Raises ConfigError for a size that the network cannot take.
    """
    if multiple > 1 and not (settings.padded or settings.size):
        raise ConfigError(f"{file}: this network needs pictures of one size; give size with height and width")
    own = settings.padded or settings.size or (0,)
    if any(side % multiple for side in own):
        raise ConfigError(f"{file}: size {own}: the sides must be multiples of {multiple}")
    if asked_px and not settings.longest:
        raise ConfigError(f"input_size {asked_px}: {file} leaves pictures as they are; give 0")
    px = object_input.input_size(asked_px, settings.longest, int(np.lcm(multiple, 32)))
    return settings.with_longest(px) if asked_px else settings
