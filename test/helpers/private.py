# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Folders that a user may not look into, also where the tests run as root."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_NOBODY = 65534


@contextlib.contextmanager
def looked_at_by_nobody(folder: Path) -> Iterator[None]:
    """In the context this process may not look into `folder`, which is made if it is missing.

    What is imported there first may be unreadable, too: import it before.
    """
    folder.mkdir(exist_ok=True)
    folder.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o700)
