# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The viewer beside real nodes, in a real browser."""

import base64
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import httpx2
import numpy as np
import psutil
import pytest
from helpers.browser import Tab, chromium, screenshot
from helpers.ros_tools import PATIENCE_S, astronaut, wait_until
from rosbags.highlevel import AnyReader
from websockets.sync.client import connect

from face_detect_ros.detectors import catalogue

# the first two need no browser, and none of the nodes that the others share, which are not there yet


def test_the_page_is_as_private_as_the_face_detector(execute):
    execute("face_detector", parameters={"privacy": True, "recognize": False}, namespace="/private")
    viewer = execute("viewer", namespace="/private")
    url = viewer.wait_for_output(r"(?m)^(http://127\.0\.0\.1:\d+/)$").group(1)
    about = lambda: httpx2.get(f"{url}api/about").json()["views"]  # noqa: E731
    wait_until(lambda: about() == {"": ["anonymized"]}, lambda: f"anonymized images only, not {about()}")


def test_each_camera_has_its_images_and_one_without_is_reported(execute):
    remaps = {"image_raw": "front/image_raw"}
    execute("video_source", parameters={"source": "sample:astronaut"}, remaps=remaps, namespace="/robot")
    viewer = execute("viewer", parameters={"cameras": "front, left"}, namespace="/robot")
    url = viewer.wait_for_output(r"(?m)^(http://127\.0\.0\.1:\d+/)$").group(1)
    with connect(url.replace("http", "ws") + "live", max_size=None) as front:
        front.send(json.dumps({"type": "watch", "camera": "front"}))
        while not isinstance(message := front.recv(PATIENCE_S), bytes):
            pass
        assert b'"camera": "front"' in message[:200]
    with connect(url.replace("http", "ws") + "live") as left:
        left.send(json.dumps({"type": "watch", "camera": "left"}))
        while "no image on /robot/left/image_raw" not in str(left.recv(PATIENCE_S)):
            pass


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address that `face_detect_ros view` prints, for a photo that moves, with an empty gallery."""
    gallery = tmp_path_factory.mktemp("people") / "gallery.sqlite3"
    command = ["view", "sample:astronaut", "--object-model", "none", "--gallery", str(gallery)]
    with subprocess.Popen(
        [sys.executable, "-m", "face_detect_ros.cli.app", *command],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            line = process.stdout.readline()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\n", line)
            yield line.strip()
            children = psutil.Process(process.pid).children(recursive=True)
            assert len(children) >= 2
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 130
            assert not any(child.is_running() for child in children)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def tab(browser):
    return Tab(browser)


@pytest.fixture
def page(tab, address, request):
    before = request.session.testsfailed
    with tab.at(address, failed=lambda: request.session.testsfailed > before) as page:
        page.wait_for_selector(".box")
        yield page


def canvas_of(page):
    """(H, W, 3) uint8 RGB: what the canvas shows, and the boxes as pixels of it, of the same moment."""
    data, boxes = page.evaluate(
        """() => {
            const canvas = document.getElementById("image");
            const layer = document.getElementById("boxes").getBoundingClientRect();
            const boxes = [...document.querySelectorAll(".box")].map((box) => {
                const at = box.getBoundingClientRect();
                return [at.left - layer.left, at.top - layer.top, at.right - layer.left, at.bottom - layer.top]
                    .map((value) => value * canvas.width / layer.width);
            });
            return [canvas.toDataURL("image/png"), boxes];
        }"""
    )
    encoded = np.frombuffer(base64.b64decode(data.partition(",")[2]), np.uint8)
    return cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.array(boxes)


def test_the_image_moves(page):
    first, _ = canvas_of(page)
    wait_until(lambda: not np.array_equal(canvas_of(page)[0], first), "another image")


def test_the_box_is_where_the_face_is(page):
    detector = catalogue.create("dlib_hog", task="faces")
    options = catalogue.default_options("dlib_hog", task="faces")

    def overlap():
        image, boxes = canvas_of(page)
        faces = detector.detect([image], options)[0].boxes
        return max((iou(face, box) for box in boxes for face in faces), default=0.0)

    # faces are covered until the viewer knows that the face detector is not private
    wait_until(lambda: overlap() > 0.4, "a box around the face")


def iou(a, b):
    width, height = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    both = max(0, width) * max(0, height)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def test_health_names_model_and_device(page):
    page.wait_for_selector("#health >> text=centerface")
    assert "cpu" in page.inner_text("#health")
    assert "OK" in page.inner_text("#health")


def test_a_parameter_takes_effect_and_a_refusal_says_why(page):
    page.click("#settings_card > summary")
    page.click("#settings >> summary >> text=face_detector")
    page.fill("[id='face_detector.score_threshold']", "0.99")
    page.click("form:has([id='face_detector.score_threshold']) >> text=Apply")
    page.wait_for_selector(".box", state="detached")
    page.fill("[id='face_detector.score_threshold']", "0")
    page.click("form:has([id='face_detector.score_threshold']) >> text=Apply")
    page.wait_for_selector(".box")
    page.fill("[id='face_detector.embedder']", "nothing")
    page.click("form:has([id='face_detector.embedder']) >> text=Apply")
    page.wait_for_selector("#notice.bad >> text=nothing")


def test_a_recording_is_a_bag_with_images_and_detections(page):
    page.click("#record")
    page.wait_for_selector("#record[aria-pressed=true]")
    first, _ = canvas_of(page)
    wait_until(lambda: not np.array_equal(canvas_of(page)[0], first), "another image")
    page.click("#record")
    page.wait_for_selector("#notice >> text=Recorded")
    path = re.search(r"Recorded: (.+?), \d+", page.inner_text("#notice"))[1]
    with AnyReader([Path(path)]) as reader:
        counts = {connection.topic: connection.msgcount for connection in reader.connections}
    assert counts["/image_raw/compressed"] >= 1
    assert counts["/face_detector/detections"] >= 1


def test_a_photo_of_somebody_is_enrolled_and_one_of_nobody_is_refused(page, tmp_path):
    image = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(tmp_path / "face.jpg"), image)
    cv2.imwrite(str(tmp_path / "rocket.jpg"), image[250:, 250:])
    page.click("#people_card > summary")
    page.fill("#photo_name", "Eileen")
    page.set_input_files("#photo_files", [str(tmp_path / "face.jpg"), str(tmp_path / "rocket.jpg")])
    page.click("#photos button")
    page.wait_for_selector("#photo_outcomes >> text=face.jpg: learned")
    page.wait_for_selector("#photo_outcomes .bad >> text=rocket.jpg")
    page.wait_for_selector(".box >> text=Eileen")
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("#people >> text=Forget")
    page.wait_for_selector("#nobody:visible")


def test_a_click_enrolls_and_the_name_appears_and_goes(page):
    page.wait_for_selector(".box >> text=#")  # only a track can be followed
    page.click(".box", force=True)
    page.wait_for_selector(".box[aria-pressed=true]")
    page.click("#health summary >> nth=0")
    page.wait_for_selector("#health tr:has-text('selected') >> text=/^#\\d+ face/")  # the detector follows it
    page.fill("#enroll_name", "Eileen Collins")
    page.click("#selection >> text=Enroll")
    page.wait_for_selector("#notice >> text=/is enrolled|not enrolled/")
    assert "Eileen Collins is enrolled" in page.inner_text("#notice")
    page.wait_for_selector(".box >> text=Eileen Collins")
    page.click("#people_card > summary")
    page.wait_for_selector("#people >> text=Eileen Collins")
    screenshot(page, "viewer_people")

    page.once("dialog", lambda dialog: dialog.accept("Eileen"))
    page.click("#people >> text=Rename")
    page.wait_for_selector(".box >> text=/^Eileen ·/")

    page.once("dialog", lambda dialog: dialog.accept())
    page.click("#people >> text=Forget")
    page.wait_for_selector("#nobody:visible")


def test_a_node_is_reconfigured(page):
    # last of those that share the nodes: from now on its images are small
    page.click("#settings_card > summary")
    page.click("#settings >> summary >> text=video_source")
    page.fill("[id='video_source.width']", "320")
    page.click("form:has([id='video_source.width']) >> text=Apply")
    page.wait_for_selector("#notice >> text=width is now 320")
    page.click("text=Reconfigure video_source")
    page.wait_for_selector("#notice >> text=video_source is reconfigured")
    page.wait_for_selector("#figures:has-text('320')")
