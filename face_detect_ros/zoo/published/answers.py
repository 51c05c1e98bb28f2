# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a server answers, checked: redirects, status, sizes and digests; and failures in words without secrets."""

from __future__ import annotations

import os
import re
import ssl
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from face_detect_ros.core.text import shown_url

if TYPE_CHECKING:
    import httpx2

_LONGEST_WAIT_S = 60.0
_MOST_REDIRECTS = 10
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
# in which the Hugging Face hub states size and SHA-256 of a large file before it redirects
_LINKED_DIGEST, _LINKED_SIZE = "X-Linked-ETag", "X-Linked-Size"
_HINTS = {
    401: "it requires a login",
    403: "it requires a login, or refuses this network",
    404: "the file is not there any more",
    407: "the proxy requires a login: put user and password into https_proxy",
    410: "the file is not there any more",
}


class DownloadError(Exception):
    """The file cannot be had: why, as the end of a sentence that begins with its address."""


class TryAgainError(Exception):
    """It may well work next time.

    Args:
        reason: What went wrong.
        wait_s: Wait at least so long.
        restart: From the beginning of the file.
    """

    def __init__(self, reason: str, *, wait_s: float = 0.0, restart: bool = False) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.restart = restart


@dataclass(frozen=True)
class Answer:
    """A successful answer whose headers have been checked.

    Attributes:
        response: its body has not been read.
        offset: where in the file its body begins.
        total: bytes of the whole file, or None.
        sha256: as the server stated it, or empty.
        has_end: whether the connection shows that the body is complete.
        validator: tells whether the file is still the same later: ETag or date, or empty.
    """

    response: httpx2.Response
    offset: int
    total: int | None
    sha256: str
    has_end: bool
    validator: str


async def final(client: httpx2.AsyncClient, request: httpx2.Request, offset: int) -> Answer:
    """Follows redirects, to http and https only and never from https to http.

    Args:
        client: sends the requests.
        request: for the file from byte `offset` on.
        offset: where to begin.

    Raises:
        DownloadError: the server refuses, or gives something else.
        TryAgainError: it fails for now, or cannot continue at `offset`.
        httpx2.HTTPError: there is no answer.
    """
    sha256, size = "", None
    for _ in range(_MOST_REDIRECTS):
        response = await client.send(request, stream=True)
        if response.status_code in (200, 206):  # others that count as success have no file in them
            return _checked(response, offset, sha256, size)
        await response.aclose()
        location = response.headers.get("Location", "")
        if response.next_request is None:
            raise _not_followed(location) if location else _status_error(response)
        target = response.next_request.url
        if target.scheme not in ("http", "https") or (request.url.scheme, target.scheme) == ("https", "http"):
            raise _not_followed(location)
        digest = re.fullmatch(r'"?([0-9a-f]{64})"?', response.headers.get(_LINKED_DIGEST, ""))
        if digest:
            sha256, size = digest[1], _count(response.headers.get(_LINKED_SIZE, ""))
        request = response.next_request
    raise DownloadError(f"leads on and on: more than {_MOST_REDIRECTS} redirects")


def _checked(response: httpx2.Response, offset: int, sha256: str, size: int | None) -> Answer:
    headers = response.headers
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/html":
        raise DownloadError("gave a web page instead of the file (a login page, or a proxy's?)")
    encoding = headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise DownloadError(f"came as {printable(encoding)}, which was not asked for")
    total = _count(headers.get("Content-Length", ""))
    has_end = total is not None or "chunked" in headers.get("Transfer-Encoding", "").lower()
    if response.status_code == 206:
        part = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", headers.get("Content-Range", ""), re.ASCII)
        start, last, total = map(_count, part.groups()) if part else (None, None, None)
        if start != offset or last is None or last + 1 != total:
            raise TryAgainError("the server sent another part than the one asked for", restart=True)
    else:
        offset = 0
    if total == 0:
        raise DownloadError("gave an empty file")
    tag: str = headers.get("ETag", "")
    # a weak tag does not promise the same bytes
    validator = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")
    return Answer(response, offset, size if total is None else total, sha256, has_end, validator)


def _not_followed(location: str) -> DownloadError:
    return DownloadError(f"leads on to {shown(location)}, which is not followed")


def _status_error(response: httpx2.Response) -> Exception:
    status = f"HTTP {response.status_code} {printable(response.reason_phrase)}".strip()
    if response.status_code in _TRANSIENT:
        wait_s = min(float(_count(response.headers.get("Retry-After", "")) or 0), _LONGEST_WAIT_S)
        return TryAgainError(f"the server answered {status}", wait_s=wait_s)
    if response.status_code == 416:
        return TryAgainError(f"the server answered {status}", restart=True)
    hint = _HINTS.get(response.status_code)
    return DownloadError(f"the server answered {status}" + (f"; {hint}" if hint else ""))


def _count(text: str) -> int | None:
    """A number of at most 18 digits, else None."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def failure(error: Exception, url: str) -> Exception:
    """Returns what it means that a request to `url` failed: a DownloadError or a TryAgainError."""
    import httpx2

    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return DownloadError(
                f"the server's certificate is not trusted ({cause.verify_message}); set this machine's clock, or, "
                "behind a proxy of your own, give its certificate with SSL_CERT_FILE"
            )
    if isinstance(error, (httpx2.InvalidURL, httpx2.UnsupportedProtocol, ValueError)):
        return DownloadError(f"is not an address that can be fetched ({reason(error)})")
    if isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)):
        way = " through the proxy" if _has_proxy(url) else ""
        return TryAgainError(f"cannot be reached{way}: {reason(error)}")
    return TryAgainError(f"the connection broke: {reason(error)}")


def reason(error: Exception) -> str:
    """Returns why, in the system's words if it was the system that failed."""
    numbers = [(each.errno, each.strerror) for each in _causes(error) if isinstance(each, OSError)]
    known = [(number, words) for number, words in numbers if number]
    if known:
        number, words = known[-1]
        return os.strerror(number) if number > 0 else printable(str(words))  # below 0: of name resolution
    return printable(" ".join(str(error).split()) or type(error).__name__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error`, and what it was raised because of, back to the first."""
    for _ in range(10):
        if error is None:
            return
        yield error
        several = getattr(error, "exceptions", ())
        error = several[0] if several else error.__cause__ or error.__context__


def _has_proxy(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    return scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(rest.partition("/")[0])


def shown(url: str) -> str:
    """Returns an address without user, password and query, any of which may be a secret."""
    return printable(re.split(r"[?#]", shown_url(url))[0])


def printable(text: str) -> str:
    """Returns a text of others as it may stand in a message: no control characters, at most 200 letters."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]
