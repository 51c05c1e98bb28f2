# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A real browser: headless Chromium, driven by Playwright."""

import contextlib
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 60_000
# otherwise each page starts three or four processes, which take longer than the page
FLAGS = ["--no-sandbox", "--disable-gpu", "--renderer-process-limit=1", "--disable-site-isolation-trials"]


@contextlib.contextmanager
def chromium():
    """A running browser; skips the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no browser: apt install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def page_at(browser, url, *, width=1280, height=800, language="en", dark=False, **options):
    """A page of its own, without cookies of others; fails the test if it has an error."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale=language,
        color_scheme="dark" if dark else "light",
        **options,
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    try:
        with _without_errors(page):
            page.goto(url)
            yield page
    finally:
        context.close()


class Tab:
    """A page that one test after the other opens, each as if it were new: that takes half the time of a new one.

    Args:
        browser: As `chromium` gives it.
        language: Of the user.
    """

    def __init__(self, browser, language="en"):
        self._browser = browser
        self._language = language
        self._page = None

    @contextlib.contextmanager
    def at(self, url, *, width=1280, height=800, dark=False, failed=lambda: False):
        """The page, as `page_at` makes it.

        Args:
            url: What it shows.
            width: Of the window, in pixels.
            height: Of the window, in pixels.
            dark: Whether the desktop is.
            failed: Whether the test has failed in the end: the next one gets another page, as after an exception.
        """
        page, self._page = self._page or self._new(), None
        good = False
        try:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme="dark" if dark else "light")
            with _without_errors(page):
                page.goto(url)
                yield page
            if not failed():
                _clean(page, url)
                good = True
        finally:
            if good:
                self._page = page
            else:
                page.context.close()

    def _new(self):
        context = self._browser.new_context(locale=self._language)
        context.set_default_timeout(PATIENCE_MS)
        return context.new_page()


def _clean(page, url):
    """Leave nothing of what was done in the page."""
    page.goto("about:blank")
    page.mouse.move(0, 0)
    page.context.clear_cookies()
    parts = urlsplit(url)
    devtools = page.context.new_cdp_session(page)
    devtools.send(
        "Storage.clearDataForOrigin",
        {"origin": f"{parts.scheme}://{parts.netloc}", "storageTypes": "all"},
    )
    devtools.detach()


@contextlib.contextmanager
def _without_errors(page):
    errors = []
    listen = lambda error: errors.append(str(error))  # noqa: E731
    page.on("pageerror", listen)
    yield
    page.remove_listener("pageerror", listen)
    assert not errors, errors


def screenshot(page, name, **options):
    """Take a screenshot of the page; kept in $SCREENSHOTS, where that is set."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        options["path"] = str(Path(folder, f"{name}.png"))
    return page.screenshot(**options)
