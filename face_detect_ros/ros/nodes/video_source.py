# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A camera for those who have none: `ros2 run face_detect_ros video_source --ros-args -p source:=PATH`."""

from __future__ import annotations

import dataclasses
import sys
import time
from typing import Any, ClassVar

import numpy as np
from sensor_msgs.msg import CameraInfo, Image

from face_detect_ros.core import pauses
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.core.statistics import RateMeter, Throttle
from face_detect_ros.ros import qos, runtime
from face_detect_ros.ros.inputs.camera import TOPIC, camera_info_topic
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.inputs.image_parameters import LARGEST_IMAGE
from face_detect_ros.ros.messages import camera_info
from face_detect_ros.ros.messages.headers import make_header
from face_detect_ros.ros.messages.images import image_message
from face_detect_ros.ros.nodes.lifecycle import PRIVACY, PRIVACY_MAY_END, NodeParameters, PerceptionNode
from face_detect_ros.ros.outputs.diagnostics import Health
from face_detect_ros.ros.parameters import parameter
from face_detect_ros.sources.capture_thread import CaptureThread, SourceEvent
from face_detect_ros.sources.opening import require
from face_detect_ros.sources.options import MAX_RATE_HZ, MAX_SIDE_PX, SourceOptions

AFTER_PAUSE_S = 0.3
"""Images this soon after a pause of the process may have waited in the camera's queue."""


@dataclasses.dataclass(frozen=True)
class VideoSourceParameters(NodeParameters):
    """Parameters of the video source; what they mean is said in `SourceOptions`."""

    source: str = parameter(
        "",
        "Image, folder, video, bag, /dev/video0, rtsp:// or http:// URL, screen, or sample:astronaut.",
        at_configure=True,
    )
    rate_hz: float = parameter(
        SourceOptions.rate_hz,
        "Images per second; 0 is the source's own rate.",
        minimum=0.0,
        maximum=MAX_RATE_HZ,
        at_configure=True,
    )
    width: int = parameter(
        SourceOptions.width,
        "Width in pixels; 0 is the source's own.",
        minimum=0,
        maximum=MAX_SIDE_PX,
        at_configure=True,
    )
    height: int = parameter(
        SourceOptions.height,
        "Height in pixels; 0 is the source's own.",
        minimum=0,
        maximum=MAX_SIDE_PX,
        at_configure=True,
    )
    loop: bool = parameter(SourceOptions.loop, "Start again at the end of a file.", at_configure=True)
    motion: bool = parameter(SourceOptions.motion, "Pan and zoom over still images.", at_configure=True)
    max_image_mpx: float = LARGEST_IMAGE
    insecure: bool = parameter(
        SourceOptions.insecure,
        "Do not check the certificate of an https:// or rtsps:// camera: anybody in between can see its images.",
        read_only=True,
    )
    listen: bool = parameter(
        SourceOptions.listen,
        "Let a udp:// or tcp://...?listen source wait for whoever sends, from anywhere on the network.",
        read_only=True,
    )
    frame_id: str = parameter(
        "camera_optical_frame", "Coordinate frame of the images, z forward (REP 103).", at_configure=True
    )
    privacy: bool = PRIVACY
    privacy_may_end: bool = PRIVACY_MAY_END
    camera_info_url: str = parameter(
        "", "Calibration YAML: a path, file:// or package:// URL; empty: uncalibrated.", at_configure=True
    )

    def source_options(self) -> SourceOptions:
        """The settings of the source. Raises ConfigError for unusable ones."""
        if not self.source:
            raise ConfigError(
                "parameter source is empty; set it to an image, folder, video, bag, /dev/video0, URL, screen or "
                "sample:astronaut"
            )
        return SourceOptions(
            source=self.source,
            rate_hz=self.rate_hz,
            width=self.width,
            height=self.height,
            loop=self.loop,
            motion=self.motion,
            max_image_mpx=self.max_image_mpx,
            insecure=self.insecure,
            listen=self.listen,
        )


_NO_CLOCK = (
    "use_sim_time is true, but nothing has come on /clock: images are stamped 0. Start the simulation or the bag "
    "(ros2 bag play --clock), or set use_sim_time to false"
)


