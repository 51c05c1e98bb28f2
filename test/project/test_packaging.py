# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The package as ROS sees it: package.xml, setup.py and what colcon installs."""

import os
import re
import subprocess
import sys
from importlib import metadata

import pytest
import yaml
from helpers.paths import ROOT
from helpers.requirement_files import PIP_ONLY, imported_names

import face_detect_ros
from face_detect_ros.ros.nodes.video_source import VideoSourceParameters

PACKAGE = "face_detect_ros"
EXECUTABLES = {"face_detect_ros", "face_detector", "object_detector", "perception", "video_source", "viewer"}

# import name -> rosdep key, where they differ
ROSDEP_KEYS = {
    "PIL": "python3-pil",
    "cv2": "python3-opencv",
    "numpy": "python3-numpy",
    "tf2_ros": "tf2_ros_py",
    "yaml": "python3-yaml",
}


@pytest.fixture(scope="module")
def manifest():
    catkin_pkg = pytest.importorskip("catkin_pkg.package")
    warnings = []
    package = catkin_pkg.parse_package(str(ROOT), warnings=warnings)
    package.validate(warnings=warnings)
    assert warnings == []
    return package


def test_versions_agree(manifest):
    in_setup_py = re.search(r'version="(.+?)"', (ROOT / "setup.py").read_text()).group(1)
    assert manifest.version == in_setup_py == face_detect_ros.__version__


def test_the_installed_version_is_this_one():
    try:
        assert metadata.version(PACKAGE) == face_detect_ros.__version__
    except metadata.PackageNotFoundError:
        pytest.skip("not installed, only on the path")


def test_package_xml_says_what_it_is(manifest):
    assert manifest.package_format == 3
    assert manifest.licenses == ["Apache-2.0"]
    assert "Apache License" in (ROOT / manifest.licenses[0].file).read_text()
    assert manifest.get_build_type() == "ament_python"


def test_package_xml_says_where_it_comes_from(manifest):
    urls = {url.type: url.url for url in manifest.urls}
    assert urls["bugtracker"] == f"{urls['repository']}/issues"
    assert f'URL = "{urls["repository"]}"' in (ROOT / "setup.py").read_text()
    assert manifest.authors


def test_the_changelog_is_what_bloom_reads(manifest):
    changelog = pytest.importorskip("catkin_pkg.changelog")
    read = changelog.get_changelog_from_path(str(ROOT), PACKAGE)
    assert read.get_content_of_version(manifest.version)
    versions = [version for version, _, _ in read.foreach_version(reverse=True)]
    assert versions == sorted(versions, key=lambda version: [int(part) for part in version.split(".")])


def test_package_xml_names_what_the_code_imports(manifest):
    named = {dependency.name for dependency in manifest.exec_depends}
    for name, file in imported_names().items():
        if name not in PIP_ONLY:
            assert ROSDEP_KEYS.get(name, name) in named, f"{name}, used in {file}"


def test_every_folder_of_code_is_a_package():
    # setup.py would leave it out.
    folders = {file.parent for file in (ROOT / PACKAGE).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def colcon(*arguments):
    pytest.importorskip("colcon_core")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COLCON_")}
    return subprocess.run(
        [sys.executable, "-m", "colcon", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    ).stdout


@pytest.fixture(scope="module", params=["copied", "symlinked"])
def install(request, tmp_path_factory):
    """What `colcon build` installs."""
    folder = tmp_path_factory.mktemp(request.param)
    more = ["--symlink-install"] if request.param == "symlinked" else []
    colcon("--log-base", folder / "log", "build", "--base-paths", ROOT, "--build-base", folder / "build",
           "--install-base", folder / "install", *more)  # fmt: skip
    return folder / "install" / PACKAGE


def test_colcon_installs_the_executables(install):
    executables = {file for file in (install / "lib" / PACKAGE).iterdir() if os.access(file, os.X_OK)}
    assert {file.name for file in executables} == EXECUTABLES


def test_colcon_installs_what_belongs_to_share(install):
    share = install / "share" / PACKAGE
    for pattern in ("launch/*.launch.py", "config/*.*", "config/sros2/*", "package.xml"):
        for file in ROOT.glob(pattern):
            assert (share / file.relative_to(ROOT)).read_bytes() == file.read_bytes()
    assert (install / "share" / "ament_index" / "resource_index" / "packages" / PACKAGE).is_file()


@pytest.mark.parametrize(
    ("places", "found"),
    [([".", "underlay"], [PACKAGE]), (["underlay/vision_msgs"], ["vision_msgs"])],
    ids=lambda value: " ".join(value),
)
def test_colcon_finds_the_underlay_only_when_told(places, found, tmp_path):
    paths = [ROOT / place for place in places]
    listed = colcon("--log-base", tmp_path, "list", "--names-only", "--base-paths", *paths)
    assert listed.split() == found


def test_rviz_shows_the_topics_of_any_namespace():
    config = yaml.safe_load((ROOT / "config" / "perception.rviz").read_text())
    displays = config["Visualization Manager"]["Displays"]
    topics = {d["Topic"]["Value"]: d["Topic"]["Reliability Policy"] for d in displays if "Topic" in d}
    # relative: -r __ns:=/robot1 moves them all
    assert topics == {
        "image_raw": "Best Effort",
        "depth/image_raw": "Best Effort",
        "face_detector/image_annotated": "Reliable",
        "face_detector/image_anonymized": "Reliable",
        "face_detector/markers": "Reliable",
        "object_detector/image_annotated": "Reliable",
        "object_detector/markers": "Reliable",
        "object_detector/attention": "Reliable",
        "object_detector/keypoints": "Reliable",
        "object_detector/masks": "Reliable",
    }
    default_frame = VideoSourceParameters.frame_id
    assert config["Visualization Manager"]["Global Options"]["Fixed Frame"] == default_frame
    assert {"Window Geometry", "Panels"} <= set(config)  # saved by RViz, so that nothing piles up
