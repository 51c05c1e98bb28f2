# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names of classes, as people write them, to ids of a model's labels."""

from __future__ import annotations

import difflib
import functools

from face_detect_ros.core.errors import ConfigError

_NEAREST = 3


@functools.lru_cache(maxsize=64)
def class_ids(names: str, labels: tuple[str, ...]) -> tuple[int, ...]:
    """The classes that a text lists.

    Args:
        names: Such as "person, dog"; upper and lower case are one. A name that several labels share means all of
            them.
        labels: Class names.

    Returns:
        Indices into `labels`, in their order; none without a name.

    Raises:
        ConfigError: A name is not a label; the message shows the nearest ones and all.
    """
    wanted = [name for part in names.split(",") if (name := _plain(part))]
    if _plain(names) in map(_plain, labels):  # a label may hold a comma itself
        wanted = [_plain(names)]
    for name in wanted:
        if name not in map(_plain, labels):
            raise ConfigError(_unknown(name, labels))
    return tuple(index for index, label in enumerate(labels) if _plain(label) in wanted)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _unknown(name: str, labels: tuple[str, ...]) -> str:
    by_plain = {_plain(label): label for label in labels}
    near = [by_plain[plain] for plain in difflib.get_close_matches(name, by_plain, _NEAREST)]
    meant = f"did you mean {' or '.join(near)}? It has: " if near else "it has: "
    return f"class '{name}' is unknown to this model; {meant}{', '.join(labels)}"
