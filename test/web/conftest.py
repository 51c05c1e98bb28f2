# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A robot without ROS and its page, for tests with a browser."""

from __future__ import annotations

import pytest
from helpers.web_robot import WebRobot, served


@pytest.fixture
def robot():
    with WebRobot().moving() as robot:
        yield robot


@pytest.fixture
def url(robot):
    with served(robot) as url:
        yield url
