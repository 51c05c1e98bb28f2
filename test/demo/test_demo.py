# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The demo: real processes, real topics, files that other programs open."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest
from ament_index_python.packages import get_package_share_directory
from helpers.paths import ROOT
from helpers.ros_tools import wait_until
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from face_detect_ros.bags.reading import BagReader

FRAMES = 40


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "face_detect_ros.cli.app", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("demo out")
    return folder, run_demo("--frames", str(FRAMES), "--out", str(folder))


def test_it_succeeds_and_prints_the_table(finished) -> None:
    _, run = finished
    assert run.returncode == 0, run.stderr
    for figure in (
        "images in",
        "processed",
        "dropped",
        "latency p50",
        "latency p95",
        "faces named Eileen Collins",
        "faces named unknown",
        "images with a person",
    ):
        assert figure in run.stdout


def test_each_processed_image_has_a_line_with_the_face(finished) -> None:
    folder, _ = finished
    lines = [json.loads(line) for line in (folder / "detections.jsonl").read_text().splitlines()]
    assert {line["node"] for line in lines} == {"face_detector", "object_detector"}
    with_person = [line for line in lines if any(d["class"] == "person" for d in line["detections"])]
    assert with_person
    lines = [line for line in lines if line["node"] == "face_detector"]
    assert lines  # a busy machine drops images
    with_face = [line for line in lines if any(d["class"] == "face" for d in line["detections"])]
    assert len(with_face) > 0.9 * len(lines)
    stamps = [line["stamp_ns"] for line in lines]
    assert len(stamps) == len(set(stamps))


def test_tracked_faces_have_their_number_and_their_name_in_the_lines(finished) -> None:
    folder, _ = finished
    lines = [json.loads(line) for line in (folder / "detections.jsonl").read_text().splitlines()]
    faces = [
        d for line in lines if line["node"] == "face_detector" for d in line["detections"] if "track" in d
    ]
    names = {d["track"]: d["identity"]["name"] for d in faces if "identity" in d}
    assert {"Eileen Collins", "unknown"} <= set(names.values())


@pytest.mark.parametrize(
    ("name", "node"), [("annotated.mp4", "face_detector"), ("objects.mp4", "object_detector")]
)
def test_the_videos_play_and_take_as_long_as_what_they_show(finished, name: str, node: str) -> None:
    folder, _ = finished
    video = cv2.VideoCapture(str(folder / name))
    count = 0
    while True:
        read, picture = video.read()
        if not read:
            break
        count += 1
        assert picture.shape == (540, 960, 3)
    rate_hz = video.get(cv2.CAP_PROP_FPS)
    video.release()
    with AnyReader([folder / "bag"], default_typestore=get_typestore(Stores.ROS2_HUMBLE)) as reader:
        images = [c for c in reader.connections if c.topic == f"/{node}/image_annotated/compressed"]
        headers = [reader.deserialize(data, c.msgtype).header for c, _, data in reader.messages(images)]
    stamps = [header.stamp.sec * 10**9 + header.stamp.nanosec for header in headers]
    # as long as what it shows, also where images were dropped
    assert count / rate_hz == pytest.approx((max(stamps) - min(stamps)) / 1e9 + 1 / rate_hz, abs=0.75)


def test_the_bag_holds_the_topics_and_its_messages_decode(finished) -> None:
    folder, _ = finished
    types = get_typestore(Stores.ROS2_HUMBLE)
    for path in (Path(get_package_share_directory("vision_msgs")) / "msg").glob("*.msg"):
        types.register(get_types_from_msg(path.read_text(), f"vision_msgs/msg/{path.stem}"))
    with AnyReader([folder / "bag"], default_typestore=types) as reader:
        counts = {c.topic: c.msgcount for c in reader.connections}
        assert {
            "/image_raw/compressed",
            "/face_detector/detections",
            "/face_detector/image_annotated/compressed",
            "/face_detector/identities",
            "/face_detector/label_info",
            "/face_detector/markers",
            "/object_detector/detections",
            "/object_detector/image_annotated/compressed",
            "/camera_info",
            "/diagnostics",
        } <= set(counts)
        images = [c for c in reader.connections if c.topic == "/image_raw/compressed"]
        _, _, data = next(reader.messages(images))
        message = reader.deserialize(data, images[0].msgtype)
        picture = cv2.imdecode(np.asarray(message.data), cv2.IMREAD_COLOR)
        assert picture.shape == (540, 960, 3)
        faces = [c for c in reader.connections if c.topic == "/face_detector/detections"]
        found = [reader.deserialize(data, faces[0].msgtype) for _, _, data in reader.messages(faces)]
        assert any(d.results[0].hypothesis.class_id == "face" for array in found for d in array.detections)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    run = run_demo("--out", str(tmp_path / "file" / "out"))
    assert run.returncode == 1
    assert str(tmp_path / "file") in run.stderr
    assert "Traceback" not in run.stderr


def test_a_source_that_does_not_exist_is_refused_before_anything_starts(tmp_path: Path) -> None:
    run = run_demo("--out", str(tmp_path / "out"), "--source", str(tmp_path / "missing.jpg"))
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert "missing.jpg: no such file or folder" in line
    assert not (tmp_path / "out").exists()


def test_a_source_that_cannot_be_read_ends_the_demo_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    run = run_demo("--out", str(tmp_path / "out"), "--source", str(tmp_path / "text.jpg"))
    assert run.returncode == 1
    assert "text.jpg: not an image, or damaged" in run.stderr
    assert "Traceback" not in run.stderr


def test_the_layout_for_foxglove_shows_topics_of_the_bag(finished) -> None:
    folder, _ = finished
    layout = json.loads((ROOT / "config" / "foxglove_layout.json").read_text())
    shown = set(re.findall(r"(/[a-z_]+(?:/[a-z_]+)*)", json.dumps(layout["configById"])))
    with BagReader(folder / "bag") as reader:
        assert shown <= {topic.name for topic in reader.topics}
    panels: list[str] = []

    def walk(place) -> None:
        if isinstance(place, str):
            panels.append(place)
        else:
            walk(place["first"])
            walk(place["second"])

    walk(layout["layout"])
    assert sorted(panels) == sorted(layout["configById"])


def test_with_the_page_it_goes_on_until_it_is_interrupted_and_fails_if_there_was_no_face(
    tmp_path: Path,
) -> None:
    arguments = ["--view", "--frames", "1", "--source", "sample:coffee", "--out", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "face_detect_ros.cli.app", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline()
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address.strip(), timeout=30) as page:
            assert b"face_detect_ros" in page.read()
        lines = tmp_path / "detections.jsonl"
        wait_until(lambda: lines.exists() and '"face_detector"' in lines.read_text(), "an answer about faces")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=100)
    assert process.returncode == 1
    assert "images in" in output, errors
    assert "no face was found" in errors
