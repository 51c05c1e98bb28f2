# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bags in, bags out: every image once, with its stamp; what is covered and what is copied; resuming."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from helpers.bags import (
    CAMERA,
    DELAY_NS,
    HEIGHT,
    SIDE,
    START_NS,
    STEP_NS,
    WIDTH,
    BagMaker,
    SquareDetector,
    camera_bag,
    camera_info_message,
    change_statistics,
    corner,
    depth_message,
    image_message,
    job_of,
    jpeg_message,
    picture,
    run,
    text_message,
)
from helpers.paths import TEST

from face_detect_ros.bags.images import CAMERA_INFO, COMPRESSED, IMAGE, read_image
from face_detect_ros.bags.reading import BagReader
from face_detect_ros.bags.types import message, serialize, stamp_ns, standard_types
from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.fleet.one_bag import journal as journals
from face_detect_ros.fleet.one_bag import table
from face_detect_ros.fleet.one_bag.job import Job, Task
from face_detect_ros.fleet.one_bag.journal import Journal
from face_detect_ros.fleet.one_bag.processing import JOURNAL, Watcher, process
from face_detect_ros.pipeline import recipe

COUNT = 8
DETECTIONS = "/face_detector/detections"


def read(path):
    """topic -> [(log time, data)]"""
    found = {}
    with BagReader(path) as reader:
        for item in reader.messages(reader.topics):
            found.setdefault(item.key.name, []).append((item.log_ns, bytes(item.data)))
        assert reader.problems == []
    return found


def boxes(data):
    """(stamp, [(left, track)]) of a Detection2DArray."""
    found = standard_types().deserialize_cdr(data, "vision_msgs/msg/Detection2DArray")
    return stamp_ns(found.header), [
        (d.bbox.center.position.x - d.bbox.size_x / 2, d.id) for d in found.detections
    ]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="raw"),
        pytest.param({"encoding": "bgr8"}, id="bgr8"),
        pytest.param({"topic": f"{CAMERA}/compressed", "compressed": True}, id="compressed"),
    ],
)
def test_every_image_once_with_its_stamp_its_box_and_its_track(tmp_path, options):
    bag = camera_bag(tmp_path / "bag", COUNT, **options)
    summary = run(bag, tmp_path / "out")
    found = read(tmp_path / "out")
    assert [(log_ns, *boxes(data)) for log_ns, data in found[DETECTIONS]] == [
        (START_NS + n * STEP_NS + DELAY_NS, START_NS + n * STEP_NS, [(corner(n), "1")]) for n in range(COUNT)
    ]
    assert set(found) == {DETECTIONS, "/face_detector/label_info"}
    assert (summary.images, summary.failed, summary.detections, summary.problems) == (COUNT, 0, COUNT, [])
    with BagReader(tmp_path / "out") as reader:
        assert reader.topic("/face_detector/label_info").latched
        assert not reader.topic(DETECTIONS).latched


def test_results_are_in_the_table_and_found(tmp_path):
    bag = camera_bag(tmp_path / "bag", COUNT)
    run(bag, tmp_path / "out")
    [found] = table.find(tmp_path, table.Query(class_name="FACE"))
    assert (found.bag, found.topic, found.what, found.track, found.images) == (
        str(bag),
        CAMERA,
        "face",
        1,
        COUNT,
    )
    assert (found.start_ns, found.end_ns) == (
        START_NS + DELAY_NS,
        START_NS + (COUNT - 1) * STEP_NS + DELAY_NS,
    )
    assert list(table.find(tmp_path, table.Query(name="Ann"))) == []
    assert list(table.find(tmp_path, table.Query(near_m=2.0))) == []
    assert len(list(table.find(tmp_path, table.Query(topic="camera", gap_s=0.01)))) == COUNT


def test_images_without_stamps_keep_none_and_are_tracked_by_their_arrival(tmp_path):
    bag = camera_bag(tmp_path / "bag", COUNT, stamped=False)
    run(bag, tmp_path / "out")
    assert [boxes(data) for _, data in read(tmp_path / "out")[DETECTIONS]] == [
        (0, [(corner(n), "1")]) for n in range(COUNT)
    ]


