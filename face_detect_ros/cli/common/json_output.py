# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""JSON on stdout: names stay readable in every script."""

from __future__ import annotations

import json
import sys
from typing import Any


def print_json(record: dict[str, Any]) -> None:
    """Print `record` on one line and flush, so that a reader gets each record as soon as it is complete.

    Letters outside ASCII are printed as they are, so names can be searched for. If stdout cannot encode one of them
    (a Latin-1 terminal, a file name that is not UTF-8), the whole line uses JSON's escapes instead: it is always valid
    JSON with the same content.

    Args:
        record: What to print; see `json.dumps`.

    Raises:
        BrokenPipeError: Nobody reads stdout any more.
    """
    text = json.dumps(record, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(record)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
