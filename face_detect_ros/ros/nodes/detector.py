# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A node around a pipeline: frames in, results out."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
from collections.abc import Sequence, Set
from typing import Any, ClassVar, TypeVar

from face_detect_ros.core import pauses
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.core.mailbox import Mailboxes, Worker
from face_detect_ros.core.protocols import ResizableBatch
from face_detect_ros.detectors import catalogue
from face_detect_ros.engines import cpu
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.recipe import Recipe
from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.cameras import CameraTopics, camera_names
from face_detect_ros.ros.inputs.camera import ImageInput
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.inputs.space import SpaceInput, ground_of
from face_detect_ros.ros.nodes.channel import Channel
from face_detect_ros.ros.nodes.detector_parameters import COMPUTE, DetectorParameters
from face_detect_ros.ros.nodes.flow import Flow
from face_detect_ros.ros.nodes.lifecycle import PerceptionNode
from face_detect_ros.ros.outputs.annotations import AnnotationsOutput, foxglove
from face_detect_ros.ros.outputs.detections import DetectionsOutput
from face_detect_ros.ros.outputs.detections_3d import Detections3DOutput
from face_detect_ros.ros.outputs.diagnostics import Health
from face_detect_ros.ros.outputs.events import EventsOutput
from face_detect_ros.ros.outputs.frames import FramesOutput
from face_detect_ros.ros.outputs.images import AnnotatedOutput
from face_detect_ros.ros.outputs.labels import LabelInfoTopic
from face_detect_ros.ros.outputs.markers import MarkersOutput
from face_detect_ros.ros.outputs.output import Output
from face_detect_ros.ros.outputs.selected import SelectedOutput
from face_detect_ros.ros.transforms import Transforms
from face_detect_ros.tracking.zones import Areas, parse_areas, split_camera

DEMAND_PERIOD_S = 0.2
"""How often a node looks whether somebody subscribes."""
STUCK_S = 10.0
"""A detector that takes longer for an image is reported on `/diagnostics`: it may never end."""

AREAS = frozenset(("roi", "zones", "select"))
"""Parameters whose texts may name a camera."""

P = TypeVar("P", bound=DetectorParameters)


