# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Make the images that the documentation shows: `make pictures`. Needs a Chromium (apt install chromium)."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
from playwright.sync_api import TimeoutError, sync_playwright

from face_detect_ros.demo import scene

DOCS = Path(__file__).resolve().parent.parent / "docs"
COMMAND = [sys.executable, "-m", "face_detect_ros.cli.app"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1280, 760
JPEG_QUALITY = 82


def main() -> None:
    """Write docs/annotated.jpg and docs/viewer.jpg."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit("pictures: no browser: sudo apt install chromium")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gallery, photo = folder / "gallery.sqlite3", folder / "two_people.png"
        scene.enroll_known(gallery)
        scene.two_people(photo)
        annotated(photo, gallery, folder)
        viewer(photo, gallery, browser)


def annotated(photo: Path, gallery: Path, folder: Path) -> None:
    """The photo as `detect --save` draws on it."""
    arguments = ["detect", str(photo), "--gallery", str(gallery), "--save", str(folder / "saved")]
    subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)
    image = cv2.imread(str(next((folder / "saved").glob("two_people*"))))
    cv2.imwrite(str(DOCS / "annotated.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


def viewer(photo: Path, gallery: Path, browser: str) -> None:
    """The viewer's page, after a while with the photo moving."""
    view = [*COMMAND, "view", photo.name, "--gallery", str(gallery)]  # the page shows the name
    with (
        subprocess.Popen(view, cwd=photo.parent, stdout=subprocess.PIPE, text=True) as process,
        sync_playwright() as driver,
    ):
        try:
            assert process.stdout is not None
            chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en")
            page.goto(process.stdout.readline().strip())
            page.wait_for_selector(f".box:has-text('{scene.KNOWN}')", timeout=120_000)
            page.wait_for_timeout(30_000)  # so that the plots show something
            page.click(f".box:has-text('{scene.KNOWN}')", force=True)
            page.wait_for_timeout(1_000)
            with contextlib.suppress(TimeoutError):  # of a machine that was busy for a moment
                page.wait_for_selector(".level.warn", state="detached", timeout=90_000)
            page.screenshot(path=str(DOCS / "viewer.jpg"), type="jpeg", quality=JPEG_QUALITY)
            chromium.close()
        finally:
            process.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
