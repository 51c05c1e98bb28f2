# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The folder for what outlives a run."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.engines import choices
from face_detect_ros.files.home import home, ros_home


def test_ros_home_counts_before_the_home_of_the_user(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "ros"))
    assert home() == tmp_path / "ros" / "face_detect_ros"
    monkeypatch.delenv("ROS_HOME")
    assert home() == tmp_path / "user" / ".ros" / "face_detect_ros"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("ROS_HOME")
    with pytest.raises(ConfigError, match="set HOME or ROS_HOME"):
        ros_home()
    assert choices.chosen("yunet", "cpu") == ""  # an engine is found without