def test_cameras_have_names_and_do_not_share_tracks(tmp_path):
    with BagMaker(tmp_path / "bag") as bag:
        for number in range(3):
            bag.image(number, "/front/image_raw")
            bag.image(number, "/front/image_raw/compressed", compressed=True)  # the same camera again
            bag.image(number + 20, "/rear/image_raw")
            bag.write("/front/depth/image_raw", IMAGE, START_NS + number, depth_message(START_NS))
    detector = SquareDetector()
    run(tmp_path / "bag", tmp_path / "out", detector)
    found = read(tmp_path / "out")
    assert set(found) == {
        "/face_detector/front/detections",
        "/face_detector/rear/detections",
        "/face_detector/label_info",
    }
    assert [boxes(data)[1] for _, data in found["/face_detector/rear/detections"]] == [
        [(corner(number + 20), "1")] for number in range(3)
    ]
    assert detector.calls == 6


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        pytest.param({"every": 3}, [0, 3, 6], id="every"),
        pytest.param({"from_s": 0.25, "to_s": 0.55}, [3, 4, 5], id="from, to"),
        pytest.param({"from_s": 0.25, "every": 2}, [3, 5, 7], id="from, every"),
    ],
)
def test_a_part_of_a_bag(tmp_path, options, numbers):
    bag = camera_bag(tmp_path / "bag", COUNT)
    run(bag, tmp_path / "out", **options)
    assert [boxes(data)[1][0][0] for _, data in read(tmp_path / "out")[DETECTIONS]] == [
        corner(number) for number in numbers
    ]


