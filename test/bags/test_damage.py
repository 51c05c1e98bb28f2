# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bags of others: what is damaged is told, what claims too much is refused. Long form: test/attack/bags.py."""

import contextlib
import shutil
import sqlite3

import numpy as np
import pytest
from attack.bags import KINDS, crafted, read_all
from attack.tally import damaged
from helpers.bags import IMAGE, START_NS, BagMaker, camera_bag, change_statistics, text_message

from face_detect_ros.bags import mcap_chunks, reading
from face_detect_ros.bags import zstd as zstd_module
from face_detect_ros.bags.reading import BagReader
from face_detect_ros.bags.zstd import unpack, zstd
from face_detect_ros.core.errors import OutputError, PerceptionError, SourceError

ZEROS = zstd.compress(bytes(1_000_000))


@contextlib.contextmanager
def unchecked(bag):
    """The database of a bag, which takes rows without values in it."""
    (file,) = bag.glob("*.db3")
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA writable_schema = 1")
        database.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '')")
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        yield database


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_bags_are_read_or_refused_in_words(tmp_path, kind):
    random = np.random.default_rng(0)
    good = camera_bag(tmp_path / "good", count=3, **KINDS[kind])
    files = sorted(path.name for path in good.iterdir())
    for number in range(6):
        bag = shutil.copytree(good, tmp_path / f"bad{number}")
        path = bag / files[number % len(files)]
        path.write_bytes(damaged(path.read_bytes(), random))
        with contextlib.suppress(PerceptionError):
            read_all(bag)


def test_lengths_that_lie(tmp_path, monkeypatch):
    monkeypatch.setattr("attack.bags.BOMB", 1000)
    for bag in crafted(tmp_path).values():
        with contextlib.suppress(PerceptionError):
            read_all(bag)


@pytest.mark.parametrize("size", [100_000, 999])  # what the index says of it; the second is a lie
def test_a_chunk_that_unpacks_to_too_much_is_left_out_and_told(tmp_path, monkeypatch, size):
    monkeypatch.setattr("attack.bags.BOMB", 100_000)
    monkeypatch.setattr(zstd_module, "MOST_BYTES", 10_000)
    bag = crafted(tmp_path)[f"an index, and a chunk of {size} bytes: 2 GB of zeros"]
    with BagReader(bag) as reader:
        assert reader.topic("/chatter").count == 1
        assert list(reader.messages(reader.topics)) == []
        assert "cannot be read (it unpacks to " in reader.problems[-1]


def test_chunks_that_overlap_take_no_more_than_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("attack.bags.BOMB", 100_000)
    bag = crafted(tmp_path)["six chunks of 400 MB at one time"]
    with BagReader(bag) as reader:
        assert len(list(reader.messages(reader.topics))) == 6
        monkeypatch.setattr(mcap_chunks, "MOST_HELD_BYTES", 50_000)
        with pytest.raises(SourceError, match="overlap in time; put its messages in order"):
            list(reader.messages(reader.topics))


@pytest.mark.parametrize(
    ("name", "value", "kind", "message"),
    [
        (
            "_ALWAYS_FILE_BYTES",
            10_000,
            SourceError,
            "to more than .* if you trust it, unpack it with: zstd -d",
        ),
        # not the fault of the bag
        ("_LEFT_FREE_BYTES", 1 << 62, OutputError, "unpacks to more than fits into .* set TMPDIR"),
    ],
)
def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch, name, value, kind, message):
    monkeypatch.setattr(zstd_module, name, value)
    monkeypatch.setattr(zstd_module, "_MOST_TIMES", 10)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "bag.db3.zstd").write_bytes(ZEROS)
    with pytest.raises(kind, match=message):
        BagReader(tmp_path / "bag.db3.zstd")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["bag.db3.zstd"]


def test_what_unpacks_to_more_than_a_limit_is_refused():
    assert unpack(ZEROS) == bytes(1_000_000)
    with pytest.raises(zstd.ZstdError, match="it unpacks to more than 1 MB"):
        unpack(ZEROS, most_bytes=999_999)
    with pytest.raises(zstd.ZstdError, match="it is cut off"):
        unpack(ZEROS[:-4])


