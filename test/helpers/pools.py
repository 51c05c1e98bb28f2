# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A pool of workers without processes."""

from face_detect_ros.fleet.desk import Desk
from face_detect_ros.fleet.pool import Worker, bags_at_hand, forget_bag
from face_detect_ros.fleet.steps import take
from helpers.bags import SquareDetector, pipeline_of


class Here:
    """A pool without processes, in which a test decides what happens to a step."""

    def __init__(self, detector=None, before=lambda step: None):
        self.size = 1
        self.images = 0
        self._worker = Worker()
        self.steps = []
        self.before = before
        self.detector = detector or SquareDetector()
        self._desk = Desk()
        self._found = []

    @property
    def idle(self):
        return 1 - len(self._found)

    def submit(self, step):
        self.steps.append((step.kind, step.name, step.piece))
        outcome = self.before(step)
        step = self._worker.give(step)
        self._found.append(
            outcome or take(step, lambda: {"faces": pipeline_of(self.detector)}, desk=self._desk)
        )

    @property
    def bags_at_hand(self):
        return bags_at_hand([self._worker])

    def forget(self, bag):
        forget_bag([self._worker], bag)

    def wait(self, timeout_s):
        self._worker.step = None
        found, self._found = self._found, []
        return found

    def close(self):
        self._desk.close()
