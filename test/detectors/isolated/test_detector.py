# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A detector in a child process: results, errors, and every way in which one of the two can end."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.paths import TEST
from helpers.processes import state_of

from face_detect_ros.core.errors import ConfigError, DetectorError, ImageError, WeightsError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors.isolated import detector as isolated
from face_detect_ros.detectors.isolated.detector import IsolatedDetector

OPTIONS = DetectOptions(score_threshold=0.25)
IMAGE = np.full((4, 6, 3), 7, np.uint8)


@pytest.fixture
def make() -> Iterator[Callable[[str], IsolatedDetector]]:
    made = []

    def create(name: str) -> IsolatedDetector:
        made.append(IsolatedDetector(f"helpers.isolated_factories:{name}", "cpu"))
        return made[-1]

    yield create
    for detector in made:
        detector.close()


def once_asked(detector: IsolatedDetector, act: Callable[[], object]) -> None:
    """Have `act` called in a thread as soon as the child has its next request and a call waits for the answer."""
    connection = detector._child.connection
    poll = connection.poll

    def acted_upon(timeout_s: float) -> bool:
        threading.Thread(target=act).start()
        return poll(timeout_s)

    connection.poll = acted_upon


def wait_until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "took too long"
        time.sleep(0.01)


def test_results_and_properties_come_across(make) -> None:
    detector = make("echo")
    detector.warmup()
    first, second = detector.detect([IMAGE, np.zeros((1, 1, 3), np.uint8)], OPTIONS)
    assert first.boxes[0, :3].tolist() == [4, 6, 4 * 6 * 3 * 7]
    assert second.boxes[0, :3].tolist() == [1, 1, 0]
    assert first.scores[0] == 0.25
    assert first.boxes[0, 3] == detector.pid % 1_000_000 != os.getpid() % 1_000_000
    assert (detector.labels, detector.device) == (("echo",), "cpu")
    assert detector.times.network_ms == 2.0
    assert detector.times.pre_ms > 1.0
    assert detector.detect([], OPTIONS) == []


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)[::-1, ::2], id="strided"),
        pytest.param(np.frombuffer(bytes(range(72)), np.uint8).reshape(4, 6, 3), id="read-only"),
        pytest.param(np.full((4320, 7680, 3), 3, np.uint8), id="8K"),
    ],
)
def test_any_image_arrives_whole(make, picture: np.ndarray) -> None:
    detector = make("echo")
    for image in (IMAGE, picture, IMAGE):  # the memory grows in between
        height, width, total = detector.detect([image], OPTIONS)[0].boxes[0, :3]
        assert (height, width) == image.shape[:2]
        assert total == int(image.sum() % 1_000_000)


def test_two_at_once_are_two_processes(make) -> None:
    a, b = make("echo"), make("echo")
    assert a.pid != b.pid
    a.close()
    assert len(b.detect([IMAGE], OPTIONS)) == 1


def test_bad_input_never_reaches_the_child(make) -> None:
    detector = make("echo")
    with pytest.raises(ImageError):
        detector.detect([np.zeros((2, 2), np.uint8)], OPTIONS)


@pytest.mark.parametrize(
    ("factory", "error", "said"),
    [
        ("broken_weights", WeightsError, "^model.dat: damaged; fetch it again$"),
        ("bug", DetectorError, "IndexError"),
        ("dies_at_start", DetectorError, "exit code 7"),
        ("there_is_no_such_function", DetectorError, "there_is_no_such_function"),
    ],
)
def test_what_goes_wrong_at_the_start_is_raised_here(factory: str, error: type, said: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(error, match=said) as raised:
        IsolatedDetector(f"helpers.isolated_factories:{factory}")
    assert raised.type is error
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_missing_interpreter_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(DetectorError, match="cannot start"):
        IsolatedDetector("helpers.isolated_factories:echo")


def test_errors_of_one_image_leave_the_child_alive(make) -> None:
    detector = make("failing")
    pid = detector.pid
    with pytest.raises(ImageError, match="the step is wrong") as raised:
        detector.detect([IMAGE * 0], OPTIONS)
    assert raised.value.reason == "step"
    with pytest.raises(DetectorError, match="ValueError: a bug"):
        detector.detect([IMAGE * 0 + 1], OPTIONS)
    assert len(detector.detect([IMAGE], OPTIONS)) == 1
    assert detector.pid == pid


def test_killed_during_a_call_is_reported_and_restarted(make) -> None:
    detector = make("deaf")
    pid = detector.pid
    once_asked(detector, lambda: (time.sleep(0.1), os.kill(pid, signal.SIGKILL)))
    with pytest.raises(DetectorError, match=r"SIGKILL.*next image starts it again"):
        detector.detect([IMAGE], OPTIONS)
    assert state_of(pid) is None
    detector.warmup()
    assert detector.pid not in (None, pid)


def test_one_that_never_answers_is_ended_and_started_again(make, monkeypatch) -> None:
    detector = make("deaf")
    pid = detector.pid
    monkeypatch.setattr(isolated, "PATIENCE_S", 0.3)
    with pytest.raises(DetectorError, match=r"has not answered for 0.3 s; the next image starts it again"):
        detector.detect([IMAGE], OPTIONS)
    assert state_of(pid) is None
    monkeypatch.undo()
    detector.warmup()
    assert detector.pid not in (None, pid)


def test_one_that_ends_by_itself_is_reported_each_time(make) -> None:
    detector = make("suicidal")
    for _ in range(2):
        with pytest.raises(DetectorError, match="exit code 3"):
            detector.detect([IMAGE], OPTIONS)


def test_killed_while_idle_is_restarted(make) -> None:
    detector = make("echo")
    pid = detector.pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: state_of(pid) in (None, "Z"))
    assert len(detector.detect([IMAGE], OPTIONS)) == 1
    assert state_of(pid) is None
    assert detector.pid != pid


