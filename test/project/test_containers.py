# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Containers: they parse, use the project's own setup and lists, and nobody in them is root."""

import json
import re
import shlex

import pytest
import yaml
from helpers.paths import ROOT
from helpers.requirement_files import FOLDER, load_set_up

from face_detect_ros.web.options import DEFAULT_PORT

PIP, ROS = (ROOT / "containers" / name for name in ("Containerfile", "Containerfile.ros"))
COMPOSE = yaml.safe_load((ROOT / "containers" / "compose.yaml").read_text())
SET_UP = load_set_up()
NODES = {name: service for name, service in COMPOSE["services"].items() if name != "pod"}


def instructions(file):
    """(instruction, arguments) of each, with continued lines joined and without comments."""
    lines = [line for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [tuple(line.split(maxsplit=1)) for line in joined if line.strip()]


def arguments(file, instruction):
    return [text for name, text in instructions(file) if name == instruction]


def installed_by_apt(file):
    found = re.findall(
        r"apt-get install -y --no-install-recommends ([^&]+)", " ".join(arguments(file, "RUN"))
    )
    return {name for names in found for name in names.split()}


def copied(file):
    """Paths from the project."""
    texts = [text for text in arguments(file, "COPY") if not text.startswith("--from")]
    return {source for text in texts for source in text.split()[:-1]}


@pytest.mark.parametrize("file", [PIP, ROS], ids=lambda file: file.name)
class TestEveryImage:
    def test_the_user_is_not_root(self, file):
        assert arguments(file, "USER")[-1] == "robot"

    def test_what_is_copied_is_there(self, file):
        assert [path for path in copied(file) if not (ROOT / path).exists()] == []

    def test_the_package_is_complete(self, file):
        # what setup.py reads: its packages and the data files beside them
        sources = set(re.findall(r'(?:glob\(|\[f?)"(\w+)/', (ROOT / "setup.py").read_text()))
        assert sources <= copied(file)
        assert {"face_detect_ros", "setup.py", "setup.cfg", "package.xml"} <= copied(file)


def test_the_wheels_are_installed_by_the_set_up_alone():
    commands = " ".join(arguments(PIP, "RUN"))
    assert commands.count("tools/setup.sh") == 2
    assert "pip install" not in commands
    assert f"DISTRO={SET_UP.DISTRIBUTIONS[0]}" in arguments(PIP, "ARG")


def test_the_long_steps_of_the_set_up_have_what_they_read():
    before_set_up = set()
    for name, text in instructions(PIP):
        if name == "RUN" and "tools/setup.sh" in text:
            break
        if name == "COPY":
            before_set_up.update(text.split()[:-1])
    read = {path.relative_to(ROOT).parts[0] for path in SET_UP.requirement_files(ROOT)}
    assert read | set(SET_UP.PACKAGE_FILES) | {"tools", "underlay", "resource"} == before_set_up


def test_the_set_up_finds_the_programs_that_it_needs():
    needed = {"python3-dev", "python3-venv", *SET_UP.BUILD_PROGRAMS.values()} - {"gcc"}  # g++ brings it
    assert needed <= installed_by_apt(PIP)


def test_the_ros_image_installs_what_a_robot_gets():
    (command,) = (text for text in arguments(ROS, "RUN") if "pip install" in text)
    words = shlex.split(command.partition("pip install")[2])
    lists = [words[place + 1] for place, word in enumerate(words) if word == "-r"]
    assert lists[0].endswith("/robot.txt")
    assert {path.rpartition("/")[2] for path in lists} <= {file.name for file in FOLDER.glob("*.txt")}
    assert len(words) == 2 * len(lists) + 3  # nothing by name
    assert arguments(ROS, "ARG")[0] == "ROS_DISTRO=jazzy"


def test_the_nodes_of_compose_exist():
    executables = SET_UP.entry_points(ROOT)
    assert all(service["command"][0] in executables for service in NODES.values())


def test_the_nodes_of_compose_share_network_and_memory():
    assert {service["ipc"] for service in NODES.values()} == {"${IPC:-service:pod}"}
    assert {service["network_mode"] for service in NODES.values()} == {"${NETWORK:-service:pod}"}
    pod = COMPOSE["services"]["pod"]
    assert pod["ipc"] == "shareable"
    assert pod["shm_size"] == "512mb"


def test_only_this_computer_reaches_the_page():
    assert COMPOSE["services"]["pod"]["ports"] == [f"127.0.0.1:{DEFAULT_PORT}:{DEFAULT_PORT}"]
    assert f"port:={DEFAULT_PORT}" in NODES["viewer"]["command"]


def test_no_service_of_compose_is_privileged():
    for service in COMPOSE["services"].values():
        assert not {"privileged", "user", "cap_add"} & set(service)


def test_the_development_container_is_a_stage():
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text()
    build = json.loads(text)["build"]
    assert (ROOT / ".devcontainer" / build["dockerfile"]).resolve() == PIP
    assert (ROOT / ".devcontainer" / build["context"]).resolve() == ROOT
    assert any(stage.endswith(f" AS {build['target']}") for stage in arguments(PIP, "FROM"))
