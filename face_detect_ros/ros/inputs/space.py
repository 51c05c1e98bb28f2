# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Inputs for positions: depth images, camera calibrations and the ground plane."""

from __future__ import annotations

import math
import posixpath
import re
import time
from collections.abc import Callable
from typing import Any

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from face_detect_ros.core.errors import ConfigError, ImageError
from face_detect_ros.core.frame import Frame, LazyFrame
from face_detect_ros.depth.calibration import Calibration
from face_detect_ros.depth.ground import GroundPlane, parse_ground_plane
from face_detect_ros.depth.pairing import Pairing
from face_detect_ros.depth.scene import Scene
from face_detect_ros.depth.surface import FARTHEST_M, NEAREST_M
from face_detect_ros.ros import qos
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.inputs.camera import SILENCE_S, ImageInput, camera_info_topic, remapped
from face_detect_ros.ros.inputs.following import follow
from face_detect_ros.ros.inputs.subscription import MatchingSubscription
from face_detect_ros.ros.messages.camera_info import calibration
from face_detect_ros.ros.messages.depth import LazyDepth, lazy_depth
from face_detect_ros.ros.transforms import Transforms

try:
    from stereo_msgs.msg import DisparityImage
except ImportError:
    DisparityImage = None

TOPIC = "depth/image_raw"
COMPRESSED = "compressedDepth"
_NUMBERS = "0123456789.+-"  # a number starts with one of these, a frame does not
_FEWEST = 10  # consecutive images without depth that are worth a warning


