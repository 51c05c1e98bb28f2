"""Pictures and networks that are trained in a moment."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from face_detect_ros.nn import yolov9_variants
from face_detect_ros.nn.yolov9_variants import Elan

SIDE = 64
NARROW = replace(
    yolov9_variants.VARIANTS["t"], stem=(8, 8), elans=(Elan(8, 8),) * 4, downs=(8, 8, 8), depth=1, pooled=16,
    top_down=(Elan(16, 16),) * 2, bottom_up=(Elan(16, 16),) * 2, bottom_up_downs=(8, 8), head_width=8,
)  # fmt: skip
"""YOLOv9 as it is, but a few channels wide: all its parts at a fraction of the time."""


def write_pictures(
    folder: Path,
    count: int = 4,
    *,
    names: tuple[str, ...] = ("red", "blue"),
    files: tuple[str, ...] = ("labels.json",),
) -> Path:
    """Labels of pictures with a red rectangle above a blue one each, of the first two classes; the first of `files`."""
    random = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(count):
        picture = np.full((SIDE, SIDE, 3), 60, np.uint8)
        for category, colour in ((1, (230, 40, 40)), (2, (40, 40, 230))):
            x, width = int(random.integers(0, 32)), int(random.integers(20, 32))
            y, height = int(random.integers(0, 8)) + (category - 1) * SIDE // 2, int(random.integers(18, 24))
            picture[y : y + height, x : x + width] = colour
            annotations.append({"id": len(annotations) + 1, "image_id": number + 1, "category_id": category, "bbox": [x, y, width, height]})  # fmt: skip  # noqa: E501
        images.append({"id": number + 1, "file_name": f"{number}.png", "width": SIDE, "height": SIDE})
        (folder / "images").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"images/{number}.png"), picture[..., ::-1])
    categories = [{"id": number, "name": name} for number, name in enumerate(names, 1)]
    content = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    for name in files:
        (folder / name).write_text(content)
    return folder / files[0]
