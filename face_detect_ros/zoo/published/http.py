"""One file over HTTP into a partial file: continued where it stopped, tried again where that may help.

Python's own HTTP client: it honours the proxies of the environment and is there on every robot, also where
transformers (and the client that it brings) is not.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from face_detect_ros import __version__
from face_detect_ros.core.errors import OutputError
from face_detect_ros.zoo.published import partial_file
from face_detect_ros.zoo.published.cache import FOLDER_VARIABLE
from face_detect_ros.zoo.published.partial_file import Part

_CHUNK = 1 << 18
_LONGEST_WAIT_S = 60.0
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_LINKED_DIGEST = "X-Linked-ETag"  # in which Hugging Face's hub states the SHA-256 of a large file

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and how many there will be, None where the server does not say."""


@dataclass(frozen=True)
class HttpOptions:
    """timeout_s: without a byte. attempts: in a row that bring nothing new. first_delay_s: doubles with each."""

    timeout_s: float = 30.0
    attempts: int = 5
    first_delay_s: float = 1.0


@dataclass(frozen=True)
class Download:
    """sha256: as the server stated it, or empty. resumed: whether a part is from an earlier run."""

    sha256: str
    resumed: bool


class DownloadError(Exception):
    """It cannot be had: why, as the end of a sentence that begins with the address."""


class _TryAgainError(Exception):
    """May well work next time. wait_s: at least. restart: from the file's beginning."""

    def __init__(self, reason: str, *, wait_s: float = 0.0, restart: bool = False) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.restart = restart


def download(url: str, partial: Path, *, checked: bool, options: HttpOptions, progress: Progress) -> Download:
    """Bring the file at `url` into `partial`, whole.

    A partial file from earlier, also of a process that was killed, is continued if the server's file is certainly
    the same, or if the caller checks the digest afterwards (`checked`).

    Raises DownloadError if it cannot be had, OutputError if it cannot be written.
    """
    resumed = partial_file.usable(partial, partial_file.read(partial), url, checked=checked)
    if not resumed:
        partial_file.discard(partial)
    best, failures = partial_file.size(partial), 0
    while True:
        try:
            _attempt(url, partial, checked=checked, options=options, progress=progress)
            return Download(partial_file.read(partial).sha256, resumed)
        except _TryAgainError as error:
            size = partial_file.size(partial)
            failures = 1 if size > best else failures + 1
            best = max(best, size)
            if error.restart:
                partial_file.discard(partial)
            if failures >= options.attempts:
                raise DownloadError(f"{error} ({failures} attempts)") from error
            time.sleep(max(error.wait_s, options.first_delay_s * 2 ** (failures - 1)))


