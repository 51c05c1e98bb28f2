# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One file over HTTP into a partial file: resumed where it stopped, tried again where that may help.

httpx2, the client under huggingface_hub and so under transformers, speaks HTTP and TLS: certificates are verified
against the system's store, and the proxies of the environment are used. What it lacks is here: a download that survives
a killed process, a bound on the time that a server may take, and proof that a file is complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from face_detect_ros import __version__
from face_detect_ros.files.machine import boot
from face_detect_ros.zoo.published import answers, partial_file
from face_detect_ros.zoo.published.answers import Answer, DownloadError, TryAgainError
from face_detect_ros.zoo.published.partial_file import Part

_LARGEST_BYTES = 1 << 33  # where the server does not say


@dataclass(frozen=True)
class HttpOptions:
    """How long to try.

    Attributes:
        timeout_s: longest silence of a server.
        answer_s: longest time from the request to the headers of the final answer, redirects included.
        attempts: attempts in a row that bring nothing new.
        first_delay_s: pause before the second attempt; doubles with each further one.
        patience_s: time for everything, in addition to what the file takes at `slowest_bytes_per_s`.
        slowest_bytes_per_s: average rate below which a download is given up.
    """

    timeout_s: float = 30.0
    answer_s: float = 60.0
    attempts: int = 5
    first_delay_s: float = 1.0
    patience_s: float = 600.0
    slowest_bytes_per_s: float = 10_000.0


class Download:
    """One download.

    Attributes:
        sha256: as the server stated it, or empty.
        resumed: whether a part is from an earlier run.
    """

    def __init__(
        self,
        url: str,
        partial: Path,
        *,
        checked: bool,
        options: HttpOptions,
        progress: Callable[[int, int | None], None],
        retrying: Callable[[str], None],
    ) -> None:
        """Prepare a download; nothing is requested yet.

        Args:
            url: Address of the file.
            partial: Where to write it.
            checked: The caller knows its digest and compares it afterwards.
            options: How long to try.
            progress: Told the bytes that are here, and how many there will be (None: unknown).
            retrying: Told, in words, why an attempt failed and when the next one begins.
        """
        self.sha256 = ""
        self.resumed = False
        self._url = url
        self._partial = partial
        self._checked = checked
        self._options = options
        self._progress = progress
        self._retrying = retrying
        self._deadline_s = time.monotonic() + options.patience_s

    def run(self) -> None:
        """Brings the file, complete.

        A partial file from an earlier run, even of a process that was killed, is resumed if the server's file is
        certainly the same, or if the caller compares the digest.

        Raises:
            DownloadError: the file cannot be had.
            OutputError: it cannot be written.
        """
        try:
            import httpx2  # noqa: F401 - nodes never fetch, and need not have it
        except ImportError as error:
            raise DownloadError(f"needs a Python package ({error}); run: pip install httpx2") from error
        asyncio.run(self._run())

    async def _run(self) -> None:
        self.resumed = self._prepare()[1] > 0
        best, failures = partial_file.size(self._partial), 0
        while True:
            try:
                await self._attempt()
                self.sha256 = partial_file.read(self._partial).sha256
                return
            except TryAgainError as error:
                size = partial_file.size(self._partial)
                failures = 1 if size > best else failures + 1
                best = max(best, size)
                if error.restart:
                    partial_file.discard(self._partial)
                if failures >= self._options.attempts:
                    raise DownloadError(f"{error} ({failures} attempts)") from error
                wait_s = max(error.wait_s, self._options.first_delay_s * 2 ** (failures - 1))
                self._remaining_s(wait_s)
                self._retrying(
                    f"{error}; attempt {failures + 1} of {self._options.attempts} in {wait_s:.0f} s"
                )
                await asyncio.sleep(wait_s)

    def _prepare(self) -> tuple[Part, int]:
        """What is known of the part, and the bytes that can be kept."""
        part = partial_file.read(self._partial)
        if partial_file.usable(self._partial, part, self._url, checked=self._checked):
            return part, partial_file.size(self._partial)
        partial_file.discard(self._partial)
        return Part(self._url), 0

    def _remaining_s(self, at_most_s: float) -> float:
        """Time that is left, up to `at_most_s`. Raises DownloadError if there is none."""
        remaining_s = self._deadline_s - time.monotonic()
        if remaining_s <= 0:
            raise DownloadError(
                f"took too long (allowed: {self._options.patience_s:.0f} s, and a second for each "
                f"{self._options.slowest_bytes_per_s:.0f} bytes); the same command resumes it"
            )
        return min(at_most_s, remaining_s)

    async def _attempt(self) -> None:
        import httpx2

        part, offset = self._prepare()
        if part.total is not None and offset == part.total:
            return
        headers = {"User-Agent": f"face_detect_ros/{__version__}", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if part.validator:
                headers["If-Range"] = part.validator
        answer_s = self._remaining_s(self._options.answer_s)
        async with httpx2.AsyncClient(timeout=self._options.timeout_s) as client:
            try:
                request = client.build_request("GET", self._url, headers=headers)
                answer = await asyncio.wait_for(answers.final(client, request, offset), answer_s)
            except (DownloadError, TryAgainError):
                raise
            except asyncio.TimeoutError as error:
                raise TryAgainError("the server did not answer in time") from error
            except Exception as error:  # whatever nonsense makes the libraries do
                raise answers.failure(error, self._url) from error
            async with contextlib.aclosing(answer.response):
                self._accept(answer, part)
                await self._receive(answer)

    def _accept(self, answer: Answer, part: Part) -> None:
        """Records what the part will be, if it can be known to be complete at its end."""
        if answer.offset and part.total is not None and answer.total != part.total:
            raise TryAgainError("the server sent another part than the one asked for", restart=True)
        # not every server heeds If-Range, and without a digest nothing would show that two files were mixed
        if answer.offset and not self._checked and answer.validator != part.validator:
            raise TryAgainError("the file has changed on the server since the download began", restart=True)
        sha256 = answer.sha256 or (part.sha256 if answer.offset else "")
        if not (answer.total is not None or answer.has_end or sha256 or self._checked):
            raise DownloadError(
                "came without its length, and no digest of it is known, so that nothing would show whether it is "
                "complete"
            )
        if answer.offset == 0:
            partial_file.discard(
                self._partial
            )  # first: old bytes must not be taken for the start of the new file
        known = Part(self._url, answer.validator, answer.total, sha256, boot())
        partial_file.write(self._partial, known)
        partial_file.check_room(self._partial, (answer.total or 0) - answer.offset)

    async def _receive(self, answer: Answer) -> None:
        done, total = answer.offset, answer.total
        chunks = answer.response.aiter_raw()
        with partial_file.opened(self._partial, done) as file:
            self._progress(done, total)
            while True:
                try:
                    timeout_s = self._remaining_s(self._options.timeout_s)
                    chunk = await asyncio.wait_for(anext(chunks, b""), timeout_s)
                except DownloadError:
                    raise
                except Exception as error:
                    raise TryAgainError(
                        f"the connection broke after {done} bytes: {answers.reason(error)}"
                    ) from error
                if not chunk:
                    break
                file.write(chunk)
                done += len(chunk)
                self._deadline_s += len(chunk) / self._options.slowest_bytes_per_s
                if done > (_LARGEST_BYTES if total is None else total):
                    raise TryAgainError("the server sent more than it said", restart=True)
                self._progress(done, total)
        if total is not None and done != total:
            raise TryAgainError(f"the connection ended after {done} of {total} bytes")
