# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A real Firefox, headless, driven by WebDriver BiDi, which needs no other program."""

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from helpers.looks import free_port
from helpers.ros_tools import wait_until

PROGRAMS = ("firefox", "firefox-esr")
KEYS = {"Tab": "\ue004", "Enter": "\ue006", "Escape": "\ue00c"}
_START_S = 60.0


@contextlib.contextmanager
def firefox(profile, *, dark=False, language="en"):
    """A page of a running browser; skips the test where there is none.

    Args:
        profile: An empty folder.
        dark: Whether the desktop is.
        language: Of the user.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Firefox: apt install firefox-esr")
    preferences = {
        "layout.css.prefers-color-scheme.content-override": 0 if dark else 1,
        "intl.accept_languages": language,
        "remote.active-protocols": 1,
        "datareporting.policy.dataSubmissionEnabled": False,
        "app.update.enabled": False,
    }
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items())
    Path(profile, "user.js").write_text("\n".join(lines))
    port = free_port()
    command = [
        program,
        "--headless",
        "--no-remote",
        "--profile",
        str(profile),
        "--remote-debugging-port",
        str(port),
    ]
    environment = {**os.environ, "HOME": str(profile), "MOZ_DISABLE_CONTENT_SANDBOX": "1"}
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*command, "about:blank"], env=environment, **quiet)
    try:
        with _connected(port) as socket:
            yield FirefoxPage(socket)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _connected(port):
    deadline_s = time.monotonic() + _START_S
    while True:
        try:
            return connect(
                f"ws://127.0.0.1:{port}/session", max_size=None, close_timeout=1.0, open_timeout=5.0
            )
        except (OSError, WebSocketException):
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)


class FirefoxPage:
    """A tab."""

    def __init__(self, socket):
        self._socket, self._numbers = socket, itertools.count(1)
        self._send("session.new", capabilities={})
        # not the tab that it begins with, which has no focus: keys would not press buttons
        self._tab = self._send("browsingContext.create", type="tab")["context"]
        self._send("browsingContext.activate", context=self._tab)

    def goto(self, url, *, width=1280, height=800):
        """Open a page in a window of that size."""
        size = {"width": width, "height": height}
        self._send("browsingContext.setViewport", context=self._tab, viewport=size)
        self._send("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def evaluate(self, script):
        """The value of a JavaScript expression, by way of JSON."""
        answer = self._send(
            "script.evaluate",
            expression=f"JSON.stringify({script})",
            target={"context": self._tab},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return json.loads(answer["result"].get("value", "null"))

    def wait(self, script, what=""):
        """Wait until a JavaScript expression is true."""
        wait_until(lambda: self.evaluate(f"!!({script})"), what or script)

    def click(self, selector):
        """Click in the middle of an element."""
        x, y = self.evaluate(
            f"""(() => {{
                const element = document.querySelector({json.dumps(selector)});
                element.scrollIntoView({{ block: "center" }});
                const box = element.getBoundingClientRect();
                return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];
            }})()"""
        )
        self.drag((x, y))

    def drag(self, *points):
        """Press at the first point, move to the others, release."""
        actions = [
            {"type": "pointerMove", "x": points[0][0], "y": points[0][1]},
            {"type": "pointerDown", "button": 0},
        ]
        actions += [{"type": "pointerMove", "x": x, "y": y, "duration": 50} for x, y in points[1:]]
        actions += [{"type": "pointerUp", "button": 0}]
        pointer = {
            "type": "pointer",
            "id": "mouse",
            "parameters": {"pointerType": "mouse"},
            "actions": actions,
        }
        self._send("input.performActions", context=self._tab, actions=[pointer])

    def type(self, *keys):
        """Press keys, each a letter or one of KEYS."""
        actions = [
            {"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")
        ]
        self._send(
            "input.performActions",
            context=self._tab,
            actions=[{"type": "key", "id": "keys", "actions": actions}],
        )

    def screenshot(self, name=None):
        """PNG of the window; kept in $SCREENSHOTS, where that is set and it has a name."""
        answer = self._send("browsingContext.captureScreenshot", context=self._tab)
        data = base64.b64decode(answer["data"])
        folder = os.environ.get("SCREENSHOTS")
        if folder and name:
            Path(folder).mkdir(parents=True, exist_ok=True)
            Path(folder, f"{name}.png").write_bytes(data)
        return data

    def _send(self, method, **parameters):
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(60))
            if answer.get("id") == number:
                assert answer["type"] == "success", f"{method}: {answer.get('message')}"
                return answer["result"]
