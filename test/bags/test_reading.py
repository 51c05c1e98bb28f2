# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reading bags: formats, compression, split and damaged ones, always each message once and in order."""

import os
import shutil
import sqlite3
import struct

import pytest
from helpers.bags import CAMERA, START_NS, STEP_NS, BagMaker, camera_bag, text_message
from helpers.paths import SHARED

from face_detect_ros.bags import mcap_scan
from face_detect_ros.bags.finding import find_bags, is_bag
from face_detect_ros.bags.images import IMAGE, read_image
from face_detect_ros.bags.reading import BagReader
from face_detect_ros.bags.types import standard_types
from face_detect_ros.core.errors import ConfigError, SourceError

COUNT = 6


def content(path, **span):
    with BagReader(path) as reader:
        return [
            (m.key.name, m.log_ns, bytes(m.data)) for m in reader.messages(reader.topics, **span)
        ], reader.problems


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return camera_bag(tmp_path_factory.mktemp("plain") / "bag", COUNT)


@pytest.fixture(scope="module")
def expected(plain):
    return content(plain)[0]


@pytest.mark.parametrize(
    ("storage", "compression"),
    [
        pytest.param("sqlite3", "", id="sqlite3"),
        pytest.param("sqlite3", "message", id="sqlite3, messages compressed"),
        pytest.param("sqlite3", "file", id="sqlite3, files compressed"),
        pytest.param("mcap", "storage", id="mcap, chunks compressed"),
        pytest.param("mcap", "message", id="mcap, messages compressed"),
        pytest.param("mcap", "file", id="mcap, files compressed"),
    ],
)
def test_every_format_gives_the_same_with_and_without_metadata(tmp_path, expected, storage, compression):
    bag = camera_bag(tmp_path / "bag", COUNT, storage, compression)
    assert len(expected) == 2 * COUNT + 1
    assert content(bag) == (expected, [])
    (bag / "metadata.yaml").unlink()
    assert content(bag) == (expected, [])
    with BagReader(bag) as reader:
        assert reader.topic("/robot_description").latched
        assert not reader.topic("/chatter").latched
        assert reader.topic(CAMERA).count == COUNT
        assert (reader.start_ns, reader.end_ns) == (expected[0][1], expected[-1][1] + 1)


def test_split_bags_are_merged_by_time(tmp_path, expected):
    whole = tmp_path / "split"
    whole.mkdir()
    for part in range(2):
        with BagMaker(tmp_path / f"part_{part}") as bag:
            for number in range(3 * part, 3 * part + 3):
                bag.image(number)
        shutil.move(tmp_path / f"part_{part}" / f"part_{part}.mcap", whole / f"bag_{part}.mcap")
    images = [item for item in expected if item[0] == CAMERA]
    assert find_bags(tmp_path / "split") == [whole]
    assert content(whole) == (images, [])
    # a late message in the first file belongs behind the first of the second
    with BagMaker(tmp_path / "late_0") as bag:
        bag.image(0)
        bag.image(4)
    with BagMaker(tmp_path / "late_1") as bag:
        bag.image(3)
        bag.image(5)
    late = tmp_path / "late"
    late.mkdir()
    for part in range(2):
        shutil.move(tmp_path / f"late_{part}" / f"late_{part}.mcap", late / f"bag_{part}.mcap")
    assert content(late)[0] == [images[number] for number in (0, 3, 4, 5)]


def test_a_part_of_the_time(plain, expected):
    start_ns, end_ns = expected[3][1], expected[8][1]
    assert content(plain, start_ns=start_ns, end_ns=end_ns)[0] == expected[3:8]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("share", [0.4, 0.8, 0.99])
def test_a_bag_that_is_cut_off_gives_its_start_and_says_so(tmp_path, storage, share):
    bag = camera_bag(tmp_path / "bag", 20, storage)
    whole, _ = content(bag)
    file = next(path for path in bag.iterdir() if path.suffix in (".mcap", ".db3"))
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    found, problems = content(bag)
    assert 0.5 * share * len(whole) < len(found) <= len(whole)
    assert found == [item for item in whole if item in found]
    assert problems
    assert str(file) in problems[0]


def test_a_damaged_chunk_is_left_out_and_the_rest_is_read_once(tmp_path):
    path = tmp_path / "bag"
    with BagMaker(path, compression="storage") as bag:
        for number in range(100):  # several chunks
            bag.image(number, "/a/image_raw")
            bag.image(number, "/b/image_raw")
    whole, _ = content(path)
    file = path / "bag.mcap"
    chunks = mcap_scan.McapScan(file)._chunks
    assert len(chunks) > 4
    broken = bytearray(file.read_bytes())
    middle = chunks[2]
    broken[middle.data_at + 20 : middle.data_at + 60] = bytes(40)
    file.write_bytes(broken)
    found, problems = content(path)
    lost = [item for item in whole if item not in found]
    assert found == [item for item in whole if item not in lost]
    assert 0 < len(lost) < len(whole) / 3
    assert all(middle.start_ns <= item[1] <= middle.end_ns for item in lost)
    assert any("cannot be read" in problem for problem in problems)


def test_a_checksum_that_is_wrong_is_noticed(tmp_path):
    path = camera_bag(tmp_path / "bag", COUNT)
    file = path / "bag.mcap"
    chunk = mcap_scan.McapScan(file)._chunks[0]
    data = bytearray(file.read_bytes())
    crc_at = data.index(struct.pack("<QQQI", chunk.start_ns, chunk.end_ns, chunk.uncompressed, 0)) + 24
    data[crc_at : crc_at + 4] = struct.pack("<I", 12345)
    file.write_bytes(data)
    found, problems = content(path)
    assert found == []
    assert any("checksum" in problem for problem in problems)


