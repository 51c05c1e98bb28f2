# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Text from outside, for logs and messages: nothing in it commands a terminal, nothing in it is a password."""

from __future__ import annotations

import re

_START = re.compile(r"(?:([a-z][a-z0-9+.-]*):)?//", re.IGNORECASE)
_AFTER_COLON = re.compile(r":.*@", re.DOTALL)
# Azure's containers, which stand where other URLs have the user
_CONTAINER_SCHEMES = ("abfs", "abfss", "wasb", "wasbs")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]*[^\s'\"<>:,;.)]", re.IGNORECASE)
# user and password of a URL; of a mistyped one too, with any number of slashes or without its scheme
_CREDENTIALS = re.compile(r"(\b[a-z][a-z0-9+.-]*:/+|//)?[^\s/@:'\"]*:(?!//)\S*@", re.IGNORECASE)


def printable(text: str) -> str:
    """The text with control characters and line breaks as Python writes them, on one line."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def is_utf8(text: str) -> bool:
    """Whether the text can be encoded as UTF-8, as messages and files need; lone surrogates cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_utf8(text: str) -> str:
    """The text with what UTF-8 cannot encode as Python writes it: paths may hold any bytes."""
    return text.encode(errors="backslashreplace").decode()


def without_credentials(text: str) -> str:
    """The text without user, password and query of whatever looks like a URL."""
    text = _CREDENTIALS.sub(lambda match: match[1] or "", text)
    return _URL.sub(lambda match: shown_url(match[0]), text)


def shown_url(url: str, *, keys: bool = False) -> str:
    """One address for people to read, without user, password, query and fragment, any of which may be a secret.

    Args:
        url: A URL, mistyped or not. A path is returned as it is.
        keys: It names an object in a store, whose path may contain @ and #.
    """
    start = _START.match(url)
    if start is None:
        return url.rpartition("@")[2] if not keys and _AFTER_COLON.search(url) else url
    head, rest = start[0], url[start.end() :]
    server, slash, path = rest.partition("/")
    if (start[1] or "").lower() in _CONTAINER_SCHEMES and ":" not in server.rpartition("@")[0]:
        return head + re.split(r"[?#]", rest)[0]
    if keys:
        return head + server.rpartition("@")[2] + slash + path.partition("?")[0]
    # up to the last @, not by a URL parser: to that, an unescaped / or ? in a password begins the path or query
    return head + re.split(r"[?#]", rest.rpartition("@")[2])[0]
