# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Frames: checked on construction; lazy ones decoded once, whoever asks."""

from __future__ import annotations

import gc
import threading
import time
import traceback
import weakref

import numpy as np
import pytest

from face_detect_ros.core.errors import ImageError, PerceptionError
from face_detect_ros.core.frame import Frame, LazyFrame

IMAGE = np.zeros((3, 5, 3), np.uint8)


def test_a_frame_knows_its_size() -> None:
    frame = Frame(IMAGE, 7, "camera")
    assert (frame.width, frame.height, frame.stamp_ns, frame.frame_id) == (5, 3, 7, "camera")


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ([[1]], "type"),
        (np.zeros((3, 5), np.uint8), "shape"),
        (np.zeros((3, 5, 4), np.uint8), "shape"),
        (np.zeros((3, 5, 3), np.uint16), "dtype"),
        (np.zeros((0, 5, 3), np.uint8), "empty"),
        (np.zeros((3, 0, 3), np.uint8), "empty"),
    ],
    ids=["list", "gray", "RGBA", "16 bits", "no rows", "no columns"],
)
def test_other_images_are_refused_with_a_reason(image: object, reason: str) -> None:
    with pytest.raises(ImageError) as caught:
        Frame(image)
    assert caught.value.reason == reason
    assert isinstance(caught.value, PerceptionError)


def test_one_pixel_is_an_image() -> None:
    assert Frame(np.zeros((1, 1, 3), np.uint8)).width == 1


def test_a_lazy_frame_is_not_decoded_before_it_is_asked_for() -> None:
    before_s = time.monotonic()
    lazy = LazyFrame(1, "camera", pytest.fail)
    assert before_s <= lazy.arrival_s <= time.monotonic()


def test_a_lazy_frame_is_decoded_once_for_all_threads() -> None:
    calls = []
    everyone = threading.Barrier(8)

    def decode() -> np.ndarray:
        calls.append(threading.get_ident())
        time.sleep(0.05)  # long enough for the others to come
        return IMAGE.copy()

    lazy = LazyFrame(42, "camera", decode)
    frames: list[Frame] = []

    def ask() -> None:
        everyone.wait()
        frames.append(lazy.frame())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len(frames) == 8
    assert all(frame is frames[0] for frame in frames)
    assert (frames[0].stamp_ns, frames[0].frame_id) == (42, "camera")


@pytest.mark.parametrize("bad", ["raises", "wrong shape"])
def test_an_image_that_cannot_be_decoded_fails_alike_every_time(bad: str) -> None:
    calls = []

    def decode() -> np.ndarray:
        calls.append(1)
        if bad == "raises":
            raise ImageError("data", "too short")
        return np.zeros((2, 2), np.uint8)

    lazy = LazyFrame(0, "", decode)
    errors = []
    for _ in range(5):
        with pytest.raises(ImageError) as caught:
            lazy.frame()
        errors.append(caught.value)
    assert len(calls) == 1
    assert all(error is errors[0] for error in errors)
    # a traceback that grew with every call would keep each caller's variables alive
    assert len(traceback.extract_tb(errors[0].__traceback__)) <= 2


def test_other_errors_of_decode_come_through() -> None:
    def decode() -> np.ndarray:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        LazyFrame(0, "", decode).frame()


def test_a_dropped_lazy_frame_frees_its_pixels() -> None:
    image = IMAGE.copy()
    pixels = weakref.ref(image)
    lazy = LazyFrame(0, "", lambda image=image: image)
    lazy.frame()
    del lazy, image
    gc.collect()
    assert pixels() is None
