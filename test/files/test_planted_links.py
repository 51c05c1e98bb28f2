# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is written under a name that others can predict never goes through a link that they have planted there."""

import os

import pytest

from face_detect_ros.cli import demo
from face_detect_ros.core.errors import ConfigError, OutputError
from face_detect_ros.demo import scene
from face_detect_ros.evaluation.tracking import evaluate
from face_detect_ros.files.whole_file import own_folder
from face_detect_ros.fleet.one_bag.output_folder import OutputFolder
from face_detect_ros.training import curve

ROWS = [{"epoch": 1, "loss_total": 2.0}]


@pytest.fixture
def victim(tmp_path):
    """A folder of somebody else's, with a file."""
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "file").write_text("precious")
    return folder


@pytest.fixture
def planted(victim, tmp_path):
    """`planted(name)`: the folder for results, with a link `name` to the victim's file; `planted(name, folder=True)`
    links to the victim's folder."""

    def plant(name, *, folder=False):
        place = tmp_path / "results"
        place.mkdir(exist_ok=True)
        (place / name).symlink_to(victim if folder else victim / "file")
        return place

    yield plant
    assert sorted(path.name for path in victim.iterdir()) == ["file"]
    assert (victim / "file").read_text() == "precious"


@pytest.mark.parametrize("name", ["curve.csv", "curve.png"])
def test_curves(planted, name):
    place = planted(name)
    curve.write(place, ROWS)
    curve.draw(place, ROWS)
    assert not (place / name).is_symlink()


def test_events_of_tensorboard_in_a_planted_folder(planted):
    pytest.importorskip("tensorboardX")
    place = planted("tensorboard", folder=True)
    with pytest.raises(OutputError, match="tensorboard is a link where a folder should be; remove it"):
        curve.write(place, ROWS)


def test_events_of_tensorboard_under_predicted_names(planted, monkeypatch):
    writing = pytest.importorskip("tensorboardX.event_file_writer")
    monkeypatch.setattr(writing.time, "time", lambda: 1_700_000_000.0)
    monkeypatch.setattr(writing.socket, "gethostname", lambda: "robot")
    place = planted("predicted")
    curve.write(place, ROWS)
    (event_file,) = (place / "tensorboard").iterdir()
    name = event_file.name
    event_file.unlink()
    (place / "predicted").rename(place / "tensorboard" / name)
    curve.write(place, [*ROWS, ROWS[0]])
    assert not (place / "tensorboard" / name).is_symlink()


def test_the_image_of_the_demo(planted):
    place = planted("two_people.png")
    scene.two_people(place / "two_people.png")
    assert not (place / "two_people.png").is_symlink()


@pytest.mark.parametrize("name", demo.MADE)
@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
def test_results_of_an_earlier_demo_are_removed_and_links_not_followed(planted, name, folder):
    place = planted(name, folder=folder)
    demo._prepare(place)
    assert list(place.iterdir()) == []


def test_a_folder_for_the_demo_that_another_user_planted(planted, monkeypatch):
    place = planted("demo_out", folder=True)
    demo._prepare(place / "demo_out")  # a link of one's own is fine
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.raises(OutputError, match="is a link of another user's; give another folder"):
        demo._prepare(place / "demo_out")


def test_results_of_a_tracker(planted):
    place = planted("one.txt")
    evaluate._write(place / "one.txt", "1,2\n")
    assert (place / "one.txt").read_text() == "1,2\n"


@pytest.mark.parametrize("name", ["out.part", "out.part/lock"])
def test_the_draft_of_a_bag(planted, tmp_path, name):
    if name == "out.part":
        place = planted(name, folder=True)
    else:
        (tmp_path / "results/out.part").mkdir(parents=True)
        place = planted(name)
    with pytest.raises(ConfigError, match="cannot be made"):
        OutputFolder(place / "out")


def test_a_folder_is_made_or_used(tmp_path):
    own_folder(tmp_path / "a/b")
    own_folder(tmp_path / "a/b")
    assert (tmp_path / "a/b").is_dir()
