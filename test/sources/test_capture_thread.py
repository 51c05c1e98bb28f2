# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The capture thread: pacing, events, stopping."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.sources import Recorder, level, quarters, wait_until, write, write_video

from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.sources.base import Capture
from face_detect_ros.sources.capture_thread import CaptureThread
from face_detect_ros.sources.options import SourceOptions
from face_detect_ros.sources.pacing import Backoff


@pytest.fixture
def seen() -> Recorder:
    return Recorder()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return write(tmp_path / "one.png", quarters())


def test_a_still_comes_at_its_rate(picture: Path, seen: Recorder) -> None:
    thread = CaptureThread(SourceOptions(str(picture), rate_hz=50), seen.on_image, seen.on_event)
    assert wait_until(lambda: len(seen.images) >= 25)
    assert thread.stop(5)
    assert seen.times_s == sorted(seen.times_s)
    # a busy machine may be late, but nothing may come early or in bursts
    assert seen.times_s[24] - seen.times_s[0] >= 0.9 * 23 / 50
    assert seen.events == []


def test_two_sources_side_by_side(tmp_path: Path) -> None:
    one, two = Recorder(), Recorder()
    threads = []
    for seen, value in ((one, 10), (two, 200)):
        path = write(tmp_path / f"{value}.png", level(value))
        threads.append(CaptureThread(SourceOptions(str(path), rate_hz=100), seen.on_image, seen.on_event))
    assert wait_until(lambda: len(one.images) > 5 and len(two.images) > 5)
    assert all(thread.stop(5) for thread in threads)
    assert {int(image[0, 0, 0]) for image in one.images} == {10}
    assert {int(image[0, 0, 0]) for image in two.images} == {200}


def test_a_slow_receiver_gets_no_burst(picture: Path, seen: Recorder) -> None:
    def on_image(image: np.ndarray, captured_s: float) -> None:
        seen.on_image(image, captured_s)
        if len(seen.images) == 3:
            time.sleep(0.3)

    thread = CaptureThread(SourceOptions(str(picture), rate_hz=100), on_image, seen.on_event)
    assert wait_until(lambda: len(seen.images) >= 13)
    assert thread.stop(5)
    # thirty were missed; the next ten still take at least most of their time
    assert seen.times_s[12] - seen.times_s[3] >= 0.9 * 8 / 100


@pytest.mark.parametrize("kind", ["video", "folder", "picture"])
def test_the_end_without_loop_is_told_once(tmp_path: Path, seen: Recorder, kind: str) -> None:
    if kind == "video":
        source, count = write_video(tmp_path / "clip.avi", [10, 20, 30]), 3
    else:
        write(tmp_path / "a.png", quarters())
        source, count = tmp_path / "a.png", 1
        if kind == "folder":
            write(tmp_path / "b.png", quarters())
            source, count = tmp_path, 2
    thread = CaptureThread(SourceOptions(str(source), rate_hz=200, loop=False), seen.on_image, seen.on_event)
    assert wait_until(lambda: seen.kinds == ["finished"])
    assert str(source) in seen.events[0].message
    assert len(seen.images) == count
    assert thread.stop(5)


def test_a_file_that_cannot_be_opened_fails_with_the_reason(tmp_path: Path, seen: Recorder) -> None:
    missing = tmp_path / "missing.mp4"
    thread = CaptureThread(SourceOptions(str(missing)), seen.on_image, seen.on_event)
    assert wait_until(lambda: seen.kinds == ["failed"])
    assert "missing.mp4: no such file" in seen.events[0].message
    assert thread.stop(5)
    assert seen.images == []


