# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which bags a fleet takes, and what their results are called."""

import shutil

import pytest
from helpers.bags import camera_bag

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.fleet.bag_list import bags_of
from face_detect_ros.fleet.manifest import Manifest


def names(folder):
    return [name for _, name in bags_of(folder)]


def test_names_keep_their_dots_and_files_lose_their_endings(tmp_path):
    for name in ("v1.2", "v1.3"):
        camera_bag(tmp_path / "in" / name, 1)
    shutil.copy(tmp_path / "in" / "v1.2" / "v1.2.mcap", tmp_path / "in" / "loose.1.mcap")
    shutil.copy(tmp_path / "in" / "v1.2" / "v1.2.mcap", tmp_path / "in" / "packed.mcap.zstd")
    assert names(tmp_path / "in") == ["loose.1", "packed", "v1.2", "v1.3"]
    url = f"file://{tmp_path}/in"
    assert sorted(names(url)) == names(tmp_path / "in")


@pytest.mark.parametrize("kind", ["path", "url"])
def test_a_bag_with_another_one_inside_stays_whole(tmp_path, kind):
    drive = camera_bag(tmp_path / "in" / "drive", 1)
    camera_bag(drive / "results" / "bags" / "drive", 1)
    place = f"file://{tmp_path}/in" if kind == "url" else tmp_path / "in"
    assert names(place) == ["drive", "drive/results/bags/drive"]
    assert [name for _, name in bags_of(place, f"{place}/drive/results")] == ["drive"]


def test_a_list_of_zero_bytes_is_refused(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"in/a\n\0\n")
    with pytest.raises(ConfigError, match="not a list of bags"):
        bags_of(tmp_path / "list.txt")


@pytest.mark.parametrize("source", ["in", "in/drive", "list.txt"])
def test_results_do_not_go_where_the_bags_are(tmp_path, source):
    drive = camera_bag(tmp_path / "in" / "drive", 1)
    (tmp_path / "list.txt").write_text("in/drive\n")
    out = tmp_path / "in" if source == "in" else drive
    with pytest.raises(ConfigError, match="has the bags; give another folder"):
        bags_of(tmp_path / source, out)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        pytest.param(["a", "a", "a"], ["a", "a-2", "a-3"], id="the same"),
        pytest.param(["a", "a/b"], ["a", "a_b"], id="below another"),
        pytest.param(["a/b", "a"], ["a/b", "a-2"], id="above another"),
        pytest.param(["a", "a.part", "x.part/b"], ["a", "a-part", "x-part/b"], id="of unfinished results"),
    ],
)
def test_names_of_results_are_free(tmp_path, wanted, given):
    manifest = Manifest(tmp_path / "results.sqlite3", "")
    manifest.add([(f"/{number}", name) for number, name in enumerate(wanted[:1])])
    manifest.add([(f"/{number}", name) for number, name in enumerate(wanted)])
    assert [bag.name for bag in manifest.bags()] == given
    assert [manifest.bag(bag.id) for bag in manifest.bags()] == manifest.bags()
    manifest.close()
