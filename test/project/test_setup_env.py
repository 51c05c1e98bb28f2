# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Setup: what it notices, what it says, and that it leaves a whole environment alone."""

import fcntl
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.paths import ROOT

BASE_PYTHON = Path(sys.base_prefix) / "bin" / "python{}.{}".format(*sys.version_info)
ALL = ["packages", "underlay", "package"]


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


setup_env = load("setup_env")


@pytest.fixture
def project(tmp_path):
    """A copy of what setup reads, in a folder whose name has a space."""
    root = tmp_path / "a project"
    for name in ("tools", "underlay", "launch", "config", "resource", "requirements"):
        shutil.copytree(ROOT / name, root / name)
    (root / "face_detect_ros").mkdir()
    for name in setup_env.PACKAGE_FILES:
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture
def venv(project):
    """A `.venv` there that looks finished."""
    return finished_environment(project, "kilted")


def finished_environment(project, distribution):
    venv = setup_env.Venv(project, distribution)
    installed = venv.site_packages("3") / "numpy" / "__init__.py"
    for folder in (venv.python.parent, installed.parent):
        folder.mkdir(parents=True)
    installed.touch()
    venv.python.symlink_to(sys.executable)
    stamp = {"steps": setup_env.step_keys(project, distribution), "python": venv.version}
    venv.stamp.write_text(json.dumps({**stamp, "files": setup_env.installed_files(venv)}))
    return venv


def append(path):
    path.write_text(path.read_text() + "\n# changed\n")


def set_stamp(venv, **values):
    venv.stamp.write_text(json.dumps({**json.loads(venv.stamp.read_text()), **values}))


def test_a_whole_environment_needs_nothing(project, venv):
    assert setup_env.steps_to_do(venv, project) == ([], "")


def test_no_environment_needs_everything(project):
    assert setup_env.steps_to_do(setup_env.Venv(project), project) == (ALL, "")


@pytest.mark.parametrize(
    ("damage", "steps", "reason"),
    [
        pytest.param(lambda v: v.stamp.unlink(), ALL, "no finished setup", id="no stamp"),
        pytest.param(lambda v: v.stamp.write_text('{"steps'), ALL, "no finished setup", id="half a stamp"),
        pytest.param(lambda v: set_stamp(v, steps={"packages": "0"}), ALL, "changed", id="another hash"),
        pytest.param(lambda v: set_stamp(v, python="2.7"), ALL, "from 2.7 to", id="another Python"),
        pytest.param(lambda v: set_stamp(v, files=[]), ALL, "list of installed", id="no list of files"),
        pytest.param(
            lambda v: shutil.rmtree(v.site_packages("3") / "numpy"),
            ALL,
            "numpy/__init__.py is gone",
            id="package",
        ),
        pytest.param(
            lambda v: (v.python.unlink(), v.python.symlink_to("/nowhere")),
            ALL,
            "does not start",
            id="interpreter",
        ),
    ],
)
def test_damage_is_noticed(project, venv, damage, steps, reason):
    damage(venv)
    todo, why = setup_env.steps_to_do(venv, project)
    assert todo == steps
    assert reason in why


@pytest.mark.parametrize(
    ("file", "steps"),
    [
        ("requirements/nodes.txt", ALL),
        ("requirements/test.txt", ALL),
        ("requirements/constraints.txt", ALL),
        ("requirements/constraints-kilted.txt", ALL),
        ("requirements/constraints-jazzy.txt", []),
        ("tools/venv_env.py", ALL),
        ("underlay/vision_msgs/msg/Point2D.msg", ["underlay"]),
        ("setup.py", ["package"]),
        ("package.xml", ["package"]),
    ],
)
def test_a_change_redoes_what_depends_on_it(project, venv, file, steps):
    append(project / file)
    assert setup_env.steps_to_do(venv, project)[0] == steps


def test_distributions_have_environments_of_their_own(project, venv):
    jazzy = setup_env.Venv(project, "jazzy")
    assert (venv.prefix.name, jazzy.prefix.name) == (".venv", ".venv-jazzy")
    assert setup_env.steps_to_do(jazzy, project) == (ALL, "")
    finished_environment(project, "jazzy")
    append(project / "requirements" / "constraints-jazzy.txt")
    assert setup_env.steps_to_do(jazzy, project)[0] == ALL
    assert setup_env.steps_to_do(venv, project)[0] == []