def test_a_screen_without_a_display_fails_instead_of_trying_for_ever(
    seen: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    thread = CaptureThread(SourceOptions("screen"), seen.on_image, seen.on_event)
    assert wait_until(lambda: seen.kinds == ["failed"])
    assert "DISPLAY" in seen.events[0].message
    assert thread.stop(5)


def test_a_broken_image_in_a_folder_is_a_warning(tmp_path: Path, seen: Recorder) -> None:
    write(tmp_path / "a.png", quarters())
    (tmp_path / "b.png").write_bytes(b"broken")
    thread = CaptureThread(SourceOptions(str(tmp_path), rate_hz=200), seen.on_image, seen.on_event)
    assert wait_until(lambda: len(seen.images) > 5)
    assert thread.stop(5)
    assert seen.kinds == ["warning"]
    assert "b.png" in seen.events[0].message


class Scripted:
    """A source that does what the test says, for what no real one does on demand."""

    def __init__(self, read, live: bool = True) -> None:
        self.read = read
        self.live = live
        self.description = "scripted"
        self.rate_hz: float | None = None
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def image_now() -> Capture:
    time.sleep(0.001)
    return Capture(level(1), time.monotonic())


def test_a_blocked_read_is_abandoned_and_the_source_closed_later(seen: Recorder) -> None:
    blocked, go_on = threading.Event(), threading.Event()

    def read() -> Capture:
        blocked.set()
        go_on.wait(20)
        return image_now()

    source = Scripted(read)
    thread = CaptureThread(
        SourceOptions("0"), seen.on_image, seen.on_event, open_source=lambda options, warn: source
    )
    assert blocked.wait(5)
    began_s = time.monotonic()
    assert not thread.stop(0.05)
    assert time.monotonic() - began_s < 2
    assert source.closed == 0
    go_on.set()
    assert thread.stop(5)
    assert source.closed == 1
    # what the read brought after the stop is nobody's any more
    assert seen.images == []
    assert seen.events == []


@pytest.mark.parametrize("live", [True, False], ids=["live", "file"])
def test_an_exception_of_the_receiver_is_told_once_and_images_go_on(seen: Recorder, live: bool) -> None:
    def on_image(image: np.ndarray, captured_s: float) -> None:
        seen.on_image(image, captured_s)
        number = len(seen.images)
        if number <= 5 or number == 8:
            raise ValueError("no room")
        if number == 9:
            raise KeyError("other")

    source = Scripted(image_now, live=live)
    thread = CaptureThread(
        SourceOptions("0"), on_image, seen.on_event, open_source=lambda options, warn: source
    )
    assert wait_until(lambda: len(seen.images) > 12)
    assert thread.stop(5)
    assert seen.kinds == ["warning"] * 3
    assert [event.message.split(": ", 2)[2] for event in seen.events] == [
        "ValueError: no room",
        "ValueError: no room",
        "KeyError: 'other'",
    ]
    assert source.closed == 1


def test_a_live_source_that_ends_is_lost_and_opened_again(seen: Recorder) -> None:
    opened: list[Scripted] = []

    def open_one(options: SourceOptions, warn: object) -> Scripted:
        pictures: Iterator[Capture | None] = iter([image_now(), image_now(), None])
        opened.append(Scripted(lambda: next(pictures)))
        return opened[-1]

    thread = CaptureThread(
        SourceOptions("0"), seen.on_image, seen.on_event, open_source=open_one, backoff=Backoff(0.005, 0.005)
    )
    assert wait_until(lambda: len(opened) >= 3)
    assert thread.stop(5)
    assert seen.kinds[:4] == ["lost", "restored", "lost", "restored"]
    assert all(source.closed == 1 for source in opened)


def test_a_live_source_that_cannot_work_at_all_fails(seen: Recorder) -> None:
    def read() -> Capture:
        raise ConfigError("no ffmpeg")

    source = Scripted(read)
    thread = CaptureThread(
        SourceOptions("screen"), seen.on_image, seen.on_event, open_source=lambda options, warn: source
    )
    assert wait_until(lambda: seen.kinds == ["failed"])
    assert thread.stop(5)
    assert source.closed == 1


def test_a_file_that_breaks_amid_reading_fails(seen: Recorder) -> None:
    def read() -> Capture:
        raise SourceError("damaged")

    thread = CaptureThread(
        SourceOptions("x.mp4"),
        seen.on_image,
        seen.on_event,
        open_source=lambda options, warn: Scripted(read, live=False),
    )
    assert wait_until(lambda: seen.kinds == ["failed"])
    assert seen.events[0].message == "damaged"
    assert thread.stop(5)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_a_source_is_told_and_not_hidden(seen: Recorder) -> None:
    def read() -> Capture:
        raise ZeroDivisionError("a bug")

    source = Scripted(read)
    thread = CaptureThread(
        SourceOptions("0"), seen.on_image, seen.on_event, open_source=lambda options, warn: source
    )
    assert wait_until(lambda: seen.kinds == ["failed"])
    assert "ZeroDivisionError: a bug" in seen.events[0].message
    assert thread.stop(5)
    assert source.closed == 1


def test_the_receiver_may_stop_the_thread(picture: Path, seen: Recorder) -> None:
    answers: list[bool] = []
    ready = threading.Event()

    def on_image(image: np.ndarray, captured_s: float) -> None:
        ready.wait(5)
        answers.append(thread.stop(5))

    thread = CaptureThread(SourceOptions(str(picture), rate_hz=100), on_image, seen.on_event)
    ready.set()
    assert wait_until(lambda: answers == [False])  # it is still inside its own call
    assert thread.stop(5)
    assert answers == [False]


def test_stopping_twice_is_fine(picture: Path, seen: Recorder) -> None:
    thread = CaptureThread(SourceOptions(str(picture)), seen.on_image, seen.on_event)
    assert thread.stop(5)
    assert thread.stop(5)
