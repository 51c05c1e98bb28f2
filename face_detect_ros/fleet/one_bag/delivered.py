# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether the result of a bag is already in an object store, found out without a copy of the bag if possible."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePosixPath

from face_detect_ros.bags.finding import is_storage
from face_detect_ros.bags.reading import BagReader
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.files.stores import Store
from face_detect_ros.files.transfers import UNDERWAY
from face_detect_ros.fleet.one_bag.job import Job
from face_detect_ros.fleet.one_bag.output_folder import DONE


def is_delivered(store: Store, below: str, job: Job, bag_url: str, local: Callable[[], Job]) -> bool:
    """Whether the result of exactly this work is there, and complete.

    Args:
        store: For results.
        below: Folder of this result in it; empty for `store` itself.
        job: The work.
        bag_url: Of the bag, if it is in a store; else empty.
        local: Makes a copy of the bag, and gives the job with it; called only if that is needed.

    Raises:
        ConfigError: A result of other work is there.
        PerceptionError: As of `local` and `BagReader`.
    """
    there = store.read(f"{below}/{DONE}".lstrip("/"))
    # a store of plain files may have part of it, left by a process that was killed while it delivered
    if there is None or store.exists(f"{below}/{UNDERWAY}".lstrip("/")):
        return False
    if is_work(there, job, bag_url, local):
        return True
    raise ConfigError(
        f"{store.shown}/{below}".rstrip("/") + ": exists already; give another folder, or delete it"
    )


def is_work(text: bytes, job: Job, bag_url: str, local: Callable[[], Job]) -> bool:
    """Whether a text describes exactly this work. Arguments and errors are those of `is_delivered`."""
    if bag_url and _describes(text, job, Store(bag_url)):
        return True
    copied = local()
    with BagReader(copied.bag) as reader:
        return copied.describe(reader).encode() == text


def _describes(there: bytes, job: Job, bag: Store) -> bool:
    """Whether DONE of a result is that of this job, by the listing of the store that has the bag."""
    files = [
        [name.rpartition("/")[2] or bag.name, stored.size, stored.modified_ns]
        for name, stored in bag.files().items()
        if is_storage(PurePosixPath(name or bag.name))
    ]
    try:
        version, its_job, its_files, models = json.loads(there)
        return [version, its_job, sorted(its_files), models] == json.loads(job.described(sorted(files)))
    except (ValueError, TypeError):
        return False
