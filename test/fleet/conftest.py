# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

import pytest
from helpers.bags import FLEET, camera_bag


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A folder with the bags of `FLEET`."""
    folder = tmp_path_factory.mktemp("robots")
    for name, count in FLEET.items():
        camera_bag(folder / name, count)
    return folder