def test_a_message_that_unpacks_to_too_much_is_left_out_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "unpack", lambda data: unpack(data, most_bytes=1000))
    with BagMaker(tmp_path / "bag") as bag:
        bag.write("/camera/image_raw", IMAGE, START_NS, ZEROS)
    with BagReader(tmp_path / "bag") as reader:
        assert [message for message in reader.messages(reader.topics) if message.data] == []
        assert "is damaged (it unpacks to more than" in reader.problems[-1]


@pytest.mark.parametrize(
    "change",
    [
        "timestamp = NULL",
        "timestamp = 'soon'",
        "topic_id = 'x'",
        "data = NULL",
        "data = 1000000000000",
        "data = 'text'",
        "data = x''",
    ],
)
def test_rows_with_values_of_other_types_are_left_out(tmp_path, change):
    path = camera_bag(tmp_path / "bag", storage="sqlite3")
    with unchecked(path) as database:
        database.execute(f"UPDATE messages SET {change} WHERE id = (SELECT max(id) FROM messages)")
        database.execute("UPDATE topics SET offered_qos_profiles = '- history: null' WHERE id = 1")
    with BagReader(path) as reader:
        assert 0 <= 13 - len(list(reader.messages(reader.topics))) <= 1


def test_messages_of_one_time_around_a_damaged_one_are_read_once(tmp_path):
    with BagMaker(tmp_path / "bag", "sqlite3") as bag:
        for number in range(20):
            for topic in ("/a", "/b"):
                bag.write(topic, "std_msgs/msg/String", START_NS, text_message(str(number // 2)))
    with unchecked(tmp_path / "bag") as database:
        database.execute("UPDATE messages SET data = 'text' WHERE id = 21")  # of /a
    with BagReader(tmp_path / "bag") as reader:
        found = list(reader.messages(reader.topics))
    for topic, numbers in {"/a": [*range(10), *range(11, 20)], "/b": range(20)}.items():
        texts = [message.data for message in found if message.key.name == topic]
        assert texts == [text_message(str(number // 2)) for number in numbers]


def test_a_channel_with_damaged_metadata_is_read(tmp_path):
    path = camera_bag(tmp_path / "bag")
    file = path / "bag.mcap"
    data = file.read_bytes()
    file.write_bytes(
        data[: data.rindex(b"\x89MCAP")].replace(b"offered_qos_profiles", b"offered_qos_profile\xff")
    )
    with BagReader(path) as reader:
        assert len(list(reader.messages(reader.topics))) == 13
    at = data.index(b"offered_qos_profiles") - 4
    file.write_bytes(data[:at] + b"\xff\xff\xff\x7f" + data[at + 4 : data.rindex(b"\x89MCAP")])
    read_all(path)


def test_a_topic_without_a_type_is_left_out(tmp_path):
    path = camera_bag(tmp_path / "bag", storage="sqlite3")
    with unchecked(path) as database:
        database.execute("UPDATE topics SET type = NULL WHERE name = '/chatter'")
    (path / "metadata.yaml").unlink()
    with contextlib.suppress(PerceptionError), BagReader(path) as reader:
        assert "/camera/image_raw" in {topic.name for topic in reader.topics}


def test_statistics_that_contradict_the_index_are_not_believed(tmp_path):
    bag = camera_bag(tmp_path / "drive", count=3)
    change_statistics(bag / "drive.mcap", total=0)
    with BagReader(bag) as reader:
        assert len(list(reader.messages(reader.topics))) == 7
        assert "contradict each other" in reader.problems[0]


def test_times_that_no_clock_has_are_told(tmp_path):
    with BagMaker(tmp_path / "bag") as bag:
        bag.image(0)
        bag.write("/chatter", "std_msgs/msg/String", 2**64 - 1, text_message("late"))
    with BagReader(tmp_path / "bag") as reader:
        assert [item.key.type for item in reader.messages(reader.topics)] == [IMAGE]
        assert "after the year 2262 are left out" in reader.problems[0]
        assert reader.end_ns == reading.END_NS
