# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Matching class names of one data set with those of another, which spells some of them differently."""

from __future__ import annotations

from collections.abc import Sequence

# Pascal VOC's, LVIS's and common spellings, to COCO's; as `_plain` writes both
_SYNONYMS = {
    "aeroplane": "airplane",
    "plane": "airplane",
    "motorbike": "motorcycle",
    "bike": "bicycle",
    "sofa": "couch",
    "tvmonitor": "tv",
    "television": "tv",
    "pottedplant": "potted plant",
    "diningtable": "dining table",
    "doughnut": "donut",
    "hairdryer": "hair drier",
    "mobilephone": "cell phone",
    "mobile": "cell phone",
    "fridge": "refrigerator",
    "computermouse": "mouse",
    "remotecontrol": "remote",
}


def key(name: str) -> str:
    """Normalize a name: case, spaces, hyphens and underscores do not count, and synonyms become one name."""
    plain = _plain(name)
    return _plain(_SYNONYMS.get(plain, plain))


def matching(names: Sequence[str], labels: Sequence[str]) -> dict[int, int]:
    """Match the class names of a detector with those of a data set. An exact match takes precedence over a synonym.

    Args:
        names: Of the data set.
        labels: Of the detector.

    Returns:
        Index into `labels` -> index into `names`, for every label that means one of the names.
    """
    by_key = {key(name): index for index, name in reversed(list(enumerate(names)))}
    exact = {_plain(name): index for index, name in reversed(list(enumerate(names)))}
    found = {}
    for index, label in enumerate(labels):
        name = exact.get(_plain(label), by_key.get(key(label)))
        if name is not None:
            found[index] = name
    return found


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
