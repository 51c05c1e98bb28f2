# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Labeled images to train on: COCO JSON or YOLO's folders, checked before anything is computed.

What would spoil a training is an error that names the entries; what can be put right (a box that reaches over the
border, a box without area, a class without boxes) is put right and listed in `DataSet.remarks`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.text import is_utf8
from face_detect_ros.evaluation.coco_annotations import partly_labeled
from face_detect_ros.files.looking import exists, is_file, is_folder
from face_detect_ros.files.near import near_path
from face_detect_ros.files.reading import (
    LARGE_BYTES,
    read_bytes,
    read_json,
    read_text,
    read_yaml,
)
from face_detect_ros.images.reading import image_files

_SHOWN = 8  # entries named in one error


@dataclass(frozen=True, eq=False)
class Sample:
    """One image and what it shows.

    Attributes:
        boxes: (N, 4) float32 xyxy inside the image's borders, the image being upright, as its EXIF
            orientation says.
        class_ids: (N,) int64, into DataSet.classes.
        crowd: (N,) bool, a box around many things.
        unknown: Classes of which it may show more than is labeled.
        size: (width, height) of the image whose pixels the boxes are in; None: they are in shares of its size.
    """

    path: Path
    boxes: np.ndarray
    class_ids: np.ndarray
    crowd: np.ndarray
    unknown: frozenset[int] = frozenset()
    size: tuple[float, float] | None = None

    def in_pixels(self, width: int, height: int) -> np.ndarray:
        """The boxes in the image, which is that large. Raises ConfigError where its labels are for another size."""
        if self.size is None:
            return self.boxes * np.array([width, height] * 2, np.float32)
        if self.size != (width, height):
            raise ConfigError(
                f"{self.path}: is {width}x{height} pixels when upright, but its labels are for {self.size[0]:g}x"
                f"{self.size[1]:g}; label it as it is shown, and the same file"
            )
        return self.boxes


@dataclass(frozen=True, eq=False)
class DataSet:
    """Labeled images.

    Attributes:
        classes: Their names.
        samples: The images.
        remarks: What was put right, a line each.
    """

    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    remarks: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Boxes of each class, without crowds."""
        ids = [sample.class_ids[~sample.crowd] for sample in self.samples]
        numbers = np.bincount(np.concatenate([*ids, np.empty(0, np.int64)]), minlength=len(self.classes))
        return dict(zip(self.classes, numbers.tolist(), strict=True))

    def only(self, classes: Sequence[str], file: Path) -> DataSet:
        """The same images with labels of these classes only, in that order, as `read_dataset` gives them.

        Args:
            classes: The ones to keep.
            file: Where the labels come from, for errors.

        Raises:
            ConfigError: There is no such class, or no box of any of them.
        """
        classes = _choose(self.classes, classes, file)
        numbers = np.array([classes.index(name) if name in classes else -1 for name in self.classes])
        samples = []
        for sample in self.samples:
            ids = numbers[sample.class_ids]
            unknown = frozenset(int(numbers[number]) for number in sample.unknown) - {-1}
            keep = ids >= 0
            boxes, crowd = sample.boxes[keep], sample.crowd[keep]
            samples.append(replace(sample, boxes=boxes, class_ids=ids[keep], crowd=crowd, unknown=unknown))
        return _finish(file, classes, samples, _Report(file))

    def digest(self) -> str:
        """Of names and labels, not of pixels: another one means another data set."""
        content = hashlib.sha256(repr(self.classes).encode())
        for sample in self.samples:
            content.update(repr((sample.path.name, sorted(sample.unknown))).encode())
            for array in (sample.boxes, sample.class_ids, sample.crowd):
                content.update(array.tobytes())
        return content.hexdigest()[:12]


def read_dataset(
    labels: Path, images: Path | None = None, *, classes: Sequence[str] = (), split: str = "train"
) -> DataSet:
    """Read a data set.

    Args:
        labels: COCO JSON, or the YAML file of a YOLO data set.
        images: Folder of the images, for COCO JSON.
        classes: The ones to keep, in that order; none: all.
        split: "train" or "val", for a YAML file that has both.

    Raises:
        ConfigError: The files cannot be used; it lists the entries that are wrong.
    """
    if is_yaml(labels):
        return read_yolo(labels, classes=classes, split=split)
    if images is None:
        raise ConfigError(f"{labels}: COCO JSON needs the folder of its images too; give it as images")
    return read_coco(labels, images, classes=classes)


def is_yaml(labels: Path) -> bool:
    """Whether it is the YAML of YOLO's folders, by its name."""
    return labels.suffix.lower() in (".yaml", ".yml")


