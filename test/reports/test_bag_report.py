# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The report about a bag: what was seen, and one file with everything inside."""

from html.parser import HTMLParser

import numpy as np
import pytest
from helpers import bags
from helpers.browser import chromium, screenshot
from typer.testing import CliRunner

from face_detect_ros.bags.images import jpeg_message
from face_detect_ros.bags.types import header, message, serialize
from face_detect_ros.bags.writing import BagWriter
from face_detect_ros.cli.app import app
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.reports.bag_report import bag_report
from face_detect_ros.reports.recording import read_recording

START_NS = 1_700_000_000_000_000_000
STEP_NS = 100_000_000
LATENCY_NS = 20_000_000
IMAGES = 30


def detections(stamp_ns, found):
    """A Detection2DArray of (class, score, id, box)."""
    head = header(stamp_ns, "camera")
    zero = message("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0)
    upright = message("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0)
    pose = message(
        "geometry_msgs/msg/PoseWithCovariance",
        pose=message("geometry_msgs/msg/Pose", position=zero, orientation=upright),
        covariance=np.zeros(36),
    )
    each = [
        message(
            "vision_msgs/msg/Detection2D",
            header=head,
            results=[
                message(
                    "vision_msgs/msg/ObjectHypothesisWithPose",
                    hypothesis=message("vision_msgs/msg/ObjectHypothesis", class_id=name, score=score),
                    pose=pose,
                )
            ],
            bbox=message(
                "vision_msgs/msg/BoundingBox2D",
                center=message(
                    "vision_msgs/msg/Pose2D",
                    position=message("vision_msgs/msg/Point2D", x=(x1 + x2) / 2, y=(y1 + y2) / 2),
                    theta=0.0,
                ),
                size_x=float(x2 - x1),
                size_y=float(y2 - y1),
            ),
            id=track,
        )
        for name, score, track, (x1, y1, x2, y2) in found
    ]
    return serialize(message("vision_msgs/msg/Detection2DArray", header=head, detections=each))


def status(level, text, **values):
    items = [message("diagnostic_msgs/msg/KeyValue", key=key, value=value) for key, value in values.items()]
    one = message(
        "diagnostic_msgs/msg/DiagnosticStatus",
        level=level,
        name="face_detector: detections",
        message=text,
        hardware_id="",
        values=items,
    )
    return serialize(message("diagnostic_msgs/msg/DiagnosticArray", header=header(0, ""), status=[one]))


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    """3 s: Ada throughout but for a second, a stranger at the end, a dog; a red image where the faces are."""
    folder = tmp_path_factory.mktemp("bags") / "walk"
    writer = BagWriter(folder)
    kind = "vision_msgs/msg/Detection2DArray"
    image = np.full((120, 160, 3), 40, np.uint8)
    image[20:60, 20:60] = (250, 20, 20)
    for index in range(IMAGES):
        stamp_ns = START_NS + index * STEP_NS
        log_ns = stamp_ns + LATENCY_NS
        writer.write(
            "/image_raw/compressed",
            "sensor_msgs/msg/CompressedImage",
            stamp_ns,
            jpeg_message(image, stamp_ns, "camera"),
        )
        ada = [("face", 0.5 + index / 100, "1", (20, 20, 60, 60))] if not 5 <= index < 18 else []
        stranger = [("face", 0.7, "2", (90, 20, 130, 60))] if index > 20 else []
        writer.write("/face_detector/detections", kind, log_ns, detections(stamp_ns, ada + stranger))
        named = [
            ("Ada" if track == "1" else "unknown", 0.9, track, box) for _, _, track, box in ada + stranger
        ]
        writer.write("/face_detector/identities", kind, log_ns, detections(stamp_ns, named))
        dog = [("<dog>", 0.8, "1", (0, 80, 80, 119)), ("face", 0.4, "9", (20, 20, 60, 60))]
        writer.write("/object_detector/detections", kind, log_ns, detections(stamp_ns, dog))
        if index % 10 == 0:
            writer.write(
                "/diagnostics",
                "diagnostic_msgs/msg/DiagnosticArray",
                log_ns,
                status(
                    index // 10 % 2,
                    "images are lost",
                    input_hz="10.0",
                    output_hz="9.0",
                    latency_p50_ms="20.0",
                ),
            )
    writer.close()
    return folder


def test_it_knows_who_was_there_when(bag):
    recorded = read_recording(bag)
    ada = next(track for track in recorded.tracks if track.name == "Ada")
    assert [(round(span.start, 1), round(span.end, 1)) for span in ada.spans] == [(0.0, 0.4), (1.8, 2.9)]
    assert sorted((track.label, track.id) for track in recorded.tracks) == [
        ("<dog>", "1"),
        ("face", "1"),
        ("face", "2"),  # and not what the object detector takes for a face
    ]


def test_tracks_have_their_best_look(bag):
    recorded = read_recording(bag)
    ada = next(track for track in recorded.tracks if track.name == "Ada")
    assert ada.best[0] == pytest.approx(0.79)
    assert ada.best[1] == START_NS + 29 * STEP_NS
    height, width = ada.image.shape[:2]
    assert ada.image[height // 2, width // 2, 0] > 200 > ada.image[1, 1, 0]
    assert all(track.image is None for track in read_recording(bag, images=False).tracks)


def test_latency_and_rates_are_measured(bag):
    faces = read_recording(bag).detectors["/face_detector/detections"]
    assert faces.images == IMAGES
    assert {round(value) for _, value in faces.latency_ms} == {20}


class Links(HTMLParser):
    """Everything that a page would load."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href")]


def test_the_page_holds_everything_and_escapes_what_it_shows(bag):
    text = bag_report(read_recording(bag)).html()
    links = Links(text).found
    assert links
    assert all(link.startswith("data:image/jpeg;base64,") for link in links)
    assert "url(" not in text
    assert "<script" not in text
    assert "&lt;dog&gt;" in text
    assert "<dog>" not in text
    for part in ("Ada", "images are lost", "Latency over time", "/face_detector/detections"):
        assert part in text


def test_the_command_writes_the_page_beside_the_bag_or_into_the_folder_of_a_demo(bag, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(app, ["report", *map(str, arguments)])

    done = run(bag)
    assert done.stdout.strip() == str(bag.parent / "walk.report.html")
    (tmp_path / "bag").symlink_to(bag)
    assert run(tmp_path).stdout.strip() == str(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    refused = run(tmp_path / "nothing")
    assert (refused.exit_code, "no such file" in refused.stderr) == (2, True)


def test_a_bag_without_detections_says_how_to_make_some(tmp_path):
    writer = BagWriter(tmp_path / "empty")
    image = jpeg_message(np.zeros((8, 8, 3), np.uint8), START_NS, "camera")
    writer.write("/image_raw/compressed", "sensor_msgs/msg/CompressedImage", START_NS, image)
    writer.close()
    with pytest.raises(ConfigError, match="face_detect_ros bag"):
        read_recording(tmp_path / "empty")


def test_results_of_a_bag_show_images_of_the_bag_but_anonymized_copies_only_their_own(tmp_path):
    source = bags.camera_bag(tmp_path / "drive", 4)
    bags.run(source, tmp_path / "out")
    bags.run(source, tmp_path / "shared", anonymize=True)
    plain, covered = read_recording(tmp_path / "out"), read_recording(tmp_path / "shared")
    assert (plain.images, covered.images) == (4, 4)
    assert [len(found.tracks) for found in (plain, covered)] == [1, 1]
    assert plain.tracks[0].image.max() > 200
    assert covered.tracks[0].image.max() < 120


def test_it_looks_right_in_a_browser(bag, tmp_path):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    bag_report(read_recording(bag)).write(tmp_path / "report.html")
    with chromium() as browser:
        for width, dark in ((1000, False), (360, True)):
            page = browser.new_page(
                viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light"
            )
            page.goto(f"file://{tmp_path}/report.html")
            screenshot(page, f"report_{width}", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            # the page's policy forbids scripts, axe's too: look at a copy without it
            page.set_content(page.content().replace("default-src 'none'", "default-src * 'unsafe-inline'"))
            found = axe.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
            assert found.violations_count == 0, found.generate_report()
