# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names of the classes of an ONNX detector: in its metadata, in a text file beside it, or COCO's."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.files.looking import is_file
from face_detect_ros.files.reading import SMALL_BYTES, read_text
from face_detect_ros.zoo.published import coco

if TYPE_CHECKING:
    from face_detect_ros.detectors.onnx.format import OnnxFormat

NAMES_KEY = "names"
NOTHING = "N/A"
"""Name of a column of the scores that is not a class, such as the gaps in COCO's 91 numbers."""

_COCO_GAPS = (0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83)


def named_in(metadata: Mapping[str, str], file: Path) -> tuple[str, ...] | None:
    """Class names from the metadata or a text file beside the model; None if there are none.

    Metadata `names`: a list of names or a dictionary from index to name, as JSON or as a literal of Python.

    Raises:
        ConfigError: The names cannot be used.
    """
    if NAMES_KEY in metadata:
        return _parse_names(metadata[NAMES_KEY], f"{file}: its metadata '{NAMES_KEY}'")
    for beside in label_files(file):
        if is_file(beside):
            lines = (line.strip() for line in read_text(beside).splitlines())
            return _checked([line for line in lines if line], str(beside))
    return None


def label_files(file: Path) -> tuple[Path, ...]:
    """Where the names of the classes may lie beside the model `file`, one a line."""
    return (
        file.with_name(f"{file.name}.labels.txt"),
        file.with_name(f"{file.stem}.labels.txt"),
        file.with_suffix(".txt"),
        file.with_suffix(".names"),
    )


def labels_for(named: tuple[str, ...] | None, count: int | None, file: Path) -> tuple[str, ...]:
    """Names for `count` columns of scores.

    Args:
        named: The names that were found, if any.
        count: Number of columns; None if the outputs do not show it.
        file: The model, for errors.

    Returns:
        One name a column; COCO's where nothing names 80, or 91 with `NOTHING` in the gaps.

    Raises:
        ConfigError: Nothing names the classes, or another number of them.
    """
    beside = label_files(file)[0].name
    if named is None:
        if count == len(coco.CLASSES):
            return coco.CLASSES
        if count == len(coco.CLASSES) + len(_COCO_GAPS):
            return coco_by_category()
        classes = "classes" if count is None else f"{count} class{'es' if count > 1 else ''}"
        raise ConfigError(
            f"{file}: nothing names its {classes}; write the names, one a line, into {beside} beside it"
        )
    if count is not None and len(named) != count:
        raise ConfigError(
            f"{file}: has {count} classes but {len(named)} names (in its metadata or a text file beside it); "
            f"correct them, or write {count} names, one a line, into {beside}"
        )
    return named


def for_columns(
    named: tuple[str, ...] | None, columns: int | None, described: OnnxFormat, file: Path
) -> tuple[tuple[str, ...], np.ndarray | None]:
    """The labels, and the columns of the scores that they belong to.

    Args:
        named: The names that were found, if any.
        columns: Number of columns; None if the outputs do not show it.
        described: How the file is read.
        file: The model, for errors.

    Returns:
        The names of the classes, without those that are `NOTHING`, and their columns; None for all columns in order.

    Raises:
        ConfigError: Nothing names the classes, or another number of them.
    """
    count = columns
    if count is not None and described.activation == "softmax":
        count -= 1
    # a fine-tuned RF-DETR has a last column for nothing
    if described.layout.startswith("rf_detr") and named is not None and count == len(named) + 1:
        named = (*named, NOTHING)
    labels = labels_for(named, count, file)
    chosen = [index for index, label in enumerate(labels) if label != NOTHING]
    return tuple(labels[index] for index in chosen), None if len(chosen) == len(labels) else np.array(chosen)


def coco_by_category() -> tuple[str, ...]:
    """COCO's classes by their official category ids, 0 to 90, with `NOTHING` in the gaps."""
    names = iter(coco.CLASSES)
    count = len(coco.CLASSES) + len(_COCO_GAPS)
    return tuple(NOTHING if index in _COCO_GAPS else next(names) for index in range(count))


def _parse_names(text: str, where: str) -> tuple[str, ...]:
    if len(text) > SMALL_BYTES:
        raise ConfigError(f"{where} is longer than names of classes are")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
            raise ConfigError(f"{where} is neither JSON nor a literal of Python") from error
    if isinstance(value, dict):
        try:
            value = {int(index): name for index, name in value.items()}
            value = [value[index] for index in range(len(value))]
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise ConfigError(f"{where} does not name every class from 0 on ({error})") from error
    return _checked(value, where)


def _checked(names: Any, where: str) -> tuple[str, ...]:
    if not isinstance(names, (list, tuple)) or not names:
        raise ConfigError(f"{where} is not a list of names")
    if not all(isinstance(name, str) and name.strip() for name in names):
        raise ConfigError(f"{where} has a name that is not text, or is empty")
    return tuple(names)
