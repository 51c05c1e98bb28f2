# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A robot for the page without ROS: a gray image with a bright square that moves, and a box around it."""

import contextlib
import threading
import time
from concurrent.futures import Future

import numpy as np

from face_detect_ros.core.errors import GalleryError
from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.web.options import ServerOptions
from face_detect_ros.web.scene import Box, Scene
from face_detect_ros.web.server import PageServer

HEIGHT, WIDTH, SIDE = 240, 320, 60
STATUS = {
    "name": "face_detector: detections",
    "level": 1,
    "message": "no image on /image_raw for 3 s: nobody publishes it. Start the camera",
    "values": {"model": "centerface", "device": "cpu", "input_hz": "10.0", "output_hz": "9.5",
               "latency_p50_ms": "40.1", "network_p50_ms": "30.2", "received": "100", "dropped": "5"},
}  # fmt: skip
PARAMETERS = [
    {"name": "score_threshold", "type": "float", "value": 0.5, "description": "Lowest score published.",
     "at_configure": False, "read_only": False, "range": [0.0, 1.0], "choices": []},
    {"name": "engine", "type": "string", "value": "auto", "description": "What computes the network.",
     "at_configure": True, "read_only": False, "range": None, "choices": ["auto", "torch"]},
    {"name": "privacy", "type": "bool", "value": False, "description": "Publish no face.",
     "at_configure": False, "read_only": True, "range": None, "choices": []},
    {"name": "max_detections", "type": "int", "value": 100, "description": "Most detections of one image.",
     "at_configure": False, "read_only": False, "range": [1, 10000], "choices": []},
    {"name": "classes", "type": "string", "value": "", "description": "Classes published.",
     "at_configure": False, "read_only": False, "range": None, "choices": []},
]  # fmt: skip


class WebRobot:
    """Implements `face_detect_ros.web.robot.Robot`.

    Attributes:
        done: The actions so far, with their arguments.
        watched: What somebody looks at.
    """

    def __init__(self, cameras=("",)):
        self.scene = Scene()
        self.done = []
        self.watched = frozenset()
        self.people = {"Ada": 3}
        self.cameras = {camera: ["camera", "anonymized"] for camera in cameras}
        self.number = 0
        self.report()

    def report(self):
        self.scene.set_report(
            {
                "cameras": self.cameras,
                "nodes": [STATUS],
                "privacy": False,
                "people_revision": str(self.people),
            }
        )

    def watch(self, views):
        self.watched = views

    def views(self):
        return self.cameras

    def do(self, action, arguments):
        self.done.append((action, arguments))
        future = Future()
        try:
            future.set_result(getattr(self, f"_{action}", lambda **_: None)(**arguments))
        except GalleryError as error:
            future.set_exception(error)
        self.report()
        return future

    def add_photo(self, name, file_name, data):
        future = Future()
        good = data.startswith(b"\xff\xd8")
        self.people.update({name: 1} if good else {})
        future.set_result(
            {"enrolled": True, "new": True} if good else {"enrolled": False, "message": "not an image"}
        )
        self.report()
        return future

    def _people(self):
        since = "2026-01-02T03:04:05+00:00"
        return [
            {"name": name, "looks": looks, "since": since, "dates": [since] * looks}
            for name, looks in self.people.items()
        ]

    def _enroll(self, name):
        if name == "unknown":
            raise GalleryError("name 'unknown' stands for people who are not in the gallery; choose another")
        self.people[name] = 3
        return f"{name} is enrolled; new looks: 3"

    def _forget(self, name):
        del self.people[name]
        return f"{name}: erased, with 3 looks"

    def _rename(self, name, new_name):
        self.people[new_name] = self.people.pop(name)
        return f"{name} is now {new_name}"

    def _select(self, camera, detector, track, x, y, stamp_ns):
        self.scene.set_selected(camera, f"{detector} {track}")

    def _unselect(self, camera):
        self.scene.set_selected(camera, "")

    def _parameters(self):
        return [{"node": "face_detector", "parameters": PARAMETERS}]

    # images

    def show(self, camera="", detections=True, view="camera"):
        """One more image with its detections."""
        self.number += 1
        stamp_ns = time.time_ns()
        x, y = self.place()
        image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        image[y : y + SIDE, x : x + SIDE] = (240, 200, 160)
        self.scene.add_image(camera, view, LazyFrame(stamp_ns, "camera", lambda: image))
        if detections:
            box = Box((x, y, x + SIDE, y + SIDE), "face", 0.9, "7", distance_m=1.5)
            self.scene.add_detections(camera, "face_detector", stamp_ns, [box])
            other = Box((5.0, 180.0, 65.0, 235.0), "dog", 0.6, "8")
            self.scene.add_detections(camera, "object_detector", stamp_ns, [other])
        return stamp_ns

    def place(self):
        """x, y of the square's corner."""
        return 20 + self.number * 3 % 200, 60

    @contextlib.contextmanager
    def moving(self, rate_hz=10.0):
        """Images come while the block is worked on."""
        end = threading.Event()

        def run():
            while not end.wait(1 / rate_hz):
                for camera in self.cameras:
                    self.show(camera)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            end.set()
            thread.join()


@contextlib.contextmanager
def served(robot, **options):
    """The address of a page that shows `robot`."""
    server = PageServer(robot, ServerOptions(**options))
    try:
        yield server.url
    finally:
        server.close()
