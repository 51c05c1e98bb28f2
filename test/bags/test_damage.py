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
from helpers.bags import IMAGE, START_NS, BagMaker, camera_bag

from face_detect_ros.bags import reading
from face_detect_ros.bags.reading import BagReader
from face_detect_ros.bags.zstd import unpack, zstd
from face_detect_ros.core.errors import PerceptionError

ZEROS = zstd.compress(bytes(1_000_000))


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


def test_a_topic_without_a_type_is_left_out(tmp_path):
    path = camera_bag(tmp_path / "bag", storage="sqlite3")
    (file,) = path.glob("*.db3")
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA writable_schema = 1")
        database.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '')")
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE topics SET type = NULL WHERE name = '/chatter'")
    (path / "metadata.yaml").unlink()
    with contextlib.suppress(PerceptionError), BagReader(path) as reader:
        assert "/camera/image_raw" in {topic.name for topic in reader.topics}
