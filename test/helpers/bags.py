# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Small bags that tests write, and a detector that reads from an image which one it is."""

import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from face_detect_ros.bags.images import CAMERA_INFO, COMPRESSED, IMAGE
from face_detect_ros.bags.types import header, message, serialize, standard_types
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import DetectorError
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.fleet.one_bag.job import Job, Task
from face_detect_ros.fleet.one_bag.processing import process
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.recipe import Recipe
from face_detect_ros.pipeline.stages.cover import CoverFaces
from face_detect_ros.pipeline.stages.locate import Locate
from face_detect_ros.pipeline.stages.track import Track
from face_detect_ros.tracking import catalogue as trackers
from face_detect_ros.tracking.options import TrackerOptions
from face_detect_ros.viz.anonymize import AnonymizerOptions

START_NS = 1_700_000_000_000_000_000
STEP_NS = 100_000_000
DELAY_NS = 2_000_000  # from an image's stamp to when it is recorded
CAMERA = "/camera/image_raw"
WIDTH, HEIGHT, SIDE = 160, 96, 24
FOREVER = QosTime(9223372036, 854775807)


def qos(*, latched=False, depth=10):
    return Qos(
        QosHistory.KEEP_LAST,
        depth,
        QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        FOREVER,
        FOREVER,
        QosLiveliness.AUTOMATIC,
        FOREVER,
        False,
    )


def picture(number):
    """(HEIGHT, WIDTH, 3) uint8 RGB with a white square, further right in each image."""
    image = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    left = corner(number)
    image[20 : 20 + SIDE, left : left + SIDE] = 250
    return image


def corner(number):
    """Left border of the square in image `number`, pixels."""
    return 8 + 4 * (number % 30)


def image_message(image, stamp_ns, encoding="rgb8"):
    pixels = image[..., ::-1] if encoding == "bgr8" else image
    height, width = image.shape[:2]
    return serialize(
        message(
            IMAGE,
            header=header(stamp_ns, "camera_optical_frame"),
            height=height,
            width=width,
            encoding=encoding,
            is_bigendian=0,
            step=width * image.shape[2],
            data=np.ascontiguousarray(pixels).reshape(-1),
        )
    )


def depth_message(stamp_ns, encoding="16UC1"):
    data = np.full((HEIGHT, WIDTH), 1500, "<u2").view(np.uint8).reshape(-1)
    return serialize(
        message(
            IMAGE,
            header=header(stamp_ns, "camera_optical_frame"),
            height=HEIGHT,
            width=WIDTH,
            encoding=encoding,
            is_bigendian=0,
            step=2 * WIDTH,
            data=data,
        )
    )


def camera_info_message(stamp_ns, focal_px=100.0):
    k = np.array([focal_px, 0, WIDTH / 2 - 0.5, 0, focal_px, HEIGHT / 2 - 0.5, 0, 0, 1])
    p = np.c_[k.reshape(3, 3), np.zeros(3)].reshape(-1)
    roi = message(
        "sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    return serialize(
        message(
            CAMERA_INFO,
            header=header(stamp_ns, "camera_optical_frame"),
            height=HEIGHT,
            width=WIDTH,
            distortion_model="plumb_bob",
            d=np.zeros(5),
            k=k,
            r=np.eye(3).reshape(-1),
            p=p,
            binning_x=0,
            binning_y=0,
            roi=roi,
        )
    )


def jpeg_message(image, stamp_ns, image_format="rgb8; jpeg compressed bgr8"):
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])
    return serialize(
        message(
            COMPRESSED,
            header=header(stamp_ns, "camera_optical_frame"),
            format=image_format,
            data=data.reshape(-1),
        )
    )


def text_message(text):
    return serialize(message("std_msgs/msg/String", data=text))


class BagMaker:
    """Writes a bag folder. storage: "mcap" or "sqlite3"; compression: "", "message", "file" or "storage"."""

    def __init__(self, path, storage="mcap", compression=""):
        plugin = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}[storage]
        self.writer = Writer(path, version=8, storage_plugin=plugin)
        if compression:
            self.writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
        self.connections = {}
        self.path = path

    def __enter__(self):
        self.writer.open()
        return self

    def __exit__(self, *_):
        self.writer.close()

    def write(self, topic, message_type, log_ns, data, *, latched=False, definition=None):
        if topic not in self.connections:
            known = {"typestore": standard_types()}
            if definition is not None:
                known = {"msgdef": definition, "rihs01": "RIHS01_0"}
            self.connections[topic] = self.writer.add_connection(
                topic, message_type, offered_qos_profiles=[qos(latched=latched)], **known
            )
        self.writer.write(self.connections[topic], log_ns, data)

    def image(self, number, topic=CAMERA, *, compressed=False, encoding="rgb8", stamped=True):
        stamp_ns = START_NS + number * STEP_NS
        data = (
            jpeg_message(picture(number), stamp_ns if stamped else 0)
            if compressed
            else image_message(picture(number), stamp_ns if stamped else 0, encoding)
        )
        self.write(topic, COMPRESSED if compressed else IMAGE, stamp_ns + DELAY_NS, data)