def read_coco(file: Path, folder: Path, *, classes: Sequence[str] = ()) -> DataSet:
    """Read COCO JSON. Boxes are [x, y, width, height]; `iscrowd` as in COCO.

    An image may be labeled for some classes only, see `partly_labeled`.

    Args:
        file: The labels.
        folder: Of the images.
        classes: The ones to keep, in that order; none: all.

    Raises:
        ConfigError: The file cannot be used; it lists the entries that are wrong.
    """
    content = read_json(file, most_bytes=LARGE_BYTES)
    try:
        names = {item["id"]: str(item["name"]) for item in content["categories"]}
        images, annotations = list(content["images"]), list(content["annotations"])
        chosen = _choose(list(names.values()), classes, file)
        report = _Report(file)
        index = {key: chosen.index(name) for key, name in names.items() if name in chosen}
        by_image: dict[Any, list[Any]] = {}
        for item in annotations:
            if item["category_id"] not in names:
                report.wrong.append(
                    f"annotation {item.get('id')}: category_id {item['category_id']} does not exist"
                )
            elif item["category_id"] in index:
                by_image.setdefault(item["image_id"], []).append(item)
        known = {image["id"] for image in images}
        for key in by_image.keys() - known:
            report.wrong.append(f"annotation {by_image[key][0].get('id')}: image_id {key} does not exist")
        if len(known) < len(images):
            report.wrong.append("two images have the same id")
        samples = [
            _coco_sample(image, by_image.get(image["id"], ()), folder, index, names, report)
            for image in images
        ]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ConfigError(f"{file}: not COCO JSON ({type(error).__name__}: {error})") from error
    return _finish(file, chosen, samples, report)


def read_yolo(file: Path, *, classes: Sequence[str] = (), split: str = "train") -> DataSet:
    """Read YOLO's folders: a YAML with `path`, `train`, `val` and `names`, as Ultralytics and Roboflow write them.

    A split is a folder of images, a text file that lists images, or a list of such. Beside the folder `images` there
    is one called `labels`, with a text file per image that has lines `class center_x center_y width height` or, for
    polygons, `class x y x y x y ...`, in shares of the image's size. The box of a polygon is the one around it.

    Args:
        file: The YAML.
        classes: The ones to keep, in that order; none: all.
        split: "train" or "val".

    Raises:
        ConfigError: The files cannot be used; it lists the entries that are wrong.
    """
    content = read_yaml(file)
    try:
        names = content["names"]
        names = [str(names[number]) for number in range(len(names))]  # of a list, or a mapping of numbers
        count = content.get("nc", len(names))
        root = file.parent / (content.get("path") or "")
        given = content[split]
        places = [str(place) for place in (given if isinstance(given, list) else [given])]
        if not places or "" in places:
            raise ValueError(f"{split} is empty")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{file}: not a data set's YAML with names and {split} ({type(error).__name__}: {error})"
        ) from error
    if count != len(names):
        raise ConfigError(f"{file}: nc is {count}, but names has {len(names)} classes; put one of them right")
    paths = [path for place in places for path in _images_at(file, root, place, split)]
    chosen = _choose(names, classes, file)
    report = _Report(file)
    samples = [_yolo_sample(path, _label_file(path), names, chosen, report) for path in dict.fromkeys(paths)]
    return _finish(file, chosen, samples, report)


def _images_at(file: Path, root: Path, place: str, split: str) -> list[Path]:
    """The images of a folder, or those that a text file lists. Raises ConfigError."""
    candidates = [root / place]
    if place.startswith("../"):  # Roboflow's are meant from inside a folder that the archive does not have
        candidates.append(root / place.removeprefix("../"))
    for candidate in candidates:
        if is_folder(candidate):
            return image_files(candidate)
        if candidate.suffix == ".txt" and is_file(candidate):
            lines = read_text(candidate, most_bytes=LARGE_BYTES).splitlines()
            # as Ultralytics has it: "./" is the folder of the list
            return [candidate.parent / line.strip() for line in lines if line.strip()]
    raise ConfigError(f"{file}: {split}: there is no folder {candidates[0]}{near_path(candidates[0])}")


