# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is known of the space in front of a camera."""

from helpers.ros_tools import LATCHED, RELIABLE, faceless, wait_until
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from face_detect_ros.core.frame import Frame
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.inputs.camera import ImageInput
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.inputs.space import SpaceInput

FRAME = Frame(faceless(24, 32), stamp_ns=1)


class Surveyor(Node):
    """Knows the ground in front of its camera."""

    def __init__(self, **arguments):
        super().__init__("surveyor", **arguments)
        topics = CameraTopics(self)
        self.space = SpaceInput(
            topics,
            ImageInput(topics, ImageHub(), "raw", print),
            use_depth=False,
            slop_s=0.0,
            wait_s=0.0,
            ground_plane="1.2, 15",
            transforms=None,
            max_image_mpx=1.0,
        )
        self.space.start(lambda: True)

    def focal_length(self):
        scene = self.space.scene_of(FRAME)
        return None if scene is None else scene.camera.k[0, 0]

    def stop(self, timeout_s):
        self.space.stop()


def calibration(focal_length):
    message = CameraInfo(height=24, width=32)
    message.k = [focal_length, 0.0, 16.0, 0.0, focal_length, 12.0, 0.0, 0.0, 1.0]
    return message


def test_the_calibration_is_that_of_the_camera_that_publishes_now(probe, start):
    publisher = probe.node.create_publisher(CameraInfo, "/camera_info", LATCHED)
    publisher.publish(calibration(100.0))
    node = start(Surveyor).node
    wait_until(lambda: node.focal_length() == 100.0, "the calibration that was kept for it")
    probe.node.destroy_publisher(publisher)
    publisher = probe.node.create_publisher(CameraInfo, "/camera_info", RELIABLE)
    probe.send_until(publisher, calibration(200.0), lambda: node.focal_length() == 200.0, "the next camera's")