def change_statistics(path, *, each=None, total=None):
    """Change what an MCAP file says about the number of its messages: of each topic, and in total."""
    data = bytearray(path.read_bytes())
    footer = len(data) - 37
    at = struct.unpack_from("<Q", data, footer + 9)[0]
    while at < footer:
        opcode, length = struct.unpack_from("<BQ", data, at)
        at += 9
        if opcode == 0x0B:
            if total is not None:
                struct.pack_into("<Q", data, at, total)
            for number in range(struct.unpack_from("<I", data, at + 42)[0] // 10 if each is not None else 0):
                struct.pack_into("<Q", data, at + 48 + 10 * number, each)
        at += length
    struct.pack_into("<I", data, footer + 25, 0)  # no checksum
    path.write_bytes(data)


FLEET = {"monday/one": 130, "monday/two": 3, "tuesday/three": 60}
"""Bags of some robots: name -> images."""


def camera_bag(path, count=6, storage="mcap", compression="", **options):
    """A bag with `count` images of one camera, a latched text before them, and a text behind each."""
    with BagMaker(path, storage, compression) as bag:
        bag.write("/robot_description", "std_msgs/msg/String", START_NS, text_message("urdf"), latched=True)
        for number in range(count):
            bag.image(number, **options)
            log_ns = START_NS + number * STEP_NS + DELAY_NS + 1
            bag.write("/chatter", "std_msgs/msg/String", log_ns, text_message(f"text {number}"))
    return path


class SquareDetector:
    """Finds the bright square of `picture`. Fails on images that are all bright. Counts its calls."""

    labels = ("face",)
    device = "test"

    def __init__(self, delay_s=0.0):
        self.times = StageTimes(network_ms=1.0)
        self.calls = 0
        self._delay_s = delay_s

    def detect(self, images, options):
        self.calls += len(images)
        time.sleep(self._delay_s)
        return [self._find(image) for image in images]

    def _find(self, image):
        rows, columns = np.nonzero(image[..., 0] > 200)
        if len(rows) == image.shape[0] * image.shape[1]:
            raise DetectorError("the network gave nonsense")
        if not len(rows):
            return Detections.empty()
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        return Detections([box], [0.9], [0])

    def warmup(self):
        pass

    def close(self):
        pass


def pipeline_of(detector):
    options = PipelineOptions(DetectOptions(score_threshold=0.5))
    tracker = lambda: trackers.create(trackers.DEFAULT_TRACKER, TrackerOptions(min_hits=1))  # noqa: E731
    return Pipeline(detector, [Track(tracker), Locate(), CoverFaces(AnonymizerOptions(style="box"))], options)


@dataclass(frozen=True)
class SquareRecipe(Recipe):
    """Builds the pipeline of a `SquareDetector` in any process."""

    task: str = "faces"
    delay_s: float = 0.0

    def build(self):
        return pipeline_of(SquareDetector(self.delay_s))


def job_of(bag, delay_s=0.0, **options):
    return Job(Path(bag), (Task(SquareRecipe(delay_s=delay_s)),), **options)


def run(bag, out, detector=None, watcher=None, **options):
    """Process a bag with a `SquareDetector`."""
    pipelines = {"faces": pipeline_of(detector or SquareDetector())}
    return process(job_of(bag, **options), Path(out), lambda: pipelines, watcher)


if __name__ == "__main__":  # a process that a test kills
    run(sys.argv[1], sys.argv[2], SquareDetector(delay_s=float(sys.argv[3])), anonymize=bool(sys.argv[4]))


def write_depth_bag(path, count=4):
    """A bag of a camera with depth: each image, the distance of everything in it, 1.5 m, and the calibration."""
    with BagMaker(path) as bag:
        for number in range(count):
            stamp_ns = START_NS + number * STEP_NS
            bag.write("/camera/depth/image_raw", IMAGE, stamp_ns + 1_000_000, depth_message(stamp_ns))
            bag.image(number)
            bag.write("/camera/camera_info", CAMERA_INFO, stamp_ns + 3_000_000, camera_info_message(stamp_ns))
    return path
