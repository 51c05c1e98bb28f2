# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is published: complete, well-formed, and in step with the catalogue of detectors."""

import re

import pytest
from helpers.paths import ROOT

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors import catalogue
from face_detect_ros.faces.embedders import catalogue as embedders
from face_detect_ros.zoo.published import checkpoints
from face_detect_ros.zoo.published.checkpoints import CHECKPOINTS, Checkpoint

PERMISSIVE = ("Apache-2.0", "MIT", "BSD-3-Clause", "CC0-1.0")


@pytest.mark.parametrize("checkpoint", CHECKPOINTS.values(), ids=lambda checkpoint: checkpoint.name)
def test_a_checkpoint_is_complete(checkpoint: Checkpoint) -> None:
    assert checkpoints.find(checkpoint.name) is checkpoint
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", checkpoint.name)  # it names a folder
    assert checkpoint.license in PERMISSIVE
    assert checkpoint.input_size is None or 112 <= checkpoint.input_size <= 1024
    assert checkpoint.classes
    for page in (checkpoint.source, checkpoint.license_stated):
        assert page.startswith("https://")
    if checkpoint.ap is None:
        assert checkpoint.reference == ""
    else:
        assert 20 < checkpoint.ap < 70
        assert checkpoint.reference.startswith("https://")
    names = [remote.name for remote in checkpoint.files]
    assert len(set(names)) == len(names) >= 1
    for remote in checkpoint.files:
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", remote.name)
        assert remote.url.startswith("https://")
        assert remote.url.endswith(f"/{remote.name}")
        assert re.fullmatch(r"[0-9a-f]{64}|", remote.sha256)


def test_no_digest_stands_for_two_files() -> None:
    digests = [remote.sha256 for each in CHECKPOINTS.values() for remote in each.files if remote.sha256]
    assert len(set(digests)) == len(digests) >= 9


def test_the_catalogue_and_the_checkpoints_name_each_other() -> None:
    both = [*catalogue.CATALOGUE.values(), *embedders.CATALOGUE.values()]
    used = {entry.checkpoint for entry in both if entry.checkpoint}
    assert used == set(CHECKPOINTS)


@pytest.mark.parametrize("entry", catalogue.CATALOGUE.values(), ids=lambda entry: entry.name)
def test_a_detector_says_the_license_of_its_weights(entry: catalogue.CatalogueEntry) -> None:
    if entry.checkpoint:
        assert CHECKPOINTS[entry.checkpoint].license in entry.license


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(ConfigError, match="'yolov9-z' is not known; choose one of: centerface, "):
        checkpoints.find("yolov9-z")


@pytest.mark.parametrize("page", ["objects", "faces"])
def test_the_documentation_lists_the_same(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text()
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| (\S+) \| (\d+|any) \| (.*?) \| \[.*?\]\((.*?)\) \| (yes|first fetch) \|$",
        text,
        re.M,
    )
    documented = [
        (name, license, size, ap, source, known == "yes") for name, license, size, ap, source, known in rows
    ]
    assert documented == [
        (
            each.name,
            each.license,
            str(each.input_size or "any"),
            "" if each.ap is None else f"[{each.ap:.1f}]({each.reference})",
            each.source,
            bool(each.files[-1].sha256),
        )
        for each in CHECKPOINTS.values()
        if each.classes.startswith("faces") == (page == "faces")
    ]
    assert documented