class VideoSource(PerceptionNode[VideoSourceParameters]):
    """Publishes `image_raw` and `camera_info`, stamped at capture.

    Nodes that share its hub get the frames without serializing them; messages are made only for subscribers.
    """

    health_of = "images"
    topics: ClassVar[dict[str, str]] = {
        "image_raw": "sensor_msgs/Image, rgb8, stamped at capture",
        "camera_info": "sensor_msgs/CameraInfo from camera_info_url, scaled to the image",
        "/diagnostics": "state, rate, a lost camera",
    }

    def __init__(
        self, hub: ImageHub | None = None, *, node_name: str = "video_source", **node_arguments: Any
    ) -> None:
        self._options: SourceOptions | None = None
        self._capture: CaptureThread | None = None
        self._calibration: CameraInfo | None = None
        self._frame_id = ""
        self._published = 0
        self._rate = RateMeter()
        self._problem = ""
        self._clockless = False
        self._throttle = Throttle(5.0)
        self.topic = ""
        self._pauses = pauses.of_this_process()
        super().__init__(node_name, VideoSourceParameters, hub, **node_arguments)
        self.topic = self.resolve_topic_name(TOPIC)
        self.hub.advertise(self.topic)
        self._images: Any = None
        self._infos: Any = None
        self._announced = False

    def destroy_node(self) -> None:
        self.hub.withdraw(self.topic)
        super().destroy_node()

    def configure(self) -> None:
        params = self.params
        self._options = params.source_options()
        require(self._options)
        self._calibration = camera_info.load(params.camera_info_url) if params.camera_info_url else None
        self._frame_id = params.frame_id
        reliable = {"qos_profile": qos.output(), "qos_overriding_options": qos.overridable()}
        with qos.overrides_explained(self.topic):
            self._images = self.create_publisher(Image, TOPIC, **reliable)
            self._infos = self.create_publisher(CameraInfo, camera_info_topic(self.topic), **reliable)

    def activate(self) -> None:
        if self._options is None:
            raise RuntimeError("the node is not configured")
        self._problem = ""
        self._announced = False
        self._capture = CaptureThread(self._options, self._on_image, self._on_event)

    def deactivate(self) -> None:
        self._stop_capture(timeout_s=1.0)

    def cleanup(self, timeout_s: float) -> bool:
        idle = self._stop_capture(timeout_s)
        for publisher in (self._images, self._infos):
            if publisher is not None:
                self.destroy_publisher(publisher)
        self._options = self._images = self._infos = None
        return idle

    def health(self) -> Health:
        if self._options is None:
            return Health()
        description = self._options.description
        values = {
            "source": description,
            "published": str(self._published),
            "output_hz": f"{self._rate.hz():.1f}",
        }
        problem = self._problem or (_NO_CLOCK if self._clockless else "")
        return Health(description, problem if self.active else "", values)

    def on_parameters_changed(self, new: VideoSourceParameters, old: VideoSourceParameters) -> None:
        if new.source:
            new.source_options()  # refuses an unusable value now, not at the next configure

    def _stop_capture(self, timeout_s: float) -> bool:
        capture, self._capture = self._capture, None
        return capture is None or capture.stop(timeout_s)

    def _on_image(self, image: np.ndarray, captured_s: float) -> None:
        if not self.active or not self.context.ok():
            return
        if self._pauses.since(captured_s - AFTER_PAUSE_S):
            return  # captured before a pause, or from the queue of a camera that filled meanwhile
        age_ns = int((time.monotonic() - captured_s) * 1e9)
        now_ns = self.get_clock().now().nanoseconds
        self._clockless = not now_ns
        if self._clockless and self._throttle.allows("clock"):
            self.get_logger().warning(_NO_CLOCK)
        stamp_ns = max(0, now_ns - age_ns)
        self.hub.deliver(self.topic, LazyFrame(stamp_ns, self._frame_id, lambda: image))
        if self._images.get_subscription_count() > 0 and not self.private:
            message = image_message(image, stamp_ns, self._frame_id)
            with self.gate:
                if not self.private:  # still
                    self._images.publish(message)
        if self._infos.get_subscription_count() > 0:
            info = camera_info.for_size(self._calibration, image.shape[1], image.shape[0])
            info.header = make_header(stamp_ns, self._frame_id)
            self._infos.publish(info)
            if self._calibration is not None and info.k[0] == 0 and self._throttle.allows("calibration"):
                self.get_logger().warning(
                    f"images are {info.width}x{info.height}, the calibration is for {self._calibration.width}x"
                    f"{self._calibration.height}, another shape: camera_info is published uncalibrated"
                )
        self._published += 1
        self._rate.tick()
        if not self._announced and self._options is not None:  # only now it is true
            self._announced = True
            self.get_logger().info(f"{self._options.description} is published on {self.topic}")

    def _on_event(self, event: SourceEvent) -> None:
        if not self.context.ok():
            return  # publishing failed because the process ends
        logger = self.get_logger()
        if event.kind in ("lost", "failed"):
            self._problem = event.message
        elif event.kind == "restored":
            self._problem = ""
        if event.kind == "failed":
            logger.error(event.message)
        elif event.kind in ("lost", "warning"):
            logger.warning(event.message)
        else:
            logger.info(event.message)


def main() -> None:
    sys.exit(runtime.main(lambda: [VideoSource()]))


if __name__ == "__main__":
    main()