def test_images_that_cannot_be_read_or_processed_are_counted_and_the_rest_is_done(tmp_path):
    with BagMaker(tmp_path / "bag") as bag:
        bag.image(0)
        bag.write(CAMERA, IMAGE, START_NS + STEP_NS, image_message(picture(1), START_NS)[:-500])
        white = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
        bag.write(CAMERA, IMAGE, START_NS + 2 * STEP_NS, image_message(white, START_NS))
        bag.image(3)
    summary = run(tmp_path / "bag", tmp_path / "out")
    assert (summary.images, summary.failed, summary.detections) == (4, 2, 2)
    assert "damaged" in summary.problems[0]
    assert "nonsense" in summary.problems[1]
    assert len(read(tmp_path / "out")[DETECTIONS]) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"topics": ("/other",)}, "/other has no images", id="no such topic"),
        pytest.param({"topics": ("/camera/depth",)}, "cannot be processed: depth", id="depth"),
        pytest.param({"from_s": 2.0, "to_s": 1.0}, "later end", id="times"),
    ],
)
def test_a_job_that_does_not_fit_leaves_nothing(tmp_path, options, message):
    with BagMaker(tmp_path / "bag") as bag:
        bag.image(0)
        bag.write("/camera/depth", IMAGE, START_NS, depth_message(START_NS))
    with pytest.raises(ConfigError, match=message):
        run(tmp_path / "bag", tmp_path / "out", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["bag"]


@pytest.mark.parametrize("late_ns", [-20_000_000, 60_000_000], ids=["depth first", "depth later"])
def test_depth_gives_positions_whichever_comes_first(tmp_path, late_ns):
    with BagMaker(tmp_path / "bag") as bag:
        for number in range(COUNT):
            stamp_ns = START_NS + number * STEP_NS
            depth = ("/camera/depth/image_raw", IMAGE, stamp_ns + DELAY_NS + late_ns, depth_message(stamp_ns))
            if late_ns < 0:
                bag.write(*depth)
            bag.image(number)
            bag.write("/camera/camera_info", CAMERA_INFO, stamp_ns + 3_000_000, camera_info_message(stamp_ns))
            if late_ns > 0:
                bag.write(*depth)
    run(tmp_path / "bag", tmp_path / "out")
    found = read(tmp_path / "out")
    assert [boxes(data)[1] for _, data in found[DETECTIONS]] == [[(corner(n), "1")] for n in range(COUNT)]
    assert len(found["/face_detector/detections_3d"]) == COUNT
    rows = (
        sqlite3.connect(tmp_path / "out" / table.FILE)
        .execute("SELECT x_m, y_m, z_m FROM detections")
        .fetchall()
    )
    for number, (x, y, z) in enumerate(rows):
        middle = corner(number) + SIDE / 2 - WIDTH / 2
        assert (x, y, z) == pytest.approx((middle * 1.5 / 100, (32 - HEIGHT / 2) * 1.5 / 100, 1.5), abs=0.02)
    [near] = table.find(tmp_path, table.Query(near_m=2.0))
    assert near.nearest_m == pytest.approx(1.5, abs=0.1)
    assert list(table.find(tmp_path, table.Query(near_m=1.0))) == []


def test_depth_of_another_time_or_frame_gives_none(tmp_path):
    with BagMaker(tmp_path / "bag") as bag:
        for number in range(3):
            stamp_ns = START_NS + number * STEP_NS
            bag.image(number)
            bag.write("/camera/camera_info", CAMERA_INFO, stamp_ns, camera_info_message(stamp_ns))
            old = depth_message(stamp_ns - 10 * STEP_NS)
            bag.write("/camera/depth/image_raw", IMAGE, stamp_ns + 2 * DELAY_NS, old)
    run(tmp_path / "bag", tmp_path / "out")
    assert "/face_detector/detections_3d" not in read(tmp_path / "out")


# anonymizing


def test_faces_are_covered_and_everything_else_is_copied_byte_for_byte(tmp_path):
    definition = "uint8 kind\nmy_msgs/Inner inner\n" + "=" * 80 + "\nMSG: my_msgs/Inner\nfloat64 value\n"
    own = b"\x00\x01\x00\x00" + bytes(range(20))
    with BagMaker(tmp_path / "bag", "sqlite3") as bag:
        bag.write("/robot_description", "std_msgs/msg/String", START_NS, text_message("urdf"), latched=True)
        for number in range(COUNT):
            bag.image(number, encoding="bgr8")
            bag.image(number, f"{CAMERA}/compressed", compressed=True)
            log_ns = START_NS + number * STEP_NS + DELAY_NS
            bag.write("/camera/depth/image_raw", IMAGE, log_ns, depth_message(log_ns))
            bag.write("/own", "my_msgs/msg/Own", log_ns, own, definition=definition)
    before = read(tmp_path / "bag")
    run(tmp_path / "bag", tmp_path / "out", anonymize=True)
    after = read(tmp_path / "out")
    for topic in ("/robot_description", "/camera/depth/image_raw", "/own"):
        assert after[topic] == before[topic]
    for topic, kind in ((CAMERA, IMAGE), (f"{CAMERA}/compressed", COMPRESSED)):
        assert [log_ns for log_ns, _ in after[topic]] == [log_ns for log_ns, _ in before[topic]]
        for number, (_, data) in enumerate(after[topic]):
            image = read_image(kind, data)
            assert (image.stamp_ns, image.frame_id) == (START_NS + number * STEP_NS, "camera_optical_frame")
            pixels, original = image.decode(), picture(number)
            assert pixels.max() < 120  # the square is gone
            left = corner(number)
            away = np.ones(original.shape[:2], bool)
            away[4 : 36 + SIDE, max(0, left - 16) : left + SIDE + 16] = False
            assert np.abs(pixels[away].astype(int) - original[away]).max() <= (0 if kind == IMAGE else 12)
    assert read_image(IMAGE, after[CAMERA][0][1]).encoding == "bgr8"
    with BagReader(tmp_path / "bag") as old, BagReader(tmp_path / "out") as new:
        for topic in old.topics:
            copy = new.topic(topic.name)
            assert (copy.type, copy.count, copy.qos, copy.definition, copy.digest) == (
                topic.type,
                topic.count,
                topic.qos,
                topic.definition,
                topic.digest,
            )


def test_a_face_is_covered_before_it_is_first_found_and_after(tmp_path):
    """A detector that sees the square in images 8 to 11 only."""

    class Sometimes(SquareDetector):
        def detect(self, images, options):
            found = super().detect(images, options)
            return found if 8 <= self.calls - 1 < 12 else [journals.Detections.empty()]

    with BagMaker(tmp_path / "bag") as bag:
        for number in range(20):
            data = image_message(picture(0), START_NS + number * STEP_NS)
            bag.write(CAMERA, IMAGE, START_NS + number * STEP_NS, data)
            bag.write(
                "/chatter", "std_msgs/msg/String", START_NS + number * STEP_NS, text_message(f"{number}")
            )
    run(tmp_path / "bag", tmp_path / "out", Sometimes(), anonymize=True)
    found = read(tmp_path / "out")
    shown = [read_image(IMAGE, data).decode().max() > 200 for _, data in found[CAMERA]]
    # half a second before and after
    assert shown == [number < 3 or number > 16 for number in range(20)]
    assert [boxes(data)[1] != [] for _, data in found[DETECTIONS]] == [
        8 <= number < 12 for number in range(20)
    ]
    with BagReader(tmp_path / "out") as reader:
        order = [item.key.name for item in reader.messages([reader.topic(CAMERA), reader.topic("/chatter")])]
    assert order == [CAMERA, "/chatter"] * 20


def points(names):
    head = message(
        "std_msgs/msg/Header", stamp=message("builtin_interfaces/msg/Time", sec=1, nanosec=0), frame_id="map"
    )
    fields = [
        message("sensor_msgs/msg/PointField", name=name, offset=4 * n, datatype=7, count=1)
        for n, name in enumerate(names)
    ]
    return serialize(
        message(
            "sensor_msgs/msg/PointCloud2",
            header=head,
            height=1,
            width=1,
            fields=fields,
            is_bigendian=False,
            point_step=16,
            row_step=16,
            data=np.zeros(16, np.uint8),
            is_dense=True,
        )
    )


NOT_UNDERSTOOD = {
    "an encoding that is unknown": ("/ir/image", IMAGE, image_message(picture(0), 1, "secret8"), "encoding"),
    "infrared that calls itself depth": ("/ir/image", IMAGE, depth_message(1), "its name is not"),
    "infrared of a depth camera": ("/depth_camera/ir/image", IMAGE, depth_message(1), "its name is not"),
    "a photo that calls itself depth": (
        "/depth/compressedDepth",
        COMPRESSED,
        jpeg_message(picture(0), 1, "16UC1; compressedDepth RVL"),
        "not understood",
    ),
    "a video": ("/video", "foxglove_msgs/msg/CompressedVideo", b"\0\1\0\0", "not known"),
    "bytes": ("/bytes", "std_msgs/msg/UInt8MultiArray", b"\0\1\0\0" + bytes(12), "raw bytes"),
    "names of people": (
        "/face_detector/identities",
        "vision_msgs/msg/Detection2DArray",
        b"\0\1\0\0",
        "names people",
    ),
    "colored points": (
        "/points",
        "sensor_msgs/msg/PointCloud2",
        points(["x", "y", "z", "rgb"]),
        "colored points",
    ),
    "colored points, by another name": (
        "/points",
        "sensor_msgs/msg/PointCloud2",
        points(["x", "y", "z", "color_rgb8"]),
        "colored points",
    ),
}


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_a_topic_that_is_not_understood_stops_it(tmp_path, name):
    topic, kind, data, why = NOT_UNDERSTOOD[name]
    with BagMaker(tmp_path / "bag") as bag:
        bag.image(0)
        bag.write(
            topic, kind, START_NS + 10 * STEP_NS, data, definition=None if "foxglove" not in kind else ""
        )
    with pytest.raises((ConfigError, SourceError), match=f"(?s){topic}.*{why}.*--without"):
        run(tmp_path / "bag", tmp_path / "out", anonymize=True)
    assert not (tmp_path / "out").exists()
    run(tmp_path / "bag", tmp_path / "left_out", anonymize=True, without=(topic,))
    assert topic not in read(tmp_path / "left_out")
    if "colored points" not in name:  # kept whatever it is
        run(tmp_path / "bag", tmp_path / "kept", anonymize=True, keep=(topic,))
        assert read(tmp_path / "kept")[topic] == [(START_NS + 10 * STEP_NS, data)]


def test_topics_of_one_name_and_two_types_are_looked_at_one_by_one(tmp_path):
    colored = points(["x", "y", "z", "rgb"])
    with BagMaker(tmp_path / "bag") as bag:
        bag.image(0)
        bag.connections.clear()
        bag.write(CAMERA, "std_msgs/msg/String", START_NS, text_message("hello"))
        bag.write("/depth", IMAGE, START_NS, depth_message(START_NS))
        bag.connections.clear()
        bag.write("/depth", "sensor_msgs/msg/PointCloud2", START_NS, colored)
    with pytest.raises(SourceError, match="colored points"):
        run(tmp_path / "bag", tmp_path / "out", anonymize=True)
    run(tmp_path / "bag", tmp_path / "out", anonymize=True, without=("/depth",))
    with BagReader(tmp_path / "out") as reader:
        counts = {topic.key: topic.count for topic in reader.topics if topic.name == CAMERA}
    assert counts == {(CAMERA, IMAGE): 1, (CAMERA, "std_msgs/msg/String"): 1}


def test_what_a_bag_says_about_its_counts_is_not_believed(tmp_path):
    """Statistics without a message on any topic, of a bag with images of an unknown encoding."""
    with BagMaker(tmp_path / "bag") as bag:
        bag.image(0)
        bag.write("/ir/image", IMAGE, START_NS, image_message(picture(0), 1, "secret8"))
    change_statistics(tmp_path / "bag" / "bag.mcap", each=0)
    with pytest.raises(SourceError, match="/ir/image has messages"):
        run(tmp_path / "bag", tmp_path / "out", anonymize=True)


def test_points_without_colors_are_copied(tmp_path):
    with BagMaker(tmp_path / "bag") as bag:
        bag.image(0)
        bag.write("/points", "sensor_msgs/msg/PointCloud2", START_NS, points(["x", "y", "z", "intensity"]))
    run(tmp_path / "bag", tmp_path / "out", anonymize=True)
    assert read(tmp_path / "out")["/points"] == [(START_NS, points(["x", "y", "z", "intensity"]))]


def test_an_image_that_turns_into_an_unknown_kind_stops_it(tmp_path):
    with BagMaker(tmp_path / "bag") as bag:
        bag.image(0)
        bag.write(CAMERA, IMAGE, START_NS + STEP_NS, image_message(picture(1), START_NS, "secret8"))
    with pytest.raises(SourceError, match="is not understood"):
        run(tmp_path / "bag", tmp_path / "out", anonymize=True)
    assert not (tmp_path / "out").exists()


def test_a_damaged_image_is_left_out_never_copied(tmp_path):
    with BagMaker(tmp_path / "bag") as bag:
        bag.image(0)
        bag.write(CAMERA, IMAGE, START_NS + STEP_NS, image_message(picture(1), START_NS)[:-500])
    summary = run(tmp_path / "bag", tmp_path / "out", anonymize=True)
    assert summary.failed == 1
    assert len(read(tmp_path / "out")[CAMERA]) == 1


def test_latched_topics_from_before_the_start_are_there(tmp_path):
    bag = camera_bag(tmp_path / "bag", COUNT)
    run(bag, tmp_path / "out", anonymize=True, from_s=0.35)
    found = read(tmp_path / "out")
    assert found["/robot_description"] == [(START_NS + 350_000_000, text_message("urdf"))]
    assert len(found[CAMERA]) == len(found["/chatter"]) == 4


# resuming


def messages_of(out):
    return [
        (path.name, path.read_bytes()) for path in sorted(out.iterdir()) if path.suffix == ".mcap"
    ], sorted(sqlite3.connect(out / table.FILE).execute("SELECT * FROM detections").fetchall())


@pytest.mark.parametrize("anonymize", [False, True])
def test_a_killed_run_is_resumed_without_an_image_lost_or_doubled(tmp_path, anonymize):
    bag = camera_bag(tmp_path / "bag", 60)
    (tmp_path / "whole").mkdir()
    run(bag, tmp_path / "whole" / "out", anonymize=anonymize)
    out = tmp_path / "killed" / "out"
    (tmp_path / "killed").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers.bags", bag, out, "0.1", "anonymize" * anonymize],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(TEST), str(TEST.parent)))},
    )
    try:
        part = out.with_name("out.part")
        deadline_s = time.monotonic() + 60
        while time.monotonic() < deadline_s:
            time.sleep(0.05)
            if (part / JOURNAL).exists() and stored(part / JOURNAL) >= 5:
                break
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = stored(part / JOURNAL)
    assert 5 <= kept < 60
    assert not out.exists()
    detector = SquareDetector()
    summary = run(bag, out, detector, anonymize=anonymize)
    assert (summary.images, summary.resumed, detector.calls) == (60, kept, 60 - kept)
    assert messages_of(out) == messages_of(tmp_path / "whole" / "out")
    assert not part.exists()