def test_close_during_a_call_ends_both_at_once(make) -> None:
    detector = make("deaf")
    pid = detector.pid
    raised, asked = [], threading.Event()
    once_asked(detector, asked.set)

    def call() -> None:
        try:
            detector.detect([IMAGE], OPTIONS)
        except DetectorError as error:
            raised.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    assert asked.wait(20)
    time.sleep(0.1)
    started_s = time.monotonic()
    detector.close()
    thread.join(20)
    assert time.monotonic() - started_s < 20  # a child that is not ended works for minutes
    assert not thread.is_alive()
    assert state_of(pid) is None
    assert raised == ["the detector was closed while it worked"]


def test_after_close(make) -> None:
    detector = make("echo")
    detector.close()
    detector.close()
    assert detector.pid is None
    with pytest.raises(DetectorError, match="closed"):
        detector.detect([IMAGE], OPTIONS)
    with pytest.raises(DetectorError, match="closed"):
        detector.warmup()


def test_nothing_is_left_behind() -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    before, pids = count(), []
    for _ in range(2):
        detector = IsolatedDetector("helpers.isolated_factories:echo")
        detector.detect([IMAGE], OPTIONS)
        pids.append(detector.pid)
        detector.close()
    forgotten = IsolatedDetector("helpers.isolated_factories:echo")
    pids.append(forgotten.pid)
    del forgotten
    gc.collect()
    assert [state_of(pid) for pid in pids] == [None] * 3
    wait_until(lambda: count() == before)


def test_an_interrupted_call_does_not_mix_up_answers(make) -> None:
    detector = make("deaf")
    once_asked(detector, lambda: (time.sleep(0.1), os.kill(os.getpid(), signal.SIGINT)))
    with pytest.raises(KeyboardInterrupt):
        detector.detect([IMAGE], OPTIONS)
    detector.warmup()


def test_ctrl_c_does_not_end_the_child(make) -> None:
    detector = make("echo")
    pid = detector.pid
    os.kill(pid, signal.SIGINT)
    time.sleep(0.1)
    assert len(detector.detect([IMAGE], OPTIONS)) == 1
    assert detector.pid == pid


OWNER = """
import sys
import numpy as np
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors.isolated.detector import IsolatedDetector
detector = IsolatedDetector("helpers.isolated_factories:{factory}")
print(detector.pid, flush=True)
detector.warmup()
detector.detect([np.zeros((4, 6, 3), np.uint8)], DetectOptions())
print("done", flush=True)
"""


def start_owner(factory: str, folder: Path, as_file: bool = False) -> subprocess.Popen:
    """A process without a main guard that makes a detector as it is executed."""
    code = OWNER.format(factory=factory)
    (folder / "owner.py").write_text(code)
    working_folder = folder / "work"
    working_folder.mkdir()
    if as_file:  # Python puts the script's folder first on its path, and so must the child
        (working_folder / "typing.py").write_text("raise SystemExit('the working directory is on the path')")
    command = [sys.executable, "../owner.py"] if as_file else [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TEST), *sys.path])}
    return subprocess.Popen(command, cwd=working_folder, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("as_file", [False, True])
def test_it_works_without_a_main_guard_and_keeps_stdout_clean(as_file: bool, tmp_path: Path) -> None:
    owner = start_owner("echo", tmp_path, as_file)
    output, _ = owner.communicate(timeout=100)
    assert owner.returncode == 0
    assert [line for line in output.splitlines() if not line.isdecimal()] == ["done"]


def test_the_child_dies_with_a_killed_owner_even_inside_a_network(tmp_path: Path) -> None:
    owner = start_owner("deaf", tmp_path)
    pid = int(owner.stdout.readline())
    time.sleep(0.3)
    owner.kill()
    owner.communicate()
    wait_until(lambda: state_of(pid) in (None, "Z"), 20)


def test_the_child_does_not_die_with_the_thread_that_started_it() -> None:
    made = []
    thread = threading.Thread(target=lambda: made.append(IsolatedDetector("helpers.isolated_factories:echo")))
    thread.start()
    thread.join()
    time.sleep(0.2)
    pid = made[0].pid
    assert len(made[0].detect([IMAGE], OPTIONS)) == 1
    assert made[0].pid == pid
    made[0].close()


def test_other_threads_run_while_the_child_holds_its_lock(make) -> None:
    detector = make("deaf")
    asked = threading.Event()
    once_asked(detector, asked.set)

    def call() -> None:
        with pytest.raises(DetectorError):
            detector.detect([IMAGE], OPTIONS)

    thread = threading.Thread(target=call)
    thread.start()
    assert asked.wait(20)
    count, end_s = 0, time.monotonic() + 0.3
    while time.monotonic() < end_s:
        count += 1
        time.sleep(0.001)
    detector.close()
    thread.join(20)
    assert not thread.is_alive()
    assert count > 3


def test_catalogue_errors_come_through_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "face_recognition_models" / "models"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "mmod_human_face_detector.dat").write_bytes(b"rubbish")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(WeightsError, match=r"mmod_human_face_detector.dat: sha256"):
        IsolatedDetector("face_detect_ros.detectors.faces.dlib_faces:create_cnn_here")


def test_config_error_keeps_its_class() -> None:
    from face_detect_ros.core.child_process import decode_error, encode_error

    for error in (ConfigError("a"), WeightsError("b"), ImageError("step", "c"), DetectorError("d")):
        again = decode_error(encode_error(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
    assert isinstance(decode_error(encode_error(MemoryError("x"))), DetectorError)
