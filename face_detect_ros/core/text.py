# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Text from outside, for logs and messages: nothing in it commands a terminal, nothing in it is a password."""

from __future__ import annotations

import re

# user and password of a URL; of a mistyped one too, with any number of slashes or without its scheme
_CREDENTIALS = re.compile(r"(\b[a-z][a-z0-9+.-]*:/+|//)?[^\s/@:'\"]*:\S*@", re.IGNORECASE)


def printable(text: str) -> str:
    """The text with control characters and line breaks as Python writes them, on one line."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def without_credentials(text: str) -> str:
    """The text with user and password left out of whatever looks like a URL."""
    return _CREDENTIALS.sub(lambda match: match[1] or "", text)
