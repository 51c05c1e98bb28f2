# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One driver at a time on a folder of an object store, as far as stores allow."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import ConfigError, PerceptionError
from face_detect_ros.files.machine import boot
from face_detect_ros.files.stores import Store

NAME = "driver.json"
BEAT_S = 10.0
PATIENCE_S = 40.0
"""A driver without a sign of life for this long is considered dead. Clocks of machines are not compared."""
_POLL_S = 1.0


class Lease:
    """Held from `acquire` to `release`, or until the process ends.

    A file in the store names the driver, which changes it every `BEAT_S`. A driver of this machine whose process is
    gone is replaced at once, any other one if its file does not change for `PATIENCE_S`. Where a store can create a
    file only if there is none, as S3 can, two drivers that start at the same moment cannot both get it.

    Args:
        store: The folder.
        notify: Told why it takes a while.
    """

    def __init__(self, store: Store, notify: Callable[[str], None] = lambda text: None) -> None:
        self._store = store
        self._notify = notify
        self._about = {"token": secrets.token_hex(16), "beat": 0, **_this_process()}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="fleet-lease", daemon=True)
        self._lost = False

    def acquire(self) -> None:
        """Raises ConfigError if another driver is at work, StoreError if the store does not answer."""
        while not self._store.write(NAME, self._content(), new=True):
            there = self._store.read(NAME)
            if _parsed(there or b"").get("token") == self._about["token"]:
                break  # the store did write it, only its answer was lost
            if there is None or self._waited_for(there):
                continue
            self._store.write(NAME, self._content())
            time.sleep(_POLL_S)  # for another one that has waited, too
            if self._is_mine():
                break
        self._thread.start()

    def check(self) -> None:
        """Raises ConfigError if another driver has taken over, because this one was asleep or cut off."""
        if self._lost:
            raise ConfigError(
                f"{self._store.shown}: another process has taken over, because this one did not reach the store for "
                f"{PATIENCE_S:g} s"
            )

    def release(self) -> None:
        """Let others in."""
        self._ended.set()
        self._thread.join()
        with contextlib.suppress(PerceptionError):
            if self._is_mine():
                self._store.remove(NAME)

    def _waited_for(self, there: bytes) -> bool:
        """Wait for the driver that wrote `there`. Returns whether it went; False if it is dead. Raises ConfigError."""
        about = _parsed(there)
        if _is_gone(about):
            return False
        who = f"process {about.get('pid')} of {about.get('host')}"
        self._notify(
            f"{self._store.shown}: {who} was working on it; waiting for up to {PATIENCE_S:g} s to see whether it "
            "still is"
        )
        ends_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends_s:
            time.sleep(_POLL_S)
            now = self._store.read(NAME)
            if now is None:
                return True
            if now != there:
                raise ConfigError(f"{self._store.shown}: another process is working on it: {who}")
        return False

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S) and not self._lost:
            self._beat_once()

    def _beat_once(self) -> None:
        with contextlib.suppress(PerceptionError):  # tried again at the next beat
            if not self._is_mine():
                self._lost = True
                return
            self._about["beat"] += 1
            self._store.write(NAME, self._content())

    def _is_mine(self) -> bool:
        return _parsed(self._store.read(NAME) or b"").get("token") == self._about["token"]

    def _content(self) -> bytes:
        return json.dumps(self._about).encode()


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        about = json.loads(content)
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}


def _this_process() -> dict[str, Any]:
    pid = os.getpid()
    return {"host": socket.gethostname(), "machine": _machine(), "pid": pid, "started": _started(pid)}


def _machine() -> str:
    """Tells machines, their restarts and containers apart; empty if that is not known."""
    try:
        return f"{run} {os.readlink('/proc/self/ns/pid')}" if (run := boot()) else ""
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process started, in the kernel's own time; empty if there is none."""
    try:
        status = (
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return ""
    return "" if status[0] in "ZX" else status[19]


def _is_gone(about: dict[str, Any]) -> bool:
    """Whether a driver of this machine has ended; False for those of others."""
    if not about.get("machine") or about["machine"] != _machine() or not isinstance(about.get("pid"), int):
        return False
    return _started(about["pid"]) != about.get("started")
