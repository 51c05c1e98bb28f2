# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A depth camera on the ROS network that sees skimage's astronaut 1.2 m away, before a room."""

import functools
import struct
import threading
import time

import cv2
import numpy as np
import pytest
from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection3DArray

from helpers.ros_tools import RELIABLE, astronaut, image

SECOND = 10**9
FOCAL = 400.0
# the face of the astronaut, and where it is with this camera
FACE = (slice(70, 170), slice(180, 270))
FACE_M, ROOM_M = 1.2, 3.0


def depths() -> np.ndarray:
    """(512, 512) meters: the face before a room, with holes."""
    depth = np.full((512, 512), ROOM_M)
    depth[40:, 120:330] = FACE_M
    depth[::7, ::5] = 0
    return depth


def message_16(depth, **header) -> Image:
    return depth_image((depth * 1e3).astype("<u2"), "16UC1", **header)


def message_32(depth, **header) -> Image:
    return depth_image(np.where(depth == 0, np.nan, depth).astype("<f4"), "32FC1", **header)


def depth_image(values, encoding, stamp=0, frame_id="camera") -> Image:
    message = Image(header=make_header(stamp, frame_id), height=values.shape[0], width=values.shape[1])
    message.encoding, message.step, message.data = encoding, values.strides[0], values.tobytes()
    return message


def compressed_16(depth, stamp=0, frame_id="camera") -> CompressedImage:
    body = cv2.imencode(".png", (depth * 1e3).astype(np.uint16))[1].tobytes()
    message = CompressedImage(header=make_header(stamp, frame_id), format="16UC1; compressedDepth png")
    message.data = struct.pack("<iff", 0, 0, 0) + body
    return message


def damaged(depth, **header) -> Image:
    message = message_16(depth, **header)
    message.step = 3
    return message


def disparity(depth, stamp=0, frame_id="camera"):
    stereo = pytest.importorskip("stereo_msgs.msg", reason="stereo_msgs is not installed")
    with np.errstate(divide="ignore"):
        values = np.where(depth == 0, -1, FOCAL * 0.1 / depth).astype("<f4")
    message = stereo.DisparityImage(header=make_header(stamp, frame_id), f=FOCAL, t=0.1)
    message.min_disparity, message.max_disparity = 1.0, 200.0
    message.image = depth_image(values, "32FC1", stamp, frame_id)
    return message


def make_header(stamp, frame_id) -> Header:
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(stamp, SECOND)
    return header


def info(width=512, height=512, stamp=0, focal=FOCAL) -> CameraInfo:
    middle_x, middle_y = width / 2 - 0.5, height / 2 - 0.5
    return CameraInfo(
        header=make_header(stamp, "camera"),
        width=width,
        height=height,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=[focal, 0.0, middle_x, 0.0, focal, middle_y, 0.0, 0.0, 1.0],
    )


class DepthCamera:
    """Publishes images with their depth, 20 a second, until it is stopped."""

    def __init__(
        self,
        probe,
        make_depth=message_16,
        *,
        topic="/depth/image_raw",
        camera_info=True,
        depth_info=False,
        scale=1.0,
        depth_offset_s=0.0,
        lag_s=0.0,
        frame_id="camera",
        qos=RELIABLE,
        photo=None,
    ):
        self.probe = probe
        self.photo = astronaut() if photo is None else photo
        depth = depths()
        if scale != 1.0:
            size = round(depth.shape[1] * scale), round(depth.shape[0] * scale)
            depth = cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)
        self._make_depth = functools.partial(make_depth, depth, frame_id=frame_id)
        node = probe.node
        self._images = node.create_publisher(Image, "/image_raw", qos)
        self._depths = node.create_publisher(type(self._make_depth(stamp=1)), topic, qos)
        self._info = node.create_publisher(CameraInfo, "/camera_info", qos) if camera_info else None
        self._depth_info = (
            node.create_publisher(CameraInfo, "/depth/camera_info", qos) if depth_info else None
        )
        self._scale, self._offset_ns, self._lag_s = scale, round(depth_offset_s * SECOND), lag_s
        self.stamps = []
        self.depth_lost = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(10)

    def _run(self):
        while not self._end.wait(0.05):
            stamp = time.time_ns()
            self.stamps.append(stamp)
            if self._info is not None:
                self._info.publish(info(stamp=stamp))
            if self._depth_info is not None:
                side = round(512 * self._scale)
                self._depth_info.publish(info(side, side, stamp, FOCAL * self._scale))
            self._images.publish(image(self.photo, stamp_ns=stamp))
            time.sleep(self._lag_s)
            if self.depth_lost:
                continue
            self._depths.publish(self._make_depth(stamp=stamp + self._offset_ns))


def is_face_in_space(message: Detection3DArray) -> bool:
    return len(message.detections) > 0


def base_from_camera() -> TransformStamped:
    """The camera is 0.5 m above base_link and looks forward."""
    transform = TransformStamped()
    transform.transform.translation.z = 0.5
    turn = transform.transform.rotation
    turn.x, turn.y, turn.z, turn.w = -0.5, 0.5, -0.5, 0.5
    return transform
