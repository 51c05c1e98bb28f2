"""A data set of a few pictures, to train on for a moment."""

import json

import cv2
import numpy as np

PICTURES = 6


def write_data_set(folder, names, labels=("instances_train.json",)):
    """`labels` files and images/ in `folder`: noise, with a box each, of the first two classes in turn."""
    (folder / "images").mkdir()
    random = np.random.default_rng(0)
    for number in range(PICTURES):
        cv2.imwrite(str(folder / f"images/{number}.png"), random.integers(0, 255, (48, 64, 3), np.uint8))
    numbers = range(PICTURES)
    content = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 64, "height": 48} for n in numbers],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1 + n % 2, "bbox": [8, 8, 30, 30]} for n in numbers
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
    }
    for name in labels:
        (folder / name).write_text(json.dumps(content))