def record(opcode, body):
    return struct.pack("<BQ", opcode, len(body)) + body


def string(text):
    return struct.pack("<I", len(text)) + text.encode()


def test_messages_without_chunks_and_index_are_put_in_order(tmp_path):
    magic = b"\x89MCAP0\r\n"
    times = [1, 5, 3, 6, 2]
    content_ = [
        record(0x01, string("ros2") + string("test")),
        record(
            0x03,
            struct.pack("<H", 1)
            + string("std_msgs/msg/String")
            + string("ros2msg")
            + string("string data\n"),
        ),
        record(0x04, struct.pack("<HH", 1, 1) + string("/chatter") + string("cdr") + string("")),
        *(record(0x05, struct.pack("<HIQQ", 1, 0, time, time) + text_message(str(time))) for time in times),
        record(0x0F, struct.pack("<I", 0)),
        record(0x02, struct.pack("<QQI", 0, 0, 0)),
    ]
    (tmp_path / "bag.mcap").write_bytes(magic + b"".join(content_) + magic)
    found, problems = content(tmp_path / "bag.mcap")
    assert found == [("/chatter", time, text_message(str(time))) for time in sorted(times)]
    assert problems == []


def test_a_recorder_that_was_killed_leaves_a_journal_which_is_read(tmp_path, expected):
    path = camera_bag(tmp_path / "bag", COUNT, "sqlite3")
    file = path / "bag.db3"
    recording = sqlite3.connect(file)
    recording.execute("PRAGMA journal_mode = WAL")
    recording.execute("PRAGMA wal_autocheckpoint = 0")
    (topic,) = recording.execute("SELECT id FROM topics WHERE name = '/chatter'").fetchone()
    late_ns = START_NS + 100 * STEP_NS
    recording.execute(
        "INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)",
        (topic, late_ns, text_message("late")),
    )
    recording.commit()
    left = tmp_path / "left"
    left.mkdir()
    for name in ("bag.db3", "bag.db3-wal"):  # as a power failure leaves it
        shutil.copyfile(path / name, left / name)
    recording.close()
    before = (left / "bag.db3").read_bytes()
    found, problems = content(left)
    assert found == [*expected, ("/chatter", late_ns, text_message("late"))]
    assert problems == []
    assert (left / "bag.db3").read_bytes() == before


def test_metadata_that_cannot_be_used_is_said(tmp_path, expected):
    path = camera_bag(tmp_path / "bag", COUNT)
    (path / "metadata.yaml").write_text("rosbag2_bagfile_information: [")
    found, problems = content(path)
    assert found == expected
    assert "metadata.yaml" in problems[0]


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        pytest.param("bag.mcap", b"not a bag at all" * 10, SourceError, id="no MCAP"),
        pytest.param("bag.db3", b"not a bag at all" * 10, SourceError, id="no SQLite"),
        pytest.param("bag.mcap", b"", SourceError, id="empty"),
        pytest.param("bag.txt", b"text", ConfigError, id="another file"),
    ],
)
def test_what_is_no_bag_is_refused(tmp_path, name, data, kind):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(kind, match=name):
        BagReader(tmp_path / name)


def test_a_pipe_in_a_bag_is_left_out(tmp_path):
    camera_bag(tmp_path / "bag", 1)
    os.mkfifo(tmp_path / "bag" / "bag_1.mcap")
    with BagReader(tmp_path / "bag") as reader:
        assert len(list(reader.messages(reader.topics))) == 3
        assert "bag_1.mcap: not a file" in reader.problems[0]


def test_bags_are_found_below_a_folder(tmp_path):
    camera_bag(tmp_path / "monday" / "run_1", 1)
    camera_bag(tmp_path / "monday" / "run_2", 1, "sqlite3")
    loose = camera_bag(tmp_path / "x", 1)
    shutil.move(loose / "x.mcap", tmp_path / "loose.mcap")
    shutil.rmtree(loose)
    (tmp_path / ".hidden").mkdir()
    shutil.copy(tmp_path / "loose.mcap", tmp_path / ".hidden")
    (tmp_path / "10\u00b2").mkdir()  # a digit, but not a number
    names = [str(path.relative_to(tmp_path)) for path in find_bags(tmp_path)]
    assert names == ["loose.mcap", "monday/run_1", "monday/run_2"]
    assert is_bag(tmp_path / "loose.mcap")
    assert not is_bag(tmp_path / "monday")


@pytest.mark.skipif(not (SHARED / "bags").is_dir(), reason="needs the recordings beside the repository")
@pytest.mark.parametrize(
    ("name", "messages", "images"),
    [
        pytest.param("klintan_sample.db3", 5, 1, id="2019, old type names, no metadata"),
        pytest.param("geocam_all_types_sqlite3", 188, 0, id="every type, sqlite3"),
        pytest.param("geocam_all_types_mcap", 188, 0, id="every type, mcap"),
        pytest.param("person_sofa_raw_mcap", 37, 9, id="raw and depth"),
    ],
)
def test_recordings_of_others(name, messages, images):
    with BagReader(SHARED / "bags" / name) as reader:
        found = list(reader.messages(reader.topics))
        assert reader.problems == []
        color = [
            m
            for m in found
            if m.key.type == IMAGE and m.key.name.split("/")[1] != "test" and "depth" not in m.key.name
        ]
        assert (len(found), len(color)) == (messages, images)
        for message in color:
            assert read_image(IMAGE, message.data).decode().ndim == 3
        assert all(topic.type in standard_types().fielddefs for topic in reader.topics)
