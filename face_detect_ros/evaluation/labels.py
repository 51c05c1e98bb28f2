# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Labeled faces: COCO JSON and the XML of dlib's imglab."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from face_detect_ros.core.boxes import as_boxes
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.files.looking import is_file
from face_detect_ros.files.reading import LARGE_BYTES, read_bytes, read_json


@dataclass(frozen=True, eq=False)
class LabeledImage:
    """The faces of one image.

    Attributes:
        boxes: (N, 4) float32 xyxy, pixels of the image.
        crowd: (N,) bool; a box around many faces (iscrowd) or one marked to be left out: finding it or not
            counts neither way.
        complete: Every face in it is labeled, so a detection without a label is a false one.
        eyes: (N, 2, 2) float32 xy of each face's right and left eye, the subject's own; NaN where not labeled. None:
            nowhere.
    """

    path: Path
    boxes: np.ndarray
    crowd: np.ndarray
    complete: bool = True
    eyes: np.ndarray | None = None


def read_labels(file: Path, folder: Path) -> list[LabeledImage]:
    """Read COCO JSON or imglab XML.

    Args:
        file: The labels.
        folder: The images.

    Raises:
        ConfigError: The file cannot be used, or an image that it names does not exist.
    """
    images = read_imglab(file, folder) if file.suffix.lower() == ".xml" else read_coco(file, folder)
    if not images:
        raise ConfigError(f"{file}: no labeled images in it")
    missing = [image.path for image in images if not is_file(image.path)]
    if missing:
        raise ConfigError(
            f"{folder}: {len(missing)} of the {len(images)} images of {file} are not there, "
            f"for example {missing[0].name}; give the folder that holds them"
        )
    return images


def read_coco(file: Path, folder: Path) -> list[LabeledImage]:
    """Read the boxes of the category `face` from COCO JSON.

    Two fields of an image beyond COCO's count where they exist: if `face_labeled` is false, nothing is known about
    its faces, and the image is left out; if `face_complete` is false, some of its faces are not labeled.

    Args:
        file: The labels.
        folder: Of the images.

    Raises:
        ConfigError: The file cannot be used.
    """
    content = read_json(file, most_bytes=LARGE_BYTES)
    try:
        faces = [category["id"] for category in content["categories"] if category["name"] == "face"]
        if not faces:
            raise ConfigError(f"{file}: no category is called 'face'")
        points = [
            category.get("keypoints", []) for category in content["categories"] if category["id"] in faces
        ]
        found: dict[Any, list[_Face]] = {}
        for item in content["annotations"]:
            if item["category_id"] in faces:
                left, top, width, height = (float(value) for value in item["bbox"])
                box = [left, top, left + width, top + height]
                eyes = _eyes(item.get("keypoints"), points[0])
                found.setdefault(item["image_id"], []).append((box, bool(item.get("iscrowd", 0)), eyes))
        return [
            _image(
                folder / item["file_name"], found.get(item["id"], ()), bool(item.get("face_complete", True))
            )
            for item in content["images"]
            if item.get("face_labeled", True) and item.get("face_labelled", True)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ConfigError(f"{file}: not COCO JSON ({type(error).__name__}: {error})") from error


def read_imglab(file: Path, folder: Path) -> list[LabeledImage]:
    """Read the XML of dlib's imglab. A box marked `ignore` counts as a crowd.

    Args:
        file: The labels.
        folder: Of the images.

    Raises:
        ConfigError: The file cannot be used.
    """
    content = read_bytes(file, most_bytes=LARGE_BYTES)
    try:
        images = []
        for image in ElementTree.fromstring(content).iterfind("images/image"):
            boxes = [
                (_imglab_box(box.attrib), box.get("ignore", "0") not in ("0", "false"), _NO_EYES)
                for box in image.iterfind("box")
            ]
            images.append(_image(folder / image.attrib["file"], boxes, True))
    except (ElementTree.ParseError, KeyError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file}: not imglab's XML ({type(error).__name__}: {error})") from error
    return images


def _imglab_box(values: Mapping[str, str]) -> list[float]:
    left, top, width, height = (float(values[key]) for key in ("left", "top", "width", "height"))
    return [left, top, left + width, top + height]


_Face = tuple[list[float], bool, np.ndarray]
"""Box, whether it is a crowd, and (2, 2) xy of its eyes."""

_NO_EYES = np.full((2, 2), np.nan, np.float32)


def _eyes(values: Any, names: list[str]) -> np.ndarray:
    """(2, 2) xy of the right and the left eye among COCO's keypoints; NaN where one is not marked as visible."""
    if not values or not {"left_eye", "right_eye"} <= set(names):
        return _NO_EYES
    marked = np.asarray(values, np.float32).reshape(-1, 3)[
        [names.index("right_eye"), names.index("left_eye")]
    ]
    return marked[:, :2] if (marked[:, 2] == 2).all() else _NO_EYES


def _image(path: Path, faces: Iterable[_Face], complete: bool) -> LabeledImage:
    faces = list(faces)
    boxes = as_boxes([box for box, _, _ in faces])
    if not np.isfinite(boxes).all():
        raise ValueError(f"{path.name} has a box that is not finite")
    return LabeledImage(
        path,
        boxes,
        np.array([crowd for _, crowd, _ in faces], bool),
        complete,
        np.array([eyes for _, _, eyes in faces], np.float32).reshape(-1, 2, 2),
    )