def test_a_new_launch_file_is_linked(project, venv):
    (project / "launch" / "another.launch.py").touch()
    assert setup_env.steps_to_do(venv, project)[0] == ["package"]


def test_another_python_is_used_when_asked_for(project, venv):
    assert setup_env.steps_to_do(venv, project, python="3.1")[0] == ALL


def test_a_moved_project_is_set_up_again(project, venv):
    moved = project.rename(project.with_name("moved"))
    assert setup_env.steps_to_do(setup_env.Venv(moved), moved)[0] == ALL


def test_executables_are_found_in_setup_py():
    names = {"face_detect_ros", "face_detector", "perception", "video_source"}
    assert names <= set(setup_env.entry_points(ROOT))


def test_cmake_files_of_the_wheels_are_repaired(tmp_path):
    file = tmp_path / "std_msgs" / "cmake" / "export.cmake"
    file.parent.mkdir(parents=True)
    wheels = "/opt/python/cp311-cp311"
    file.write_text(
        f"{wheels}/include/python3.11;${{X}}/lib;{wheels}/lib/python3.11/site-packages/numpy/include"
    )
    setup_env.repair_cmake(tmp_path, Path("/usr"), Path("/v/site"))
    assert file.read_text() == "/usr/include/python3.11;${X}/lib;/v/site/numpy/include"


def test_a_failed_command_shows_the_end_of_its_output(venv):
    script = "import sys; print(*range(99), sep='\\n', flush=True); sys.exit('the reason')"
    with pytest.raises(setup_env.SetupError, match=r"setup\.log") as caught:
        setup_env.run(venv, [sys.executable, "-I", "-c", script])
    assert caught.value.output.endswith("98\nthe reason")
    assert len(caught.value.output.splitlines()) < 30
    assert "\n0\n" in venv.log.read_text()


def test_another_ros_does_not_leak_in(venv, monkeypatch):
    for name in ("PYTHONPATH", "AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH", "LD_LIBRARY_PATH", "MAKEFLAGS"):
        monkeypatch.setenv(name, "/opt/ros/other")
    assert "/opt/ros/other" not in setup_env.clean_environment(venv).values()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, {"AMENT_PREFIX_PATH": "/v"}, id="bare"),
        pytest.param({"ROS_DISTRO": "humble"}, {"AMENT_PREFIX_PATH": "/v"}, id="another ROS"),
        pytest.param({"AMENT_PREFIX_PATH": "/a"}, {"AMENT_PREFIX_PATH": "/v:/a"}, id="sourced"),
        pytest.param({"AMENT_PREFIX_PATH": "/a:/v"}, {"AMENT_PREFIX_PATH": "/a:/v"}, id="overlay"),
        pytest.param(
            {"_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1", "LD_LIBRARY_PATH": "/w/lib"},
            {"AMENT_PREFIX_PATH": "/v", "LD_LIBRARY_PATH": "/w/lib"},
            id="child of another environment",
        ),
        pytest.param(
            {"_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1", "LD_LIBRARY_PATH": "/v/lib"},
            {"AMENT_PREFIX_PATH": "/v", "LD_LIBRARY_PATH": "/v/lib", "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1"},
            id="child of this environment",
        ),
    ],
)
def test_python_finds_its_libraries_without_sourcing(environment, expected):
    load("venv_env").prepare(environment, "/v", "jazzy")
    assert environment == {**expected, "ROS_DISTRO": "jazzy"}


# --- tools/setup.sh itself ---