class DetectorNode(PerceptionNode[P]):
    """Subscribes `image_raw`; publishes `~/detections`, `~/image_annotated`, `~/markers`, `~/label_info`.

    A subclass says which pipeline it runs (`recipe`), with which options (`options`), and what else it publishes
    (`make_outputs`). A worker thread runs the pipeline on the newest frames, so callbacks never wait for a network, and
    a slow one drops frames. With several cameras the newest frame of each forms one batch.
    """

    task: ClassVar[str]
    health_of = "detections"
    topics: ClassVar[dict[str, str]] = {
        "image_raw": "subscribed: the camera; image_raw/compressed with image_transport:=compressed",
        "camera_info": "subscribed, beside the image: used for positions and markers",
        "depth/image_raw": "subscribed where published: depth registered to the image, or disparity; "
        "depth/image_raw/compressedDepth",
        "depth/camera_info": "subscribed, beside the depth",
        "~/detections": "vision_msgs/Detection2DArray: boxes, classes, scores, tracks",
        "~/detections_3d": "vision_msgs/Detection3DArray: where they are, with depth or a ground plane",
        "~/image_annotated": "sensor_msgs/Image with the detections drawn on it",
        "~/image_annotated/compressed": "sensor_msgs/CompressedImage: the same as JPEG",
        "~/markers": "visualization_msgs/MarkerArray for RViz",
        "~/events": "std_msgs/String: JSON of what appeared, left or was recognized",
        "~/zones": "std_msgs/String: JSON of what entered or left a zone",
        "~/selected": "vision_msgs/Detection2DArray: the one detection that is followed",
        "~/select_at": "subscribed, geometry_msgs/PointStamped in pixels: follow what is there",
        "~/label_info": "vision_msgs/LabelInfo: names of the classes",
        "/diagnostics": "state, rates, latencies, dropped and rejected images",
    }

    def __init__(
        self, name: str, schema: type[P], hub: ImageHub | None = None, **node_arguments: object
    ) -> None:
        """Declare parameters; everything else is made at configure.

        Args:
            name: Of the node.
            schema: Frozen dataclass of its parameters.
            hub: Shared by the nodes of a process, so that an image is decoded once; None: of this node alone.
            node_arguments: Further arguments of rclpy's node.
        """
        # before the base: its timers may report at once
        self.channels: list[Channel] = []
        self.pipeline: Pipeline | None = None
        self._worker: Worker[list[tuple[int, LazyFrame]]] | None = None
        self._label_info: LabelInfoTopic | None = None
        self._transforms: Transforms | None = None
        self._flow: Flow | None = None
        self._demand_timer: Any = None
        pauses.of_this_process()  # looks from now on
        super().__init__(name, schema, hub, **node_arguments)

    # what a subclass writes

    def recipe(self, params: P) -> Recipe:
        """The pipeline that the parameters describe. Raises ConfigError."""
        return Recipe(
            task=self.task,
            model=params.model,
            device=params.device,
            precision=params.precision,
            engine=params.engine,
            threads=_threads(params),
            tracker=params.tracker,
            tracker_options=params.tracker_options,
        )

    def options(self, params: P, labels: Sequence[str]) -> PipelineOptions:
        """Settings of the next call of the pipeline. Raises ConfigError."""
        return PipelineOptions(params.detect_options)

    def make_outputs(self, params: P, channel: Channel) -> list[Output]:
        """The topics with results of one camera; the first are published first."""
        topics = channel.topics
        outputs: list[Output] = [
            DetectionsOutput(topics),
            Detections3DOutput(topics, params.target_frame, self._transforms),
            AnnotatedOutput(topics, lambda: self.params.jpeg_quality, lambda: self.private),
            MarkersOutput(topics, lambda: channel.input.camera_info_topic, lambda: channel.input.rectified),
            EventsOutput(topics, lambda: self.areas(channel.name), lambda: self.params.event_debounce_s),
            SelectedOutput(topics, lambda: self._select(channel.name), params.lost_age_s),
        ]
        if params.broadcast_tf:
            outputs.append(FramesOutput(topics))
        messages = foxglove()
        if messages is not None:
            outputs.append(AnnotationsOutput(topics, messages))
        return outputs

    def prepare_worker(self, device: str) -> None:
        """Called on the worker thread before its first image."""

    def leave_a_core(self) -> None:
        """Have PyTorch leave a core to the camera, DDS and the other nodes, unless OMP_NUM_THREADS says otherwise.

        Call it on the worker thread. A network of many small steps waits for all its threads at each: one that has to
        share its core doubles the latency.
        """
        torch = sys.modules.get("torch")
        if torch is not None and "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(_threads(self.params))

    def finished(self, result: Result, channel: Channel) -> None:
        """Called on the worker with every result before it is published, whether somebody subscribes or not."""

    def time_went_back(self) -> None:
        """Called on the worker when stamps start again, as those of a looped bag do."""
        if (transforms := self._transforms) is not None:
            transforms.clear()

    def label_names(self) -> list[str]:
        """What `~/label_info` lists."""
        return [] if self.pipeline is None else list(self.pipeline.labels)

    # the state machine's work

    def configure(self) -> None:
        params = self.params
        _check_areas(params, AREAS)
        if params.target_frame:
            self._transforms = Transforms(self, "target_frame")
        elif ground_of(params.ground_plane)[1]:
            self._transforms = Transforms(self, "ground_plane")
        for camera in camera_names(params.cameras):
            topics = CameraTopics(self, camera)
            make_input = functools.partial(
                ImageInput, topics, self.hub, params.image_transport, decode=params.decode_options()
            )
            make_space = functools.partial(
                SpaceInput,
                topics,
                use_depth=params.depth,
                slop_s=params.depth_slop_s,
                wait_s=params.depth_wait_s,
                ground_plane=params.ground_plane,
                transforms=self._transforms,
                max_image_mpx=params.max_image_mpx,
            )
            make_outputs = functools.partial(self.make_outputs, params)
            self.channels.append(
                Channel(topics, make_input, make_space, make_outputs, lambda: self.params.max_rate_hz)
            )
        self._label_info = LabelInfoTopic(self)

    def load(self) -> Pipeline:
        params = self.params
        with cpu.pinned(cpu.parse(params.cpus)):
            pipeline = self.recipe(params).build()
            try:
                self.options(params, pipeline.labels)
                if isinstance(pipeline.detector, ResizableBatch):
                    pipeline.detector.largest_batch = self._frames_at_once(params)
                pipeline.warmup()
            except BaseException:
                pipeline.close()
                raise
        return pipeline

    def adopt(self, loaded: Pipeline) -> None:
        params = self.params
        self.pipeline = loaded
        mailboxes: Mailboxes[LazyFrame] = Mailboxes(
            len(self.channels), params.frames_at_once, params.max_batch_wait_ms * 1e-3
        )
        for channel, mailbox in zip(self.channels, mailboxes.boxes, strict=True):
            name = f"{self.get_fully_qualified_name()}/{channel.name}".rstrip("/")
            channel.open(loaded.open_stream(name), mailbox)
        flow = self._flow = Flow(self, loaded, self.channels, self._frames_at_once(params))
        self._worker = Worker(
            flow.process,
            flow.failed,
            name=self.get_name(),
            mailbox=mailboxes,
            on_start=lambda: self._start_worker(loaded.device),
        )
        self.get_logger().info(f"{params.model} on {loaded.device} is ready for images on {self.wire_topic}")

    def _start_worker(self, device: str) -> None:
        cpu.pin(cpu.parse(self.params.cpus))
        self.prepare_worker(device)

    def _frames_at_once(self, params: P) -> int:
        """Most images in one call of the pipeline."""
        return params.frames_at_once * len(self.channels)

    def discard(self, loaded: Pipeline) -> None:
        loaded.close()

    def activate(self) -> None:
        if not self.channels:
            raise RuntimeError("the node is not configured")
        self._follow_demand()
        self._demand_timer = self.create_timer(DEMAND_PERIOD_S, self._follow_demand, clock=self.steady)
        self.announce_labels(self.params)

    def deactivate(self) -> None:
        if self._demand_timer is not None:
            self.destroy_timer(self._demand_timer)
            self._demand_timer = None
        for channel in self.channels:
            channel.listen(False)

    def demanded(self) -> bool:
        """Whether something besides subscribers needs results."""
        return False

    def _follow_demand(self) -> None:
        """Listen to cameras, with `compute: on_demand` only to those whose results somebody wants."""
        always = self.params.compute == COMPUTE[0] or self.demanded()
        for channel in self.channels:
            channel.listen(always or channel.wanted)

    def cleanup(self, timeout_s: float) -> bool:
        self.deactivate()
        idle = True
        if self.pipeline is not None:
            self.pipeline.close()  # also wakes a detector that is at work, where it can be woken
        if self._worker is not None:
            idle = self._worker.stop(timeout_s)
        for channel in self.channels:
            channel.close()
        if self._label_info is not None:
            self._label_info.close()
        if self._transforms is not None:
            self._transforms.close()
            self._transforms = None
        self.pipeline = self._flow = self._worker = self._label_info = None
        self.channels = []
        return idle

    def on_parameters_changed(self, new: P, old: P) -> None:
        if new.model != old.model:
            catalogue.find(new.model, task=self.task)
        changed = {
            field.name
            for field in dataclasses.fields(new)
            if getattr(new, field.name) != getattr(old, field.name)
        }
        # Parameters are often set one at a time: one that was wrong from the start must not block correcting another.
        if "cpus" in changed:
            cpu.parse(new.cpus)
        if "ground_plane" in changed:
            ground_of(new.ground_plane)
        if "cameras" in changed:
            camera_names(new.cameras)
        new.decode_options()
        now = self.until_configure(new)
        for params in (now, new):
            _check_areas(params, AREAS if self.channels else changed)
        if self.pipeline is not None:
            self.options(now, self.pipeline.labels)
        if self.active and now.detect_options.score_threshold != self.params.detect_options.score_threshold:
            self.announce_labels(now)

    def once_a_second(self) -> None:
        for channel in self.channels:
            for output in channel.outputs:
                output.once_a_second(active=self.active)
            if channel.listening:
                channel.input.watch()
                channel.space.watch()

    def health(self) -> Health:
        pipeline, channels = self.pipeline, self.channels
        if pipeline is None or self._worker is None or not channels:
            return Health()
        parts = [self._health(channel) for channel in channels]
        values = {
            "model": self.params.model,
            "device": pipeline.device,
            "compute": "" if any(channel.listening for channel in channels) else "nobody subscribes",
            **(parts[0].values if len(channels) == 1 else _sums(channels)),
        }
        camera = ", ".join(channel.frame_id for channel in channels if channel.frame_id)
        problem = next((part.problem for part in parts if part.problem), "")
        error = next((part.error for part in parts if part.error), "")
        return Health(camera or self.wire_topic, problem, values, error)

    def health_of_parts(self) -> dict[str, Health]:
        if len(self.channels) < 2 or self.pipeline is None:
            return {}
        return {f"{channel.name} {self.health_of}": self._health(channel) for channel in self.channels}

    def _health(self, channel: Channel) -> Health:
        if not self.active:
            return Health(values=channel.values())
        health = channel.health(self.params.max_latency_ms)
        if self._flow is not None and (busy_s := self._flow.busy_s) > STUCK_S:
            stuck = f"the detector has been at work on one image for {busy_s:.0f} s: nothing is published meanwhile"
            return health._replace(problem=stuck)
        return health

    @property
    def outputs(self) -> list[Output]:
        """The topics with results, of all cameras."""
        return [output for channel in self.channels for output in channel.outputs]

    @property
    def wire_topic(self) -> str:
        """Where the images come from; empty before configure."""
        return ", ".join(channel.input.wire_topic for channel in self.channels)

    def announce_labels(self, params: P) -> None:
        """Publish `~/label_info`."""
        if self._label_info is not None and self.pipeline is not None:
            self._label_info.announce(self.label_names(), params.detect_options.score_threshold)

    def areas(self, camera: str) -> Areas:
        """The parameters `roi` and `zones` for one camera."""
        params = self.params
        return parse_areas(params.roi, params.zones, self._camera_names, camera)

    def _select(self, camera: str) -> str:
        """The parameter `select` for one camera."""
        owner, wish = split_camera(self.params.select, self._camera_names)
        return wish if owner in ("", camera) else ""

    @property
    def _camera_names(self) -> tuple[str, ...]:
        return tuple(channel.name for channel in self.channels)


