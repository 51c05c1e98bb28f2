# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What one check says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "bad"]
"""ok; note: works, but something optional is missing or slow; bad: the package cannot run."""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        name: Of what was checked.
        state: How it is.
        detail: What was found.
        advice: What to do; empty where nothing needs doing.
    """

    name: str
    state: State
    detail: str
    advice: str = ""
