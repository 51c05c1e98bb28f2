# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""dlib's CNN face detector run by PyTorch: `mmod`, with 5 landmarks; CPU or GPU, many images at once.

The same weights, image pyramid, boxes and suppression of overlaps as `dlib_cnn`, so the same faces with the
same scores, but many times as fast and without holding Python's lock. Scores below 0.5 reach below the
threshold that dlib has compiled in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors.faces.scan import DlibFaceDetector, Found, ScanLimits
from face_detect_ros.engines import torch as torch_engine
from face_detect_ros.faces.points import load_landmarks
from face_detect_ros.nn import devices
from face_detect_ros.nn.dlib import tiled_pyramid
from face_detect_ros.nn.dlib.description import MMOD_STRUCTURE, MmodOptions, NetworkDescription
from face_detect_ros.nn.dlib.nets import MmodNetwork
from face_detect_ros.nn.dlib.tiled_pyramid import PyramidLayout
from face_detect_ros.zoo.formats import dlib_file
from face_detect_ros.zoo.published import dlib_models

_MOST_CANDIDATES = 5000  # of one image, best first, before overlapping ones go
_CPU_SCAN_PX = 8_300_000  # 4K; measured: about 200 bytes of memory a pixel, so this is 1.6 GB
_GPU_SCAN_PX = 33_200_000  # 8K
_CPU_BATCH_PX = 400_000  # more at once gains nothing on a CPU
_GPU_BATCH_PX = 8_300_000


def create(device: str, precision: str = "auto") -> Detector:
    """dlib's CNN detector, computed by PyTorch.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision: "auto", "float32", "bfloat16" or "float16".

    Raises:
        DeviceError: The device or precision is not here.
        ConfigError: dlib, which finds the landmarks, is not installed, or the precision is unknown.
        WeightsError: The weights are missing or altered.
    """
    scan = MmodScan(
        dlib_file.load(dlib_models.CNN_DETECTOR, MMOD_STRUCTURE), *devices.choose(device, precision)
    )
    on_cpu = scan.device.type == "cpu"
    limits = ScanLimits(
        smallest_px=min(min(window.width, window.height) for window in scan.options.windows),
        largest_scan_px=_CPU_SCAN_PX if on_cpu else _GPU_SCAN_PX,
        largest_batch_px=_CPU_BATCH_PX if on_cpu else _GPU_BATCH_PX,
    )
    return DlibFaceDetector(scan, limits, load_landmarks(dlib_models.import_dlib()), str(scan.device))


class MmodScan:
    """A `Scan`: images of one size to boxes and margins, as dlib's loss_mmod gives them.

    Args:
        description: The network in dlib's file.
        device: Where it computes.
        dtype: Numbers to compute in.
    """

    def __init__(self, description: NetworkDescription, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype
        self._network = MmodNetwork(description).to(device, dtype)
        self.options: MmodOptions = self._network.options
        self._padding = (description.input.padding or 0, description.input.outer_padding or 0)
        self._mean = torch.tensor(description.input.mean, device=device)
        self._canvas = torch.empty(0)
        self._canvas_layout: PyramidLayout | None = None

    @torch.inference_mode()
    def __call__(self, images: Sequence[np.ndarray], lowest: float) -> list[Found]:
        """images: (H, W, 3) uint8 RGB of one size. Boxes are whole pixels, some partly outside."""
        layout = tiled_pyramid.layout(images[0].shape[0], images[0].shape[1], *self._padding)
        with torch_engine.turn(self.device.type == "cpu"), devices.exact(self.dtype):
            canvas = self._canvas_for(layout, len(images))
            tiled_pyramid.paint(canvas, layout, images, self._mean)
            margins = self._network(tiled_pyramid.interleaved(canvas))
        return [self._boxes(one, layout, lowest) for one in margins]

    def _canvas_for(self, layout: PyramidLayout, count: int) -> torch.Tensor:
        """Canvases, those of the latest call where they fit: what is black on them stays black."""
        if self._canvas_layout != layout or len(self._canvas) < count:
            self._canvas = tiled_pyramid.blank(layout, count, device=self.device, dtype=self.dtype)
            self._canvas_layout = layout
        return self._canvas[:count]

    def _boxes(self, margins: torch.Tensor, layout: PyramidLayout, lowest: float) -> Found:
        """margins: (windows, H, W) of one image."""
        flat = margins.flatten()
        candidates = torch.nonzero(flat > lowest)[:, 0]
        values = flat[candidates]
        order = torch.argsort(values, descending=True, stable=True)[:_MOST_CANDIDATES]
        window, y, x = np.unravel_index(candidates[order].cpu().numpy(), tuple(margins.shape))
        scores = values[order].cpu().numpy().astype(np.float64)

        centers = np.stack([x, y], axis=1) * self._network.stride + np.array(self._network.origin, np.float64)
        sides = np.array([(w.width, w.height) for w in self.options.windows], np.float64)[window]
        levels = layout.nearest_levels(np.floor(centers + 0.5))
        first = layout.to_image(centers - (sides - 1) / 2, levels)
        last = layout.to_image(centers + (sides - 1) / 2, levels)
        boxes = _round_half_away(np.concatenate([first, last], axis=1))
        boxes[:, 2:] += 1  # dlib's right and bottom are the last pixel inside
        kept = suppress(boxes, self.options)
        return boxes[kept], scores[kept]


def suppress(boxes: np.ndarray, options: MmodOptions) -> np.ndarray:
    """Which boxes dlib would keep, best first.

    A box goes when it overlaps a better one that stays. Beware: the overlap is measured against the rectangle around
    both, not against their union.

    Args:
        boxes: (N, 4) xyxy whole pixels, sorted best first.
        options: With the thresholds.

    Returns:
        (K,) indices.
    """
    areas = _areas(boxes)
    rest = np.arange(len(boxes))
    kept = []
    while len(rest):
        best, rest = rest[0], rest[1:]
        kept.append(best)
        a, others = boxes[best], boxes[rest]
        inner = _areas(
            np.concatenate([np.maximum(a[:2], others[:, :2]), np.minimum(a[2:], others[:, 2:])], axis=1)
        )
        around = _areas(
            np.concatenate([np.minimum(a[:2], others[:, :2]), np.maximum(a[2:], others[:, 2:])], axis=1)
        )
        covered = inner / np.minimum(areas[best], areas[rest])
        rest = rest[(inner / around <= options.nms_overlap) & (covered <= options.nms_covered)]
    return np.array(kept, np.int64)


def _areas(boxes: np.ndarray) -> np.ndarray:
    sides: np.ndarray = (boxes[:, 2:] - boxes[:, :2]).clip(0)
    return sides.prod(axis=1)


def _round_half_away(values: np.ndarray) -> np.ndarray:
    """As C's lround; np.rint would round halves to even numbers."""
    return np.copysign(np.floor(np.abs(values) + 0.5), values)