def _sums(channels: Sequence[Channel]) -> dict[str, str]:
    """What several cameras have together."""
    values = [channel.values() for channel in channels]
    counts = ("received", "dropped", "processed", "detections", "rejected", "time_jumps")
    rates = ("input_hz", "output_hz")
    return {
        "cameras": ", ".join(channel.name for channel in channels),
        **{key: str(sum(int(each.get(key, 0)) for each in values)) for key in counts},
        **{key: f"{sum(float(each.get(key, 0)) for each in values):.1f}" for key in rates},
    }


def _check_areas(params: DetectorParameters, names: Set[str]) -> None:
    """Raises ConfigError if one of the parameters `AREAS` that is in `names` cannot be used with the cameras."""
    if not AREAS & names:
        return
    cameras = camera_names(params.cameras)
    parse_areas(params.roi if "roi" in names else "", params.zones if "zones" in names else "", cameras)
    if "select" in names:
        try:
            split_camera(params.select, cameras)
        except ConfigError as error:
            raise ConfigError(f"parameter select: {error}") from None


def _threads(params: DetectorParameters) -> int:
    """Of the network: unless somebody says otherwise, a core is left to the camera, DDS and the other nodes."""
    return params.threads or len(cpu.parse(params.cpus)) or max(1, cpu.cores() - 1)
