# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Results of bags: which of them are searched, and for what."""

import math
import os
import shutil

import pytest
from helpers.bags import camera_bag, job_of, run
from helpers.pools import Here

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.fleet import driver
from face_detect_ros.fleet.bag_list import bags_of
from face_detect_ros.fleet.driver import Options
from face_detect_ros.fleet.one_bag import table
from face_detect_ros.fleet.one_bag.table import Query


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The folder of a fleet's results, of one bag with six images."""
    place = tmp_path_factory.mktemp("results")
    camera_bag(place / "in" / "drive")
    driver.run(job_of(""), bags_of(place / "in"), place / "out", Here, Options())
    return place


def test_what_is_below_results_or_unfinished_is_not_counted_again(results, tmp_path):
    shutil.copytree(results / "out", tmp_path / "fleet")
    shutil.copytree(results / "out" / "bags" / "drive", tmp_path / "x.part" / "x")
    run(results / "in" / "drive", tmp_path / "monday" / "one")
    found = list(table.find(tmp_path, Query()))
    assert [(interval.bag, interval.images) for interval in found] == [(f"{results}/in/drive", 6)] * 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_results_are_searched_where_nothing_may_be_written(results, tmp_path):
    shutil.copy(results / "out" / table.FILE, tmp_path)
    tmp_path.chmod(0o555)
    try:
        assert [interval.images for interval in table.find(tmp_path, Query())] == [6]
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"near_m": -1.0}, id="near"),
        pytest.param({"near_m": math.nan}, id="near, no number"),
        pytest.param({"min_score": 7.0}, id="score"),
        pytest.param({"min_score": math.nan}, id="score, no number"),
        pytest.param({"gap_s": -1.0}, id="gap"),
        pytest.param({"gap_s": math.nan}, id="gap, no number"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigError, match="give"):
        Query(**options)