def stored(path):
    try:
        return sqlite3.connect(path).execute("SELECT count(*) FROM found").fetchone()[0]
    except sqlite3.Error:
        return 0


class StopsAfter(Watcher):
    """Ends the run like Ctrl-C."""

    def __init__(self, images):
        self.left = images

    def image(self):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_other_work_does_not_take_over_what_was_found(tmp_path):
    bag = camera_bag(tmp_path / "bag", 20)
    with pytest.raises(KeyboardInterrupt):
        run(bag, tmp_path / "out", watcher=StopsAfter(5))
    assert stored(tmp_path / "out.part" / JOURNAL) >= 5
    detector = SquareDetector()
    summary = run(bag, tmp_path / "out", detector, every=2)
    assert (summary.resumed, detector.calls) == (0, 10)


def test_work_that_is_done_is_not_done_again_and_other_results_are_not_replaced(tmp_path):
    bag = camera_bag(tmp_path / "bag", 2)
    run(bag, tmp_path / "out")
    detector = SquareDetector()
    assert run(bag, tmp_path / "out", detector).done_before
    assert detector.calls == 0
    for other in ("out", "bag"):
        with pytest.raises(ConfigError, match="exists already"):
            run(bag, tmp_path / other, every=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bag", "out"]


def test_answers_come_back_from_the_journal_bit_for_bit(tmp_path):
    found = journals.Detections(
        np.random.default_rng(1).random((3, 4)).cumsum(axis=1),
        [0.9, 0.5, 0.1],
        [0, 2, 1],
        landmarks=np.random.default_rng(2).random((3, 5, 2)),
        embeddings=np.random.default_rng(3).random((3, 128)),
        landmark_set="five_points",
    )
    key = journals.ImageKey("/a", 5, 1)
    answer = journals.Answer(found, journals.StageTimes(1.25, 2.5, 1 / 3), size=(480, 640))
    first = Journal(tmp_path / "journal", "work")
    first.put("faces", key, answer)
    first.put("objects", key, journals.Answer(journals.Detections.empty(), journals.StageTimes(), "failed"))
    first.close()
    back = Journal(tmp_path / "journal", "work").get("faces", key)
    for name in ("boxes", "scores", "class_ids", "landmarks", "embeddings"):
        assert np.array_equal(getattr(back.detections, name), getattr(found, name))
    assert (back.detections.landmark_set, back.times) == ("five_points", answer.times)
    assert back.size == (480, 640)
    assert len(Journal(tmp_path / "journal", "other work")) == 0


class OneAtATime(SquareDetector):
    """Notices threads that use it together. Knows persons too, and finds none."""

    labels = ("face", "person")

    def __init__(self):
        super().__init__(delay_s=0.01)
        self.busy = threading.Lock()
        self.together = 0

    def detect(self, images, options):
        free = self.busy.acquire(blocking=False)
        self.together += not free
        try:
            return super().detect(images, options)
        finally:
            if free:
                self.busy.release()


def test_a_cover_that_looks_for_faces_again_does_not_disturb_the_detector(tmp_path, monkeypatch):
    camera_bag(tmp_path / "bag", 12)
    made = []
    monkeypatch.setattr(recipe.catalogue, "create", lambda *_, **__: made.append(OneAtATime()) or made[-1])
    task = Task(recipe.Recipe(task="faces", model="dlib_hog", cover="heads"))
    with task.recipe.build() as pipeline:
        job = Job(tmp_path / "bag", (task,), anonymize=True)
        process(job, tmp_path / "out", lambda: {"faces": pipeline})
    assert made[0].calls == 24
    assert [detector.together for detector in made] == [0, 0]


def test_work_is_the_same_wherever_the_model_lies(tmp_path):
    texts = []
    for folder, content in (("a", b"net"), ("b", b"net"), ("c", b"another")):
        model = tmp_path / folder / "net.onnx"
        model.parent.mkdir()
        model.write_bytes(content)
        os.utime(model, ns=(START_NS, START_NS))
        [task] = job_of("drive").tasks
        task = replace(task, recipe=replace(task.recipe, model=f"onnx:{model}"))
        texts.append(replace(job_of(f"{folder}/drive"), tasks=(task,)).described([]))
    assert texts[0] == texts[1] != texts[2]
