# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detectors for test_detector.py, made inside the child process (its import path is that of the tests)."""

import ctypes
import os

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ImageError, WeightsError
from face_detect_ros.core.protocols import StageTimes


class Echo:
    """Gives each image's height, width, sum and own process id back as a box."""

    labels = ("echo",)
    times = StageTimes(1.0, 2.0, 3.0)

    def __init__(self, device: str) -> None:
        self.device = device

    def detect(self, images, options):
        found = []
        for image in images:
            box = (image.shape[0], image.shape[1], int(image.sum() % 1_000_000), os.getpid() % 1_000_000)
            found.append(Detections([box], [options.score_threshold], [0]))
        return found

    def warmup(self) -> None:
        print("a library that prints")

    def close(self) -> None:
        pass


class Deaf(Echo):
    """Never answers, and holds Python's lock all the while as dlib's CNN does."""

    def detect(self, images, options):
        ctypes.PyDLL(None).sleep(600)


class Failing(Echo):
    def detect(self, images, options):
        value = int(images[0][0, 0, 0])
        if value == 0:
            raise ImageError("step", "the step is wrong")
        if value == 1:
            raise ValueError("a bug")
        return super().detect(images, options)


class Suicidal(Echo):
    def detect(self, images, options):
        os._exit(3)


def echo(device: str) -> Echo:
    return Echo(device)


def deaf(device: str) -> Deaf:
    return Deaf(device)


def failing(device: str) -> Failing:
    return Failing(device)


def suicidal(device: str) -> Suicidal:
    return Suicidal(device)


def broken_weights(device: str) -> Echo:
    raise WeightsError("model.dat: damaged; fetch it again")


def bug(device: str) -> Echo:
    return Echo(np.zeros(3)[5])


def dies_at_start(device: str) -> Echo:
    os._exit(7)
