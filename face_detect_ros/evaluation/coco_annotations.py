# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Object boxes in COCO JSON, checked before anything is measured against them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.text import is_utf8
from face_detect_ros.files.looking import is_file
from face_detect_ros.files.reading import LARGE_BYTES, read_json

_MOST_NAMED = 5  # of the entries that are wrong
_BORDER_PX = 1.0  # rounding puts boxes of real data sets this far outside


@dataclass(frozen=True)
class CocoImage:
    """An annotated image.

    Attributes:
        path: Its file.
        width, height: In pixels; 0 if the annotations do not say.
        unknown: Category ids that may lack labels in this image.
    """

    path: Path
    width: int
    height: int
    unknown: frozenset[int] = frozenset()


@dataclass(frozen=True)
class CocoBox:
    """An annotated box.

    Attributes:
        image: Index of its image.
        category: Index of its category.
        xywh: Left, top, width, height in pixels.
        area: In square pixels.
        crowd: A box around many things.
    """

    image: int
    category: int
    xywh: tuple[float, float, float, float]
    area: float
    crowd: bool


@dataclass(frozen=True)
class CocoAnnotations:
    """Annotations of a set of images.

    Attributes:
        file: Where they come from.
        images: Images in the order of the file.
        categories: Names in the order of the file.
        boxes: All boxes.
    """

    file: Path
    images: tuple[CocoImage, ...]
    categories: tuple[str, ...]
    boxes: tuple[CocoBox, ...]


def read_annotations(file: Path, folder: Path, *, limit: int = 0) -> CocoAnnotations:
    """Read COCO JSON. A missing `area` is that of the box, a missing `iscrowd` is 0.

    Args:
        file: The annotations.
        folder: The images.
        limit: Read the annotations of the first so many images only; 0 reads all.

    Raises:
        ConfigError: The file is not COCO JSON, ids are not unique or refer to nothing, boxes have no area or lie
            outside their image, or images are missing. The message names the first of them.
    """
    content = read_json(file, most_bytes=LARGE_BYTES)
    try:
        described, entries, categories = (content[key] for key in ("images", "annotations", "categories"))
        for kind, listed in {"image": described, "annotation": entries, "category": categories}.items():
            _refuse(file, f"ids of more than one {kind}", _repeated(entry["id"] for entry in listed))
        names = tuple(str(entry["name"]) for entry in categories)
        category_of = {entry["id"]: index for index, entry in enumerate(categories)}
        name_of = {entry["id"]: str(entry["name"]) for entry in categories}
        images = tuple(
            CocoImage(
                folder / entry["file_name"],
                int(entry.get("width") or 0),
                int(entry.get("height") or 0),
                frozenset(category_of[id] for id in partly_labeled(entry, name_of)),
            )
            for entry in described
        )
        image_of = {entry["id"]: index for index, entry in enumerate(described)}
        for key, known in {"image_id": image_of, "category_id": category_of}.items():
            lost = [entry["id"] for entry in entries if entry[key] not in known]
            _refuse(file, f"annotations whose {key} belongs to nothing in it", lost)
        boxes = tuple(
            CocoBox(
                image_of[entry["image_id"]],
                category_of[entry["category_id"]],
                (float(x), float(y), float(width), float(height)),
                float(entry.get("area") or width * height),
                bool(entry.get("iscrowd", 0)),
            )
            for entry in entries
            for x, y, width, height in [entry["bbox"]]
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ConfigError(f"{file}: not COCO JSON ({type(error).__name__}: {error})") from error
    if not images or not names:
        raise ConfigError(f"{file}: no images or no categories in it")
    unwritable = [repr(name) for name in names if not is_utf8(name)]
    _refuse(file, "category names that are not valid Unicode", unwritable)
    ids = [entry["id"] for entry in entries]
    empty = [id for id, box in zip(ids, boxes, strict=True) if not _has_area(box)]
    _refuse(file, "annotations whose bbox [x, y, width, height] has no area or is not finite", empty)
    outside = [
        f"{id} ({images[box.image].path.name})"
        for id, box in zip(ids, boxes, strict=True)
        if not _inside(box, images[box.image])
    ]
    _refuse(file, "annotations whose bbox lies outside of its image", outside)
    images = images[:limit] if limit else images
    missing = [image.path.name for image in images if not is_file(image.path)]
    _refuse(folder, f"images of {file.name} that are not there", missing)
    return CocoAnnotations(file, images, names, tuple(box for box in boxes if box.image < len(images)))


def partly_labeled(image: Mapping[str, Any], names: Mapping[Any, str]) -> set[Any]:
    """Category ids for which an entry of `images` may show more than is labeled.

    An entry says so by fields `<class>_labeled` (or `_labelled`) or `<class>_complete` that are false, or by LVIS's
    list `not_exhaustive_category_ids`; or it lists the ids of all labeled classes in `labeled_classes` (or
    `labelled_classes`).

    Args:
        image: The entry.
        names: Category names by id.
    """
    listed = set(image.get("not_exhaustive_category_ids", ()))
    for field in ("labeled_classes", "labelled_classes"):
        if field in image:
            listed |= names.keys() - set(image[field])
    words = ("labeled", "labelled", "complete")
    return {
        id
        for id, name in names.items()
        if id in listed or not all(image.get(f"{name}_{word}", True) for word in words)
    }


def _has_area(box: CocoBox) -> bool:
    return all(map(math.isfinite, (*box.xywh, box.area))) and min(box.xywh[2:]) > 0


def _inside(box: CocoBox, image: CocoImage) -> bool:
    """Nearly; as far as the image's size is known."""
    left, top, width, height = box.xywh
    return (
        min(left, top) >= -_BORDER_PX
        and left + width <= (image.width or math.inf) + _BORDER_PX
        and top + height <= (image.height or math.inf) + _BORDER_PX
    )


def _repeated(ids: Iterable[Any]) -> list[Any]:
    seen, repeated = set(), []
    for each in ids:
        if each in seen:
            repeated.append(each)
        seen.add(each)
    return repeated


def _refuse(where: Path, what: str, entries: list[Any]) -> None:
    """Raise ConfigError if there are any."""
    if not entries:
        return
    named = ", ".join(map(str, entries[:_MOST_NAMED]))
    more = f" and {len(entries) - _MOST_NAMED} more" if len(entries) > _MOST_NAMED else ""
    raise ConfigError(f"{where}: {len(entries)} {what}: {named}{more}; correct them first")
