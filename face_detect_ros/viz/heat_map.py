"""A heat map laid over a picture."""

from __future__ import annotations

import cv2
import numpy as np

from face_detect_ros.core.frame import check_image

_STRONGEST = 0.7  # of the colour, so that the picture shows through everywhere


def blend_heat_map(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A new picture with `heat` over it: the more, the less of the picture is left; none where it is 0.

    image: (H, W, 3) uint8 RGB; not modified. heat: (H, W) float in [0, 1], from blue over green to red.

    Returns (H, W, 3) uint8 RGB. Raises ImageError for another array and ValueError for a heat map of another size or
    with values outside [0, 1].
    """
    check_image(image)
    if heat.shape != image.shape[:2]:
        raise ValueError(f"a heat map of {heat.shape} for a picture of {image.shape[:2]}")
    if not (heat.min() >= 0.0 and heat.max() <= 1.0):  # NaN fails both
        raise ValueError(f"a heat map from {heat.min()} to {heat.max()}; expected 0 to 1")
    levels = np.rint(heat * 255).astype(np.uint8)
    colors = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    share = (heat.astype(np.float32) * _STRONGEST)[..., None]
    blended: np.ndarray = np.rint(image + (colors.astype(np.float32) - image) * share).astype(np.uint8)
    return blended
