# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros view`: arguments that are refused before anything is started."""

import pytest
from typer.testing import CliRunner

from face_detect_ros.cli.app import app


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing.mp4"], "nothing.mp4: no such file or folder"),
        (["gopher://camera"], "scheme gopher:// is unknown"),
        (["--host", "everybody"], "127.0.0.1 for this computer only"),
        (["sample:astronaut", "--port", "70000"], "--port"),
        (["sample:astronaut", "--save", "x.rrd"], "is for --rerun"),
        (["sample:astronaut", "--rerun", "--foxglove"], "give one of them"),
        (["sample:astronaut", "--rerun", "--save", __file__], "test_view.py: exists already; delete it or"),
    ],
)
def test_bad_arguments_are_named(arguments, said):
    done = CliRunner().invoke(app, ["view", *arguments])
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""