class SpaceInput:
    """Depth and calibration of one camera, subscribed only while positions are needed.

    Depth comes from the relative topic `depth/image_raw` if it is published: sensor_msgs/Image or
    stereo_msgs/DisparityImage, or sensor_msgs/CompressedImage on `depth/image_raw/compressedDepth`. It must be
    registered to the image. Calibrations come from the `camera_info` beside the image and beside the depth.

    Args:
        topics: Of the camera.
        images: Image input of the same camera.
        use_depth: Whether to use depth.
        slop_s: Largest difference between the stamps of an image and its depth.
        wait_s: How long to wait for depth after an image has arrived.
        ground_plane: See `parse_ground_plane`, or a frame whose x-y plane is the ground; may be empty.
        transforms: Required for such a frame.
        max_image_mpx: Larger depth images are refused, in megapixels.

    Raises:
        ConfigError: `ground_plane` cannot be used.
    """

    def __init__(
        self,
        topics: CameraTopics,
        images: ImageInput,
        *,
        use_depth: bool,
        slop_s: float,
        wait_s: float,
        ground_plane: str,
        transforms: Transforms | None,
        max_image_mpx: float,
    ) -> None:
        self._node = topics.node
        self._images = images
        self._use_depth = use_depth
        self._slop_s = slop_s
        self._wait_s = wait_s
        self._max_image_mpx = max_image_mpx
        self._transforms = transforms
        self._ground, self._ground_frame = ground_of(ground_plane)
        self.topic = self._node.resolve_topic_name(topics.name(TOPIC))
        """Where raw depth would be."""
        self._compressed_topic = (
            remapped(self._node, topics.name(f"{TOPIC}/{COMPRESSED}")) or f"{self.topic}/{COMPRESSED}"
        )
        self._depth_info_topic = remapped(self._node, topics.name("depth/camera_info")) or camera_info_topic(
            self.topic
        )
        self._pairing: Pairing[LazyDepth] = Pairing(slop_s, wait_s)
        self._depth: MatchingSubscription | None = None
        self._depth_source: tuple[str, type] | None = None
        self._info = _LatestInfo(self._node)
        self._depth_info = _LatestInfo(self._node)
        self._end_following: Callable[[], None] | None = None
        self._needed: Callable[[], bool] = lambda: False
        self._missed = self._unusable = 0
        self._typical_m = math.nan
        self._wrong = ""
        self._wrong_type = ""
        self._told = ""
        self._subscribed_s = 0.0

    @property
    def useful(self) -> bool:
        """Whether positions can be computed at all."""
        return self._depth is not None or self._ground is not None or bool(self._ground_frame)

    def start(self, needed: Callable[[], bool]) -> None:
        """Look for depth from now on, and subscribe to it while `needed()`."""
        self._needed = needed
        self._missed = self._unusable = 0
        self._wrong = self._told = ""
        self._pairing.open()
        self._follow()
        if self._end_following is None:
            self._end_following = follow(self._node, self._follow)

    def stop(self) -> None:
        """Drop all subscriptions."""
        self._pairing.close()
        if self._end_following is not None:
            self._end_following()
            self._end_following = None
        self._unsubscribe()

    def expect(self, image: LazyFrame) -> None:
        """Keep the depth of an image that has arrived."""
        if self._depth is not None:
            self._pairing.expect(image)

    def scene_of(self, frame: Frame) -> Scene | None:
        """Camera, depth and ground at the time of an image; waits briefly for depth that is on its way.

        Returns:
            None if they are unknown; `problem` says why.
        """
        if not self.useful:
            return None
        if frame.stamp_ns <= 0:
            self._wrong = "images have no stamps: they cannot be matched with depth"
            return None
        try:
            depth = self._depth_of(frame)
            ground = self._ground_of(frame)
            if depth is None and ground is None:
                return None
            scene = Scene.of(
                frame.width,
                frame.height,
                self._info.calibration,
                None if depth is None else depth.image(),
                self._depth_info.calibration,
                ground=ground,
                rectified=self._images.rectified,
                depth_rectified=self._depth_rectified,
            )
        except ImageError as error:
            self._wrong = f"depth of {self.topic} cannot be read: {error}"
        except ConfigError as error:
            self._wrong = f"positions are unknown: {error} ({self._info.topic}, {self._depth_info.topic})"
        else:
            self._wrong = ""
            if depth is not None:
                self._typical_m = depth.image().typical_m()
                usable = NEAREST_M <= self._typical_m <= FARTHEST_M
                self._unusable = 0 if usable else self._unusable + 1
            return scene
        return None

    @property
    def problem(self) -> str:
        """Why positions are unknown; empty if all is well or nobody needs them."""
        if self._wrong or (self._depth is None and self._ground is None and not self._ground_frame):
            return self._wrong or self._wrong_type
        if self._depth is not None and self._pairing.silent_s(self._subscribed_s) > SILENCE_S:
            return f"no depth on {self.topic} for {SILENCE_S:g} s, although it is published"
        if self._unusable >= _FEWEST:
            return (
                f"depth of {self.topic} holds no distances"
                if math.isnan(self._typical_m)
                else f"depth of {self.topic} cannot be right: its median is {self._typical_m:.3g} m. 16UC1 "
                "must be in millimeters, 32FC1 in meters"
            )
        if self._missed < _FEWEST:
            return ""
        off_s = self._pairing.off_s()
        off = "" if off_s is None else f"the newest depth image is {off_s:+.3f} s off the newest image; "
        return (
            f"depth arrives on {self.topic}, but none within {self._slop_s:g} s of the image; {off}do both have "
            "stamps of one clock? Does depth come late? See depth_slop_s and depth_wait_s"
        )

    def watch(self) -> None:
        """Log each new kind of problem once; what follows the first colon or semicolon may change."""
        text = self.problem
        if text and re.split("[:;]", text)[0] != re.split("[:;]", self._told)[0]:
            self._node.get_logger().warning(text)
        self._told = text

    def values(self) -> dict[str, str]:
        """Figures for diagnostics."""
        if not self._use_depth or self._depth_source is None:
            return {}
        return {
            "depth_topic": self._depth_source[0],
            "depth_received": str(self._pairing.received),
            "depth_used": str(self._pairing.paired),
            "depth_missing": str(self._pairing.unpaired),
        }

    # how it is done

    def _depth_of(self, frame: Frame) -> LazyDepth | None:
        if self._depth is None:
            return None
        found = self._pairing.get(frame)
        self._missed = 0 if found is not None or not self._pairing.alive else self._missed + 1
        if found is not None and found.frame_id and frame.frame_id and found.frame_id != frame.frame_id:
            raise ConfigError(
                f"depth is in frame {found.frame_id!r}, images are in {frame.frame_id!r}; publish depth that is "
                "registered to the image, such as realsense2_camera's align_depth or depth_image_proc's register node"
            )
        return found

    def _ground_of(self, frame: Frame) -> GroundPlane | None:
        if not self._ground_frame or self._transforms is None:
            return self._ground
        until_s = (frame.arrival_s or 0.0) + self._wait_s
        found = self._transforms.lookup(self._ground_frame, frame.frame_id, frame.stamp_ns, until_s)
        if found is None:
            raise ConfigError(self._transforms.problem)
        return GroundPlane.of_transform(found.rotation, found.translation)

    def _follow(self) -> None:
        """Subscribe to published depth while it is needed."""
        if not self._node.context.ok():
            return
        needed = self._needed()
        source = self._published() if needed and self._use_depth else None
        if source != self._depth_source:
            self._subscribe(source)
        needs_info = needed and (source is not None or self._ground is not None or bool(self._ground_frame))
        self._info.follow(self._images.camera_info_topic if needs_info else "")
        self._depth_info.follow(self._depth_info_topic if source is not None else "")

    def _published(self) -> tuple[str, type] | None:
        """Topic and type of the depth that is published."""
        kinds: dict[str, type] = {"sensor_msgs/msg/Image": Image}
        if DisparityImage is not None:
            kinds["stereo_msgs/msg/DisparityImage"] = DisparityImage
        self._wrong_type = ""
        choices = [
            (self.topic, kinds),
            (self._compressed_topic, {"sensor_msgs/msg/CompressedImage": CompressedImage}),
        ]
        if self._images.compressed:
            choices.reverse()
        for topic, known in choices:
            if not self._node.count_publishers(topic):
                continue
            types = {each.topic_type for each in self._node.get_publishers_info_by_topic(topic)}
            for name, kind in known.items():
                if name in types:
                    return topic, kind
            if types:
                self._wrong_type = (
                    f"{topic} is {', '.join(sorted(types))}, which holds no depth; remap {TOPIC}"
                )
        return None

    def _subscribe(self, source: tuple[str, type] | None) -> None:
        self._unsubscribe_depth()
        self._depth_source = source
        self._wrong, self._missed, self._subscribed_s = "", 0, time.monotonic()
        if source is None:
            return
        topic, kind = source
        self._depth = MatchingSubscription(self._node, kind, topic, self._arrived, qos.images_of)

    @property
    def _depth_rectified(self) -> bool:
        if self._depth_source is not None and self._depth_source[1] is DisparityImage:
            return True
        return "rect" in posixpath.basename(self.topic)

    def _arrived(self, message: Any) -> None:
        depth = lazy_depth(message, self._max_image_mpx)
        self._pairing.add(depth.stamp_ns, depth)

    def _unsubscribe(self) -> None:
        self._unsubscribe_depth()
        self._depth_source = None
        self._info.follow("")
        self._depth_info.follow("")

    def _unsubscribe_depth(self) -> None:
        if self._depth is not None:
            self._depth.close()
            self._depth = None


class _LatestInfo:
    """The latest message of a camera_info topic; kept when the subscription ends."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._subscription: MatchingSubscription | None = None
        self.topic = ""
        self.message: CameraInfo | None = None

    @property
    def calibration(self) -> Calibration | None:
        return None if self.message is None else calibration(self.message)

    def follow(self, topic: str) -> None:
        """Subscribe to `topic`; to nothing if it is empty."""
        if topic == self.topic:
            return
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None
        self.topic = topic
        if topic:
            self._subscription = MatchingSubscription(
                self._node, CameraInfo, topic, self._keep, qos.camera_info_of
            )

    def _keep(self, message: CameraInfo) -> None:
        self.message = message


def ground_of(text: str) -> tuple[GroundPlane | None, str]:
    """The parameter `ground_plane` as a plane, or as the name of a frame whose x-y plane it is.

    Raises:
        ConfigError: It is neither.
    """
    text = text.strip()
    if not text or text[0] not in _NUMBERS:
        return None, text.lstrip("/")
    try:
        return parse_ground_plane(text), ""
    except ConfigError as error:
        raise ConfigError(f"parameter ground_plane: {error}") from None
