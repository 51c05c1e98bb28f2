# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A camera that is lost and comes back."""

from __future__ import annotations

import time

import pytest
from helpers.sources import MjpegCamera, Recorder, wait_until

from face_detect_ros.sources.capture_thread import CaptureThread
from face_detect_ros.sources.options import SourceOptions
from face_detect_ros.sources.pacing import Backoff


@pytest.fixture
def seen() -> Recorder:
    return Recorder()


def test_a_camera_that_is_not_there_is_lost_once_and_tried_again(seen: Recorder) -> None:
    thread = CaptureThread(
        SourceOptions("/dev/video97"), seen.on_image, seen.on_event, backoff=Backoff(0.01, 0.02)
    )
    assert wait_until(lambda: seen.kinds == ["lost"])
    time.sleep(0.2)  # many attempts
    assert seen.kinds == ["lost"]
    assert "/dev/video97: no such device" in seen.events[0].message
    assert thread.stop(5)


def test_waiting_for_a_lost_camera_ends_with_stop(seen: Recorder) -> None:
    thread = CaptureThread(
        SourceOptions("/dev/video97"), seen.on_image, seen.on_event, backoff=Backoff(60.0, 60.0)
    )
    assert wait_until(lambda: seen.kinds == ["lost"])
    began_s = time.monotonic()
    assert thread.stop(5)
    assert time.monotonic() - began_s < 2


def test_a_network_camera_is_lost_once_and_restored_once(seen: Recorder) -> None:
    with MjpegCamera() as camera:
        thread = CaptureThread(
            SourceOptions(camera.url, timeout_s=1.0), seen.on_image, seen.on_event, backoff=Backoff(0.05, 0.2)
        )
        assert wait_until(lambda: len(seen.images) >= 5)
        assert seen.events == []
        for outage in (1, 2):
            camera.switch_off()
            assert wait_until(
                lambda count=outage: seen.kinds == ["lost", "restored"] * (count - 1) + ["lost"]
            )
            time.sleep(0.5)  # some attempts in vain
            before = len(seen.images)
            camera.switch_on()
            assert wait_until(lambda count=outage: seen.kinds == ["lost", "restored"] * count)
            assert wait_until(lambda count=before: len(seen.images) >= count + 5)
        assert thread.stop(5)
    assert all("127.0.0.1" in event.message for event in seen.events)


def test_a_network_camera_that_starts_later_is_found(seen: Recorder) -> None:
    camera = MjpegCamera()
    camera.switch_on()
    camera.switch_off()  # now it has a port, and nobody is there
    thread = CaptureThread(
        SourceOptions(camera.url, timeout_s=1.0), seen.on_image, seen.on_event, backoff=Backoff(0.05, 0.2)
    )
    assert wait_until(lambda: seen.kinds == ["lost"])
    with camera:
        assert wait_until(lambda: seen.kinds == ["lost", "restored"] and len(seen.images) > 3)
        assert thread.stop(5)


def test_a_fast_network_camera_is_thinned_out(seen: Recorder) -> None:
    with MjpegCamera(rate_hz=50) as camera:
        thread = CaptureThread(SourceOptions(camera.url, rate_hz=5), seen.on_image, seen.on_event)
        assert wait_until(lambda: len(seen.images) >= 6, timeout_s=20)
        assert thread.stop(5)
    assert seen.times_s[5] - seen.times_s[0] >= 0.8 * 4 / 5
