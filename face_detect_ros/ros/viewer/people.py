# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the page does with people, by the services of the face detector and its gallery."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from std_srvs.srv import Trigger

from face_detect_ros.core.errors import DetectorError, GalleryError, OutputError
from face_detect_ros.detectors import model_file
from face_detect_ros.faces.gallery.file import unique_id
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.faces.gallery.looks import as_text
from face_detect_ros.ros.viewer import node_parameters
from face_detect_ros.ros.viewer.calls import Calls

MOST_DATES = 50
SETTINGS_S = 10.0
"""How long the detector may take to tell its settings."""
IDLE_S = 60.0
"""The process that looks at photos ends after this long without one."""


class People:
    """Enroll, forget, rename and list people; enroll them from photos.

    Args:
        calls: Of the viewer.
        detector: Fully qualified name of the face detector.
        announced: Whether `gallery` holds: the detector may be gone, or no longer recognize people.
    """

    def __init__(self, calls: Calls, detector: str, announced: Callable[[], bool]) -> None:
        self._calls = calls
        self._announced = announced
        self._detector = detector
        self._busy = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="photos")
        self._photos: _PhotoProcess | None = None
        self.gallery = ""
        """File of the detector's gallery, as `~/vision_info` says; may be on another computer."""
        self.gallery_file = ""
        """Its `unique_id`, as the detector sees it."""
        self.embedder = ""
        """Network that compares faces, as `~/vision_info` says."""

    async def list(self) -> list[dict[str, Any]]:
        """Everybody in the gallery: name, looks and, where the gallery is on this computer, the latest looks' dates."""
        if self._is_here():
            with Gallery(Path(self.gallery), read_only=True) as gallery:
                return [
                    {
                        "name": person.name,
                        "looks": person.looks,
                        "since": as_text(person.since),
                        "dates": [as_text(moment) for moment in person.taken[-MOST_DATES:]],
                    }
                    for person in gallery.people()
                ]
        lines = (await self._trigger("list_people")).splitlines()
        matches = (re.fullmatch(r"(.*): (\d+) looks", line) for line in lines)
        return [{"name": match[1], "looks": int(match[2])} for match in matches if match]

    async def enroll(self, name: str) -> str:
        """Learn the face in view as `name`. Raises GalleryError with the detector's reason if it refuses."""
        with self._alone():
            await node_parameters.set_value(self._calls, self._detector, "enroll_name", name)
            return await self._trigger("enroll")

    async def forget(self, name: str) -> str:
        """Erase a person."""
        with self._alone():
            await node_parameters.set_value(self._calls, self._detector, "enroll_name", name)
            return await self._trigger("forget")

    async def rename(self, name: str, new_name: str) -> str:
        """Give a person another name."""
        with self._alone():
            await node_parameters.set_value(self._calls, self._detector, "enroll_name", name)
            await node_parameters.set_value(self._calls, self._detector, "rename_to", new_name)
            return await self._trigger("rename")

    def add_photo(self, name: str, file_name: str, data: bytes) -> Future[Any]:
        """Enroll from a photo, in a process of its own. May be called on any thread.

        Args:
            name: Of the person.
            file_name: Of the photo, for messages.
            data: Of the photo.

        Returns:
            The record of the photo. Its errors are PerceptionErrors.
        """
        settings = self._calls.run(self._settings)
        return self._thread.submit(lambda: self._look_at(settings, name, file_name, data))

    def once_a_second(self) -> None:
        """End the photos' process when it has been idle for long."""
        if self._photos is not None and time.monotonic() - self._photos.used_s > IDLE_S:
            self._thread.submit(self._end_photos)

    def close(self) -> None:
        """End the photos' process."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._end_photos()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        # name and service are two calls: another page's must not come between them
        if self._busy:
            raise GalleryError("another change of the gallery is under way; try again")
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def _is_here(self) -> bool:
        """Whether the detector's gallery is on this computer: another one may have a file of the same path."""
        return (
            bool(self.gallery_file)
            and self._announced()
            and unique_id(Path(self.gallery)) == self.gallery_file
        )

    async def _trigger(self, service: str) -> str:
        response = await self._calls.call(Trigger, f"{self._detector}/{service}", Trigger.Request())
        if not response.success:
            raise GalleryError(response.message)
        return str(response.message)

    async def _settings(self) -> tuple[str, str, str]:
        """Gallery, embedder and model of the detector. Raises GalleryError if another process cannot use them."""
        if not self._is_here():
            raise GalleryError("the face detector's gallery is not on this computer; enroll from the image")
        model = str(await node_parameters.get(self._calls, self._detector, "model"))
        files = [model_file.file_of(self.embedder), model_file.file_of(model)]
        if relative := [str(file) for file in files if file is not None and not file.is_absolute()]:
            raise GalleryError(
                f"the face detector uses {relative[0]}, whose folder only its own process knows; start it with the "
                "absolute path, or enroll from the image"
            )
        return str(Path(self.gallery).absolute()), self.embedder, model

    def _look_at(self, asked: Future[tuple[str, str, str]], name: str, file_name: str, data: bytes) -> Any:
        try:
            settings = asked.result(SETTINGS_S)
        except futures.TimeoutError as error:  # not the built-in one before Python 3.11
            raise DetectorError(f"{self._detector} does not answer; try again") from error
        try:
            if self._photos is not None and not self._photos.usable(settings):
                self._end_photos()
            if self._photos is None:
                self._photos = _PhotoProcess(settings)
            return self._photos.enroll(name, file_name, data)
        except OSError as error:
            raise OutputError(
                f"the viewer's computer cannot process the photo: {error.strerror or error}"
            ) from error

    def _end_photos(self) -> None:
        photos, self._photos = self._photos, None
        if photos is not None:
            photos.close()


class _PhotoProcess:
    """`python -m face_detect_ros.pipeline.photo_worker`: networks for photos would slow the page down."""

    def __init__(self, settings: tuple[str, str, str]) -> None:
        self._settings = settings
        self._folder = tempfile.TemporaryDirectory(prefix="face_detect_ros_photos_")
        self._lock = threading.Lock()
        self.used_s = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "face_detect_ros.pipeline.photo_worker", *settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder.name,  # what is enrolled names its source: the file's name, not this folder
            text=True,
        )

    def usable(self, settings: tuple[str, str, str]) -> bool:
        """Whether it is alive and made for these settings."""
        return settings == self._settings and self._process.poll() is None

    def enroll(self, name: str, file_name: str, data: bytes) -> Any:
        """The record of one photo. Raises DetectorError if the process dies of it."""
        with self._lock:
            self.used_s = time.monotonic()
            safe = re.sub(r"[^\w. -]", "_", file_name.replace("\\", "/").rpartition("/")[2]).strip(". ")
            path = Path(self._folder.name, safe[-60:] or "photo")  # at most 240 bytes
            try:
                path.write_bytes(data)
                return self._ask({"person": name, "file": path.name})
            finally:
                path.unlink(missing_ok=True)
                self.used_s = time.monotonic()

    def _ask(self, request: dict[str, str]) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise DetectorError("the process for photos has ended; try again")
        try:
            print(json.dumps(request), file=stdin, flush=True)
            line = stdout.readline()
        except OSError as error:
            raise DetectorError(f"the process for photos has ended ({error}); try again") from error
        if not line.endswith("\n"):
            raise DetectorError("the process for photos has ended; see face_detect_ros enroll for the reason")
        record = json.loads(line)
        if "error" in record:
            raise GalleryError(record["error"])
        return record

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._folder.cleanup()
