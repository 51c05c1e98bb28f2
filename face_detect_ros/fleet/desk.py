# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a worker has on its own disk of a bag or of results in an object store: steps see only local folders."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from face_detect_ros.bags.stored import mcap_bag
from face_detect_ros.core.errors import OutputError, SourceError
from face_detect_ros.core.text import shown_url
from face_detect_ros.files.scratch import scratch
from face_detect_ros.files.stores import Store
from face_detect_ros.files.transfers import deliver, fetch
from face_detect_ros.fleet.one_bag.delivered import is_delivered, is_work
from face_detect_ros.fleet.one_bag.journal import completed
from face_detect_ros.fleet.one_bag.output_folder import DONE

if TYPE_CHECKING:
    from face_detect_ros.fleet.one_bag.job import Job
    from face_detect_ros.fleet.steps import Step


class Desk:
    """The local copies of one worker: at most one bag, the next one, and the results of the step in progress.

    Args:
        folder: Where they are made; None for a temporary folder, made when it is needed.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._stack = contextlib.ExitStack()
        self._folder = folder
        self._here = _Copy()
        self._next = _Copy()
        self._looked_at: tuple[str, Path | None] = ("", None)

    def take(self, step: Step, action: Callable[[Step], dict[str, Any]]) -> dict[str, Any]:
        """Take a step whose bag or results are in a store, with copies.

        What an earlier run has already put in the store is not computed again.

        Args:
            step: The step.
            action: Takes a step on local folders.

        Returns:
            What `action` does.

        Raises:
            StoreError: A store does not answer.
            OutputError: There is no room for a copy.
            PerceptionError: As of `action`.
        """
        store = Store(step.out_url) if step.out_url else None
        if store is not None:
            job = replace(step.job, name=shown_url(step.bag_url, keys=True))
            if step.kind == "detect" and (done := self._done_piece(step, store, job)) is not None:
                return {**done, "resumed": True}
            if step.kind == "finish" and is_delivered(
                store, step.result_name, job, step.bag_url, lambda: self.local(step).job
            ):
                return {"seconds": 0.0, "network_s": 0.0}
        local = self.local(step)
        self._fetch_meanwhile(step.next_url)
        if store is None:
            return action(local)
        with tempfile.TemporaryDirectory(
            prefix="step-", dir=self.folder, ignore_cleanup_errors=True
        ) as place:
            local = replace(local, folder=Path(place))
            local.journal(0).parent.mkdir()
            if step.kind == "finish":
                _fetch_pieces(step, store, local)
            values = action(local)
            if step.kind == "detect":
                store.put(local.journal(step.piece), step.journal_name(step.piece))
            elif step.kind == "finish":
                deliver(local.folder / step.result_name, store, DONE, below=step.result_name)
            return values

    def local(self, step: Step) -> Step:
        """The step with a copy of its bag, or if that is cut into pieces, with the bag itself where it can be read.

        Raises as `take`.
        """
        if not step.bag_url:
            return step
        bag = self._where_it_is(step.bag_url) if step.pieces > 1 else None
        if bag is None:
            bag = self._fetched(step.bag_url)
        job = replace(step.job, bag=bag, name=shown_url(step.bag_url, keys=True))
        return replace(step, job=job)

    def named(self, text: str) -> str:
        """A text about the copy of a bag, as one about the bag."""
        return self._here.named(text)

    @property
    def folder(self) -> Path:
        """Where copies are."""
        if self._folder is None:
            self._folder = self._stack.enter_context(scratch())
        return self._folder

    def close(self) -> None:
        """Remove all copies. Calling it twice is fine."""
        for copy in (self._here, self._next):
            copy.remove()
        self._here = self._next = _Copy()
        self._stack.close()

    def _done_piece(self, step: Step, store: Store, job: Job) -> dict[str, Any] | None:
        """What a piece in the store says about itself; None if it is not there, not complete, or another one."""
        if not store.exists(step.journal_name(step.piece)):
            return None
        copy = self.folder / "piece.sqlite3"
        try:
            store.get(step.journal_name(step.piece), copy)
            found = completed(copy)
        finally:
            copy.unlink(missing_ok=True)
        if found is None or found[1].get("span_ns") != list(step.spans_ns[0]):
            return None
        its_work = found[0].encode()
        return found[1] if is_work(its_work, job, step.bag_url, lambda: self.local(step).job) else None

    def _where_it_is(self, url: str) -> Path | None:
        """A bag that is read in the store; None if it has to be copied."""
        if url != self._looked_at[0]:
            self._looked_at = url, mcap_bag(Store(url), indexed=True)
        return self._looked_at[1]

    def _fetched(self, url: str) -> Path:
        if url != self._here.url:
            self._here.remove()
            if url == self._next.url:
                self._here, self._next = self._next, _Copy()
            if self._here.url != url or not self._here.is_good():
                self._here = _Copy(url, self.folder)
        try:
            return self._here.path()
        except OutputError:
            self._here = _Copy()
            if not self._next.url:
                raise
            # without the next bag there may be room
            self._next.remove()
            self._next = _Copy()
            return self._fetched(url)
        except BaseException:
            self._here = _Copy()
            raise

    def _fetch_meanwhile(self, url: str) -> None:
        if url and url not in (self._here.url, self._next.url):
            self._next.remove()
            self._next = _Copy(url, self.folder)


class _Copy:
    """A copy of a bag, made in a thread.

    Args:
        url: Of the bag; empty for none.
        parent: Folder for the folder of the copy.
    """

    def __init__(self, url: str = "", parent: Path | None = None) -> None:
        self.url = url
        self._path = Path()
        self._error: BaseException | None = None
        if parent is not None:
            try:
                self._folder = Path(tempfile.mkdtemp(prefix="bag-", dir=parent))
            except OSError as error:
                raise OutputError(f"{parent}: cannot be written: {error.strerror or error}") from error
            # a daemon: a process that ends does not wait for a bag that it will not need
            self._thread = threading.Thread(target=self._fetch, name="fleet-fetch", daemon=True)
            self._thread.start()

    def path(self) -> Path:
        """The copy, when it is complete. Raises as `fetch`."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._path

    def named(self, text: str) -> str:
        """A text about the copy, as one about the bag."""
        return text.replace(str(self._path), shown_url(self.url, keys=True)) if self._path.name else text

    def is_good(self) -> bool:
        """Whether it could be made, once that is known."""
        self._thread.join()
        return self._error is None

    def remove(self) -> None:
        """Remove it, once it is complete."""
        if self.url:
            self._thread.join()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _fetch(self) -> None:
        try:
            self._path = fetch(Store(self.url), self._folder)
        except BaseException as error:  # noqa: BLE001 - raised again in `path`
            self._error = error
            shutil.rmtree(self._folder, ignore_errors=True)


def _fetch_pieces(step: Step, store: Store, local: Step) -> None:
    """Copy the answers to all pieces; those that are not there are computed again."""
    for number in range(len(step.spans_ns)):
        try:
            store.get(step.journal_name(number), local.journal(number))
        except OutputError:
            raise
        except SourceError:
            continue
        if completed(local.journal(number)) is None:  # cut off, by a store that does not write whole files
            local.journal(number).unlink()
