# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detectors whose behavior a test chooses, and their entries in the catalogue."""

import threading

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import DetectorError, WeightsError
from face_detect_ros.core.protocols import StageTimes


class ScriptedDetector:
    """Finds one box in each image, after `delay_s`, and fails where the image's first pixel says so."""

    BROKEN, BUG, HANGS = 1, 2, 3

    def __init__(self, delay_s=0.0):
        self.labels = ("face",)
        self.device = "test"
        self.times = StageTimes(network_ms=delay_s * 1e3)
        self.delay_s = delay_s
        self.closed = threading.Event()

    def detect(self, images, options):
        self.closed.wait(self.delay_s)
        codes = [int(image[0, 0, 0]) for image in images]
        if self.BROKEN in codes:
            raise DetectorError("the network gave nonsense")
        if self.BUG in codes:
            raise ZeroDivisionError("a bug")
        if self.HANGS in codes:
            self.closed.wait()
            raise DetectorError("closed")
        return [Detections([[1, 2, 5, 9]], [0.75], [0]) for _ in images]

    def warmup(self):
        pass

    def close(self):
        self.closed.set()


def create_quick(device):
    return ScriptedDetector()


def create_slow(device):
    return ScriptedDetector(delay_s=0.1)


def create_without_weights(device):
    raise WeightsError("model.dat is damaged; install it again")


class ScriptedPersons(ScriptedDetector):
    """As `ScriptedDetector`, of persons."""

    def __init__(self):
        super().__init__()
        self.labels = ("person",)


def create_persons(device, **options):
    return ScriptedPersons()


def create_quick_and_blind(device):
    """Finds a face whatever the image's first pixel says."""
    detector = ScriptedDetector()
    detector.BROKEN = detector.BUG = detector.HANGS = -1
    return detector


def create_with_a_bug(device):
    raise ZeroDivisionError("a bug in the factory")


def picture(code=0, height=24, width=32):
    """(height, width, 3) uint8 whose first pixel tells `ScriptedDetector` what to do."""
    array = np.full((height, width, 3), 50, np.uint8)
    array[0, 0, 0] = code
    return array