class _Report:
    """Entries that cannot be used, collected so that all are told at once, and entries that were put right."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.wrong: list[str] = []
        self.cut: list[str] = []
        self.without_area: list[str] = []

    def raise_if_wrong(self) -> None:
        if self.wrong:
            more = len(self.wrong) - _SHOWN
            tail = f"; and {more} more" if more > 0 else ""
            shown = "; ".join(self.wrong[:_SHOWN])
            raise ConfigError(f"{self._file}: {shown}{tail}; put them right or delete them")

    def remarks(self) -> list[str]:
        rows = []
        for entries, what in (
            (self.cut, "boxes reach over the border and were cut"),
            (self.without_area, "boxes have no area and were left out"),
        ):
            if entries:
                dots = " ..." if len(entries) > _SHOWN else ""
                rows.append(f"{len(entries)} {what}: {', '.join(entries[:_SHOWN])}{dots}")
        return rows


def _choose(names: Sequence[str], classes: Sequence[str], file: Path) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ConfigError(f"{file}: two classes have the same name")
    if wrong := [name for name in names if not is_utf8(name)]:
        raise ConfigError(f"{file}: class name {wrong[0]!r:.40} is not valid Unicode; correct it")
    missing = [name for name in classes if name not in names]
    if missing:
        raise ConfigError(f"{file}: has no class {', '.join(map(repr, missing))}; it has {', '.join(names)}")
    return tuple(classes) or tuple(names)


def _coco_sample(
    image: dict[str, Any],
    items: Sequence[dict[str, Any]],
    folder: Path,
    index: dict[Any, int],
    names: dict[Any, str],
    report: _Report,
) -> Sample:
    path = folder / image["file_name"]
    if not is_file(path):
        report.wrong.append(f"image {image['id']}: there is no file {path}")
    boxes = np.array([item["bbox"] for item in items], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    size = (float(image["width"]), float(image["height"]))
    places = [f"annotation {item.get('id')}" for item in items]
    boxes, keep = _check(boxes, size, 1.0, places, report)
    unknown = frozenset(index[key] for key in partly_labeled(image, names) if key in index)
    ids = np.array([index[item["category_id"]] for item in items], np.int64)
    crowd = np.array([bool(item.get("iscrowd", 0)) for item in items], bool)
    return Sample(path, boxes[keep], ids[keep], crowd[keep], unknown, size)


def _label_file(image: Path) -> Path:
    """In `labels` what the image is in the last `images` of its path; beside it where there is none."""
    folders = list(image.parent.parts)
    if "images" in folders:
        folders[-1 - folders[::-1].index("images")] = "labels"
    return Path(*folders, image.name).with_suffix(".txt")


def _yolo_sample(
    path: Path,
    label_file: Path,
    names: Sequence[str],
    chosen: Sequence[str],
    report: _Report,
) -> Sample:
    rows, ids, places = [], [], []
    # an image without a label file shows nothing, by YOLO's convention
    text = read_bytes(label_file).decode(errors="replace") if exists(label_file, ConfigError) else ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        place = f"{label_file}:{number}"
        try:
            class_id, *values = line.split()
            name = names[_index(class_id, len(names))]
            box = _yolo_box([float(value) for value in values])
        except (ValueError, IndexError):
            report.wrong.append(
                f"{place}: '{line.strip()[:100]}' is not 'class x y width height' or a polygon 'class x y x y x y ...' "
                f"of {len(names)} classes"
            )
            continue
        if name in chosen:
            rows.append(box)
            ids.append(chosen.index(name))
            places.append(place)
    boxes, keep = _check(np.array(rows, np.float64).reshape(-1, 4), (1.0, 1.0), 0.01, places, report)
    class_ids = np.array(ids, np.int64)[keep]
    return Sample(path, boxes[keep], class_ids, np.zeros(len(class_ids), bool))


def _yolo_box(values: Sequence[float]) -> list[float]:
    """xyxy from center and size, or around a polygon. Raises ValueError."""
    if len(values) == 4:
        x, y, width, height = values
        return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    if len(values) < 6 or len(values) % 2:
        raise ValueError(len(values))
    return [min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])]


def _index(text: str, count: int) -> int:
    number = int(text)
    if not 0 <= number < count:
        raise IndexError(number)
    return number


def _check(
    boxes: np.ndarray,
    size: tuple[float, float],
    tolerance: float,
    places: Sequence[str],
    report: _Report,
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes cut at the border, and which of them to keep. One that lies outside altogether is wrong."""
    limit = np.array([*size, *size])
    finite = np.isfinite(boxes).all(axis=1)
    cut = np.clip(np.nan_to_num(boxes), 0, limit)
    turned = (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    has_area = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    outside = has_area & ((cut[:, 2:] <= cut[:, :2]).any(axis=1))
    for index in np.flatnonzero(~finite | turned | outside).tolist():
        report.wrong.append(
            f"{places[index]}: box {np.round(boxes[index], 3).tolist()} is not inside the image, "
            f"{size[0]:g} x {size[1]:g}"
        )
    moved = finite & ~outside & (np.abs(cut - boxes).max(axis=1, initial=0) > tolerance)
    report.cut += [places[index] for index in np.flatnonzero(moved).tolist()]
    report.without_area += [places[index] for index in np.flatnonzero(finite & ~has_area & ~turned).tolist()]
    return box_geometry.as_boxes(cut), np.flatnonzero(finite & has_area & ~outside)


def _finish(file: Path, classes: tuple[str, ...], samples: Sequence[Sample], report: _Report) -> DataSet:
    report.raise_if_wrong()
    if not samples:
        raise ConfigError(f"{file}: no images in it")
    dataset = DataSet(classes, tuple(samples))
    counts = dataset.counts()
    if not any(counts.values()):
        raise ConfigError(f"{file}: no boxes of {', '.join(classes)} in it")
    empty = [name for name, count in counts.items() if not count]
    lines = report.remarks() + ([f"classes without boxes: {', '.join(empty)}"] if empty else [])
    return DataSet(classes, tuple(samples), tuple(lines))
