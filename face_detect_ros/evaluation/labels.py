"""Faces labeled by people: COCO JSON and the XML of dlib's imglab."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from face_detect_ros.core.boxes import as_boxes
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.files.reading import LARGE_BYTES, read_bytes, read_json, regular_file


@dataclass(frozen=True, eq=False)
class LabeledPicture:
    """The faces of one image.

    Attributes:
        boxes: (N, 4) float32 xyxy, pixels of the image.
        crowd: (N,) bool; a box around many faces (iscrowd) or one marked to be left out: finding it or not
            counts neither way.
        complete: Every face in it is labeled, so a detection without a label is a false one.
    """

    path: Path
    boxes: np.ndarray
    crowd: np.ndarray
    complete: bool = True


def read_labels(file: Path, folder: Path) -> list[LabeledPicture]:
    """The labels in `file`, COCO JSON or imglab XML, of the images in `folder`.

    Raises ConfigError for a file that cannot be used, and where an image that it names does not exist.
    """
    pictures = read_imglab(file, folder) if file.suffix.lower() == ".xml" else read_coco(file, folder)
    if not pictures:
        raise ConfigError(f"{file}: no labeled images in it")
    missing = [picture.path for picture in pictures if not regular_file(picture.path)]
    if missing:
        raise ConfigError(
            f"{folder}: {len(missing)} of the {len(pictures)} images of {file} are not there, "
            f"for example {missing[0].name}; give the folder that holds them"
        )
    return pictures


def read_coco(file: Path, folder: Path) -> list[LabeledPicture]:
    """COCO JSON: the boxes of the category `face`.

    Two fields of an image beyond COCO's are honoured where they exist: without `face_labeled` nothing is known about
    its faces and the image is left out; without `face_complete` it has faces that are not labeled. Raises ConfigError.
    """
    content = read_json(file, most_bytes=LARGE_BYTES)
    try:
        faces = [category["id"] for category in content["categories"] if category["name"] == "face"]
        if not faces:
            raise ConfigError(f"{file}: no category is called 'face'")
        found: dict[Any, list[tuple[list[float], bool]]] = {}
        for item in content["annotations"]:
            if item["category_id"] in faces:
                left, top, width, height = (float(value) for value in item["bbox"])
                box = [left, top, left + width, top + height]
                found.setdefault(item["image_id"], []).append((box, bool(item.get("iscrowd", 0))))
        return [
            _picture(
                folder / item["file_name"], found.get(item["id"], ()), bool(item.get("face_complete", True))
            )
            for item in content["images"]
            if item.get("face_labeled", True) and item.get("face_labelled", True)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ConfigError(f"{file}: not COCO JSON ({type(error).__name__}: {error})") from error


def read_imglab(file: Path, folder: Path) -> list[LabeledPicture]:
    """The XML of dlib's imglab: every box counts; one marked `ignore` as a crowd. Raises ConfigError."""
    content = read_bytes(file, most_bytes=LARGE_BYTES)
    try:
        pictures = []
        for image in ElementTree.fromstring(content).iterfind("images/image"):
            boxes = [
                (_imglab_box(box.attrib), box.get("ignore", "0") not in ("0", "false"))
                for box in image.iterfind("box")
            ]
            pictures.append(_picture(folder / image.attrib["file"], boxes, True))
    except (ElementTree.ParseError, KeyError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file}: not imglab's XML ({type(error).__name__}: {error})") from error
    return pictures


def _imglab_box(values: Mapping[str, str]) -> list[float]:
    left, top, width, height = (float(values[key]) for key in ("left", "top", "width", "height"))
    return [left, top, left + width, top + height]


def _picture(path: Path, faces: Iterable[tuple[list[float], bool]], complete: bool) -> LabeledPicture:
    faces = list(faces)
    boxes = as_boxes([box for box, _ in faces])
    if not np.isfinite(boxes).all():
        raise ValueError(f"{path.name} has a box that is not finite")
    return LabeledPicture(
        path,
        boxes,
        np.array([crowd for _, crowd in faces], bool),
        complete,
    )
