# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Before rclpy is imported anywhere: every run of the tests has a ROS network of its own."""

import contextlib
import fcntl
import functools
import gc
import os
import resource
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

# Python would look through thousands of collected tests for garbage, again and again: half of the time to collect them
gc.disable()

# a shell's background job ignores Ctrl-C, and so would every process that the tests start and interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)

# One thread per process, here and in everything started: the networks of the tests are too small to share, and tests
# run side by side. Libraries read it when they are loaded.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

# made of the signatures of all verbs: once, not at every invocation
with contextlib.suppress(ImportError, AttributeError):
    import typer.testing

    typer.testing._get_command = functools.cache(typer.testing._get_command)

# how long an example takes, or to make one, depends on what else runs
with contextlib.suppress(ImportError):
    from hypothesis import HealthCheck, settings

    # and the examples are the same in every run, or an old bug would stop a change that has nothing to do with it
    settings.register_profile(
        "any machine", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("any machine")

# importable in child processes as well
sys.path.insert(0, str(Path(__file__).parent))


def _own_domain():
    """A ROS domain that no other run of these tests uses, and the lock that keeps it (until the process ends)."""
    for domain in range(1, 102):
        lock = open(Path(tempfile.gettempdir()) / f"face_detect_ros_test_domain_{domain}.lock", "a")  # noqa: SIM115
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
        else:
            return domain, lock
    raise RuntimeError("all ROS domains are in use by other runs of the tests")


_DOMAIN, _LOCK = _own_domain()
os.environ["ROS_DOMAIN_ID"] = str(_DOMAIN)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
_OLD = os.environ.get("ROS_DISTRO") in ("humble", "iron", "jazzy")  # as ros.runtime names it
os.environ["FASTRTPS_DEFAULT_PROFILES_FILE" if _OLD else "FASTDDS_DEFAULT_PROFILES_FILE"] = str(
    Path(__file__).parents[1] / "face_detect_ros" / "ros" / "fastdds.xml"
)
_MADE = []  # folders of this process that nobody needs when it ends


def _folder(name):
    _MADE.append(tempfile.mkdtemp(prefix=f"face_detect_ros_test_{name}_"))
    return _MADE[-1]


os.environ["ROS_LOG_DIR"] = _folder("log")
os.environ["ROS_HOME"] = _folder("home")  # no test touches the gallery of its user

# the many random networks of the tests are computed by PyTorch; to export each would take seconds
from face_detect_ros.engines import choices  # noqa: E402
from face_detect_ros.files.home import home  # noqa: E402

choices.remember("cpu", {choices.EVERY_MODEL: "torch", "yolov9-robot": "openvino", "dlib_resnet": "openvino"})

# what engines export and compile of the default models is made once for all processes of a run
_ENGINES = "FACE_DETECT_ROS_TEST_ENGINES"
if _ENGINES not in os.environ:
    os.environ[_ENGINES] = _folder("engines")
(home() / "models").mkdir()
(home() / "models" / "engines").symlink_to(os.environ[_ENGINES])


def pytest_collection_modifyitems(items):
    """Spread files that wait for other processes among those that compute: side by side they take less time."""
    waiting = {Path(__file__).parent / room for room in ("demo", "fleet", "ros", "web")}
    groups = {True: {}, False: {}}  # of each, the files and how many tests come before them
    counts = {True: 0, False: 0}
    for item in items:
        waits = not waiting.isdisjoint(item.path.parents)
        groups[waits].setdefault(item.path, counts[waits])
        counts[waits] += 1
    places = {
        file: before / counts[waits] for waits, files in groups.items() for file, before in files.items()
    }
    items.sort(key=lambda item: places[item.path])


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


def pytest_unconfigure():
    for folder in _MADE:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def unrecorded(monkeypatch):
    """Networks are called as they are: recording their calls takes a second each."""
    from face_detect_ros.nn import recorded

    monkeypatch.setattr(recorded, "MOST_SHAPES", 0)


@pytest.fixture
def no_larger_files():
    """`with no_larger_files(1000):` no file of this process grows beyond so many bytes, as if the disk were full."""

    @contextlib.contextmanager
    def limited(size):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture
def models(tmp_path, monkeypatch):
    """An empty folder in place of the user's weights, and neither proxy nor mirror."""
    for name in ("http_proxy", "HTTP_PROXY", "FACE_DETECT_ROS_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FACE_DETECT_ROS_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def server():
    """A `FileServer` to put files into."""
    from helpers.file_server import FileServer

    running = FileServer()
    yield running
    running.close()


@pytest.fixture
def probe():
    from helpers.ros_tools import Probe

    with Probe() as probe:
        yield probe


@pytest.fixture
def start(probe, monkeypatch):
    """Starts nodes in this process: `start(NodeClass, parameter=value, ...)` gives a `LocalNode`."""
    from helpers.ros_tools import LocalNode

    from face_detect_ros.ros.nodes import lifecycle as perception_node

    monkeypatch.setattr(perception_node, "DIAGNOSTICS_PERIOD_S", 0.1)  # so that tests need not wait
    # an image published once is answered, even if a busy machine stops this process for a second
    monkeypatch.setattr("face_detect_ros.core.pauses.PAUSE_S", 60.0)
    running = []

    def start(make_node, **arguments):
        running.append(LocalNode(make_node, probe.context, **arguments))
        return running[-1]

    yield start
    for node in reversed(running):
        node.stop()


@pytest.fixture
def execute():
    """Starts executables: `execute("face_detector", parameters={...})` gives an `Executable`."""
    from helpers.ros_tools import Executable

    running = []

    def execute(module, **arguments):
        running.append(Executable(module, **arguments))
        return running[-1]

    yield execute
    for process in running:
        process.kill()


@pytest.fixture
def scripted(monkeypatch):
    """The catalogue also has quick, steady, slow, weightless and buggy."""
    from face_detect_ros.detectors import catalogue

    factories = {
        "quick": "create_quick",
        "steady": "create_quick_and_blind",
        "slow": "create_slow",
        "weightless": "create_without_weights",
        "buggy": "create_with_a_bug",
    }
    for name, function in factories.items():
        entry = catalogue.CatalogueEntry(name, "faces", f"helpers.detectors:{function}", "none", "for tests")
        monkeypatch.setitem(catalogue.CATALOGUE, name, entry)


@pytest.fixture
def objects(monkeypatch):
    """`objects(name, network)` puts an object detector with a scripted network into the catalogue."""
    from helpers.objects import catalogue_additions

    return catalogue_additions(monkeypatch)
