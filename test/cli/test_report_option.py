# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The pages that `bench` and `evaluate` write with --report, by the real commands on small data."""

import contextlib
import json

import cv2
import pytest
from helpers.browser import chromium, page_at, screenshot
from skimage.data import astronaut, chelsea
from typer.testing import CliRunner

from face_detect_ros.benchmarks import drawing
from face_detect_ros.cli.app import app


@pytest.fixture(scope="module")
def labeled(tmp_path_factory):
    """The astronaut, whose face and person are labeled, and a cat, in which a face is said to be."""
    folder = tmp_path_factory.mktemp("labeled")
    for name, image in {"astronaut.png": astronaut(), "cat.png": chelsea()}.items():
        cv2.imwrite(str(folder / name), image[..., ::-1])
    boxes = [(1, 1, [10, 12, 360, 498]), (1, 2, [171, 64, 108, 132]), (2, 2, [100, 60, 80, 90])]
    content = {
        "images": [{"id": 1, "file_name": "astronaut.png"}, {"id": 2, "file_name": "cat.png"}],
        "annotations": [
            {"id": number, "image_id": image, "category_id": category, "bbox": box}
            for number, (image, category, box) in enumerate(boxes, 1)
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "face"}],
    }
    (folder / "labels.json").write_text(json.dumps(content))
    return ("--images", str(folder), "--annotations", str(folder / "labels.json"))


@pytest.fixture(scope="module")
def browser():
    """`browser()` starts one for all tests of this file."""
    with contextlib.ExitStack() as stack:
        running = []

        def started():
            if not running:
                running.append(stack.enter_context(chromium()))
            return running[0]

        yield started


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.mark.usefixtures("unrecorded")
def test_evaluate_coco_shows_confusion_and_mistakes(labeled, tmp_path, browser):
    pytest.importorskip("pycocotools")
    file = tmp_path / "page.html"
    result = run("evaluate", "coco", *labeled, "--engine", "torch", "--json", "--report", file)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == f"page: {file}\n"
    assert json.loads(result.stdout)["boxes"] == 3
    page = file.read_text()
    for text in (
        "Object detector yolov9-robot",
        "Confusion",
        "cat.png: ",
        "missed face",
        "Precision by recall",
    ):
        assert text in page
    assert_good_to_look_at(browser, file, "report_coco")


def test_evaluate_faces_shows_curves_and_mistakes(labeled, tmp_path):
    file = tmp_path / "page.html"
    result = run("evaluate", "faces", *labeled, "--report", file)
    assert result.exit_code == 0, result.stderr
    assert "curve" not in result.stdout
    page = file.read_text()
    for text in ("Recall by size", "cat.png: ", "missed face", "Precision and recall by score threshold"):
        assert text in page


def test_bench_shows_bars_beside_limits(tmp_path, monkeypatch, browser):
    monkeypatch.setattr(drawing, "SIZES", ((320, 240), (640, 480)))
    file = tmp_path / "page.html"
    result = run("bench", "drawing", "--report", file)
    assert result.exit_code == 0, result.stderr
    page = file.read_text()
    for text in ("draw 10 faces 320x240", "shorter is better", "In ms"):
        assert text in page
    assert_good_to_look_at(browser, file, "report_bench")


@pytest.mark.parametrize("place", ["", "none/page.html"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path, place):
    result = run("bench", "nodes", "--report", tmp_path / place)
    assert result.exit_code == 2
    assert "--report" in result.stderr


def assert_good_to_look_at(browser, file, name):
    """No accessibility problem in light and dark, nothing wider than a phone but what scrolls."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    for width, dark in ((360, False), (1280, True)):
        # the page forbids all scripts, and axe is one
        with page_at(browser(), file.as_uri(), width=width, dark=dark, bypass_csp=True) as page:
            screenshot(page, f"{name}_{width}", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            found = axe.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
            assert found.violations_count == 0, found.generate_report()