def _attempt(url: str, partial: Path, *, checked: bool, options: HttpOptions, progress: Progress) -> None:
    part, offset = partial_file.read(partial), partial_file.size(partial)
    if not partial_file.usable(partial, part, url, checked=checked):
        partial_file.discard(partial)
        part, offset = Part(url), 0
    if part.total is not None and offset == part.total:
        return
    headers = {"User-Agent": f"face_detect_ros/{__version__}"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if part.validator:
            headers["If-Range"] = part.validator
    redirects = _Redirects()
    with _open(urllib.request.Request(url, headers=headers), redirects, options) as response:
        total = _total(response, offset)
        if response.status != http.client.PARTIAL_CONTENT:
            offset = 0
        elif total is None or (part.total is not None and total != part.total):
            raise _TryAgainError("the server sent another part than was asked for", restart=True)
        if response.headers.get_content_type() == "text/html":
            raise DownloadError("gave a web page instead of the file (a login page, or a proxy's?)")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise DownloadError(f"came as {response.headers['Content-Encoding']}, which was not asked for")
        if offset == 0:
            partial_file.discard(partial)  # first: old bytes must not be taken for the start of the new file
        stated = redirects.sha256 or (part.sha256 if offset else "")
        partial_file.write(partial, Part(url, _validator(response), total, stated, partial_file.boot()))
        _check_room(partial, total, offset)
        _receive(response, partial, offset, total, progress)


def _open(request: urllib.request.Request, redirects: _Redirects, options: HttpOptions) -> Any:
    """The answer, its headers read."""
    try:
        return urllib.request.build_opener(redirects).open(request, timeout=options.timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        raise _status_error(error) from error
    except urllib.error.URLError as error:
        reason = error.reason
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise DownloadError(
                f"the server's certificate is not trusted ({reason.verify_message}); set this machine's clock, or, "
                "behind a proxy of your own, give its certificate with SSL_CERT_FILE"
            ) from error
        if not isinstance(reason, OSError):
            raise DownloadError(str(reason)) from error
        way = " through the proxy" if _has_proxy(request) else ""
        raise _TryAgainError(f"cannot be reached{way}: {reason.strerror or reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _TryAgainError(f"the connection broke: {error or type(error).__name__}") from error


def _has_proxy(request: urllib.request.Request) -> bool:
    target = urllib.parse.urlsplit(request.full_url)
    return target.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(target.netloc)


def _status_error(error: urllib.error.HTTPError) -> Exception:
    status = f"HTTP {error.code} {error.reason}".strip()
    if error.code in _TRANSIENT:
        wait = error.headers.get("Retry-After", "")
        wait_s = min(float(wait), _LONGEST_WAIT_S) if wait.isdigit() else 0.0
        return _TryAgainError(f"the server answered {status}", wait_s=wait_s)
    if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
        return _TryAgainError(f"the server answered {status}", restart=True)
    hints = {
        401: "it wants a login",
        403: "it wants a login, or this network is not let in",
        404: "it is not there any more",
        407: "the proxy wants a login: put it into https_proxy",
        410: "it is not there any more",
    }
    hint = hints.get(error.code)
    return DownloadError(f"the server answered {status}" + (f"; {hint}" if hint else ""))


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to http and https only, and never from https to http."""

    def __init__(self) -> None:
        self.sha256 = ""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = newurl.partition(":")[0].lower()
        if scheme not in ("http", "https") or (req.type == "https" and scheme == "http"):
            raise DownloadError(f"leads on to {newurl}, which is not followed")
        stated = re.fullmatch(r'"?([0-9a-f]{64})"?', headers.get(_LINKED_DIGEST, ""))
        if stated:
            self.sha256 = stated.group(1)
        return super().redirect_request(req, fp, 307 if code == 308 else code, msg, headers, newurl)

    http_error_308 = urllib.request.HTTPRedirectHandler.http_error_302  # Python 3.10 does not know it


def _total(response: Any, offset: int) -> int | None:
    """Bytes of the whole file; None where it is not said, or the part that came is not the one from `offset`."""
    if response.status == http.client.PARTIAL_CONTENT:
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", ""))
        if not match or int(match[1]) != offset or int(match[2]) + 1 != int(match[3]):
            return None
        return int(match[3])
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _validator(response: Any) -> str:
    tag: str = response.headers.get("ETag", "")
    if tag and not tag.startswith("W/"):  # a weak one does not promise the same bytes
        return tag
    return str(response.headers.get("Last-Modified", ""))


def _receive(response: Any, partial: Path, offset: int, total: int | None, progress: Progress) -> None:
    try:
        file = partial.open("r+b" if offset else "wb")
    except OSError as error:
        raise partial_file.write_error(partial, error) from error
    done = offset
    with contextlib.ExitStack() as stack:
        stack.callback(_close, file, partial)
        file.seek(offset)
        progress(done, total)
        while True:
            try:
                chunk = response.read1(_CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _TryAgainError(
                    f"the connection broke after {done} bytes: {error or type(error).__name__}"
                ) from error
            if not chunk:
                break
            try:
                file.write(chunk)
            except OSError as error:
                raise partial_file.write_error(partial, error) from error
            done += len(chunk)
            progress(done, total)
    if total is not None and done != total:
        raise _TryAgainError(f"the connection ended after {done} of {total} bytes")


def _close(file: IO[bytes], partial: Path) -> None:
    try:
        file.close()
    except OSError as error:
        raise partial_file.write_error(partial, error) from error


def _check_room(partial: Path, total: int | None, offset: int) -> None:
    """Better now than after an hour. Raises OutputError."""
    if total is None:
        return
    free = shutil.disk_usage(partial.parent).free
    if total - offset > free:
        needed = (total - offset) / 1e6
        raise OutputError(
            f"{partial.parent}: {needed:.0f} MB are needed, {free / 1e6:.0f} MB are free; make room, or choose "
            f"another folder with {FOLDER_VARIABLE}"
        )
