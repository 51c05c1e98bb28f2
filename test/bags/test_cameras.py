# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the results of a bag's cameras are called."""

import pytest

from face_detect_ros.bags.cameras import output_names


@pytest.mark.parametrize(
    ("topics", "expected"),
    [
        pytest.param(["/camera/image_raw"], [""], id="one camera"),
        pytest.param(["/left/image_raw", "/right/image_raw"], ["/left", "/right"], id="two"),
        pytest.param(
            ["/left/image_raw", "/left/image_rect"], ["/left/image_raw", "/left/image_rect"], id="twice one"
        ),
        pytest.param(
            ["/camera/left", "/camera/right", "/camera/left/image_rect"],
            ["/camera/left", "/camera/right", "/camera/left/image_rect"],
            id="a whole name is that of another camera",
        ),
        pytest.param(["/image_raw", "/left/image_raw"], ["/image_raw", "/left"], id="without a name"),
        pytest.param(
            ["/left/image_raw", "left/image_raw"], ["/left/image_raw", "/left/image_raw_2"], id="slashes"
        ),
    ],
)
def test_each_camera_has_a_name_of_its_own(topics, expected):
    assert list(output_names(topics).values()) == expected