@pytest.fixture
def sh(project, tmp_path):
    """Run the project's setup.sh with nothing on PATH but a few programs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("dirname", "uname"):
        (programs / name).symlink_to(shutil.which(name))

    def run(*arguments, python=None, shims=(), **environment):
        for name in shims:
            (programs / name).write_text("#!/bin/sh\necho 'not installed' >&2\nexit 127\n")
            (programs / name).chmod(0o755)
        if python:
            (programs / python).symlink_to(BASE_PYTHON)
        return subprocess.run(
            ["/bin/sh", project / "tools" / "setup.sh", *arguments],
            env={"PATH": str(programs), **environment},
            capture_output=True,
            text=True,
            timeout=100,
        )

    return run


def test_a_missing_compiler_is_one_line_with_the_apt_package(sh):
    result = sh(python="python3.11")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "sudo apt install gcc g++" in result.stderr


def test_a_shim_that_fails_is_passed_over(sh):
    result = sh("--check", shims=["python3.11", "python3.12"], python="python3.13")
    assert (result.returncode, result.stderr) == (1, "")


def test_an_activated_environment_does_not_make_its_own_successor(sh, project):
    (project / "tools" / "setup_env.py").write_text("import sys; print(sys.prefix == sys.base_prefix)")
    result = sh(PYTHON=sys.executable)
    assert (result.stdout, result.stderr) == ("True\n", "")


def test_a_python_that_does_not_work_is_one_line(sh):
    result = sh(shims=["python3.11"], PYTHON="python3.11")
    assert result.returncode == 1
    assert result.stderr == "setup: PYTHON=python3.11 is not a working CPython 3.10-3.13\n"


def test_no_python_is_one_line_with_the_apt_package(sh, project):
    script = project / "tools" / "setup.sh"
    script.write_text(script.read_text().replace("/usr/bin/python3", ""))  # this machine has one
    result = sh()
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "sudo apt install python3 python3-venv python3-dev" in result.stderr


def test_python_without_headers_names_their_apt_package(sh, project, tmp_path):
    fake = tmp_path / "python-without-headers"
    fake.write_text(
        f'#!/bin/sh\nshift 2\nexec {BASE_PYTHON} -I -c "$(printf \'%s\' "$1" | '
        f"{shutil.which('sed')} 's/Python[.]h/Absent.h/')\"\n"
    )
    fake.chmod(0o755)
    result = sh(PYTHON=str(fake))
    assert result.returncode == 1
    assert "sudo apt install python{}.{}-dev".format(*sys.version_info) in result.stderr


def test_two_set_ups_do_not_run_at_once(project):
    command = [sys.executable, "-I", project / "tools" / "setup_env.py", "--check"]
    handle = os.open(project, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
            assert "waiting for another" in other.stdout.readline()
            assert other.poll() is None
            fcntl.flock(handle, fcntl.LOCK_UN)
            assert other.wait(timeout=100) == 1
    finally:
        os.close(handle)


SETUP_SH = ROOT / "tools" / "setup.sh"


@pytest.fixture
def finished():
    """This project's own environment, which runs these tests."""
    for distribution in setup_env.DISTRIBUTIONS:
        venv = setup_env.Venv(ROOT, distribution)
        if Path(sys.prefix) == venv.prefix:
            check = [SETUP_SH, "--distro", distribution, "--check"]
            assert subprocess.run(check, capture_output=True).returncode == 0
            return venv
    pytest.skip("these tests do not run in an environment that `make setup` created here")


def test_a_second_run_touches_nothing(finished):
    before = finished.stamp.stat(), finished.log.stat()
    result = subprocess.run([SETUP_SH, "--distro", finished.distribution], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    after = finished.stamp.stat(), finished.log.stat()
    assert [s.st_mtime_ns for s in after] == [s.st_mtime_ns for s in before]


def test_a_lost_file_of_a_real_package_is_noticed(finished):
    recorded = json.loads(finished.stamp.read_text())
    assert len(recorded["files"]) > 10_000
    assert any(name.endswith("vision_msgs/msg/__init__.py") for name in recorded["files"])
    assert setup_env.missing_files(finished, {"files": [*recorded["files"], "lib/lost.so"]}) == [
        "lib/lost.so"
    ]


@pytest.mark.parametrize("folder", ["/", str(ROOT / "test")])
def test_everything_runs_from_anywhere_without_sourcing(finished, folder):
    environment = {"PATH": os.defpath, "HOME": os.environ.get("HOME", "/")}
    for command in (
        [finished.python, "-c", "import rclpy, vision_msgs.msg, face_detect_ros"],
        [finished.python, "-m", "pytest", "--version"],
        [finished.python.with_name("pytest"), "--version"],
    ):
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, timeout=100)
