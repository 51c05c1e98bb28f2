# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The linters of ament that go beyond `make lint`, where ROS comes from apt."""

import shutil

import pytest
from helpers.paths import ROOT


def test_xml_files_follow_their_schemas(capfd):
    ament_xmllint = pytest.importorskip("ament_xmllint.main", reason="comes with ROS 2 from apt")
    if not shutil.which("xmllint"):
        pytest.skip("needs xmllint: apt install libxml2-utils")
    files = [ROOT / "package.xml", ROOT / "face_detect_ros" / "ros" / "fastdds.xml"]
    if ament_xmllint.main([str(file) for file in files]) != 0:
        errors = capfd.readouterr().err
        if "failed to load" in errors:
            pytest.skip("the schema of package.xml is on a server that does not answer")
        pytest.fail(errors)
