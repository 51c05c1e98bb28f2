# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Clocks that jump, between processes: the camera's, and that of a simulation."""

import threading
import time

import pytest
from helpers.ros_tools import image, portrait, stamp_ns, wait_until
from rosgraph_msgs.msg import Clock
from vision_msgs.msg import Detection2DArray

NODE = "/face_detector"
SECOND = 10**9
PERIOD_S = 0.05
STALE = 30  # a delay that lasts is accepted after 3 s anyway: twice as many images


class Camera:
    """Publishes a face 20 times a second, with stamps of a clock that can be set; with /clock where it is simulated."""

    def __init__(self, probe, *, simulated):
        self.offset_s = -time.time() + 1000.0 if simulated else 0.0
        self.paused = False
        self._images = probe.publisher()
        self._clock = probe.publisher("/clock", Clock) if simulated else None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def now_ns(self):
        return round((time.time() + self.offset_s) * SECOND)

    def _run(self):
        while not self._end.wait(PERIOD_S):
            if self.paused:
                continue
            now_ns = self.now_ns()
            if self._clock is not None:
                clock = Clock()
                clock.clock.sec, clock.clock.nanosec = divmod(now_ns, SECOND)
                self._clock.publish(clock)
            self._images.publish(image(portrait(), now_ns))

    def close(self):
        self._end.set()
        self._thread.join()


@pytest.mark.parametrize(
    ("simulated", "jumps_s"),
    [(False, (0.3, -2.5, 90.0, -5000.0)), (True, (-0.3, 2.5, -90.0, 5000.0))],
    ids=["the camera's clock", "a simulation"],
)
def test_detections_follow_a_clock_that_jumps(probe, execute, simulated, jumps_s):
    parameters = {"recognize": False, "min_hits": 1, "use_sim_time": simulated}
    execute("face_detector", parameters=parameters).wait_for_output("is ready for images on")
    found = probe.collect(f"{NODE}/detections", Detection2DArray)
    camera = Camera(probe, simulated=simulated)

    def results_from(stamp):
        """Results of the clock as it is now."""
        return [
            m for m in list(found.messages) if abs(stamp_ns(m.header) - stamp) < 10 * SECOND and m.detections
        ]

    try:
        wait_until(lambda: len(results_from(camera.now_ns())) > 10, "detections")
        for jump_s in jumps_s:
            del found.messages[:]
            camera.offset_s += jump_s
            wait_until(lambda: len(results_from(camera.now_ns())) > 5, f"detections after {jump_s} s")
            ids = {m.detections[0].id for m in results_from(camera.now_ns())[-3:]}
            assert len(ids) == 1, "one face, one track"
            assert "" not in ids
        status = probe.diagnostics(NODE, lambda s: s.ok and s.count("time_jumps") > 0)
        assert status.count("stale") < STALE * len(jumps_s), "seen at once, not given up on"
        parts = ("processed", "dropped", "rejected", "over_rate", "stale")
        assert abs(status.count("received") - sum(status.count(part) for part in parts)) <= 2
        if simulated:
            camera.paused = True
            time.sleep(1.0)
            camera.paused = False
            del found.messages[:]
            wait_until(lambda: len(found) > 3, "detections after a pause of the simulation")
    finally:
        camera.close()
