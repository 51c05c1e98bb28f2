# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Shows live images, results and health in a browser: `ros2 run face_detect_ros viewer`.

Prints the page's address on a line of its own as soon as the page answers.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Set
from concurrent.futures import Future
from typing import Any, ClassVar

from diagnostic_msgs.msg import DiagnosticArray
from vision_msgs.msg import VisionInfo

from face_detect_ros.core.errors import ConfigError, PerceptionError
from face_detect_ros.core.text import as_utf8
from face_detect_ros.images.raw import DecodeOptions
from face_detect_ros.ros import qos, runtime
from face_detect_ros.ros.cameras import camera_names
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.inputs.image_parameters import IMAGE_TRANSPORT, LARGEST_IMAGE
from face_detect_ros.ros.nodes.lifecycle import PRIVACY, PRIVACY_MAY_END, NodeParameters, PerceptionNode
from face_detect_ros.ros.outputs.diagnostics import Health
from face_detect_ros.ros.parameters import parameter
from face_detect_ros.ros.viewer.actions import Actions
from face_detect_ros.ros.viewer.calls import Calls
from face_detect_ros.ros.viewer.people import People
from face_detect_ros.ros.viewer.privacy import DetectorPrivacy
from face_detect_ros.ros.viewer.recording import Recording
from face_detect_ros.ros.viewer.statuses import Statuses
from face_detect_ros.ros.viewer.topics import DRAWN, FACES, CameraView
from face_detect_ros.web.options import ServerOptions
from face_detect_ros.web.robot import View
from face_detect_ros.web.scene import CAMERA, Scene
from face_detect_ros.web.server import PageServer


@dataclasses.dataclass(frozen=True)
class ViewerParameters(NodeParameters):
    """Parameters of the viewer."""

    host: str = parameter(
        ServerOptions.host,
        "Address to listen on; any but a loopback address needs the token that is printed.",
        at_configure=True,
    )
    port: int = parameter(
        ServerOptions.port,
        "Port of the page; 0: 8484, or the next free one.",
        minimum=0,
        maximum=65535,
        at_configure=True,
    )
    token: str = parameter(
        ServerOptions.token,
        "Password of the page; empty: none for this computer, a new one if other computers can reach it.",
        read_only=True,
    )
    max_rate_hz: float = parameter(
        ServerOptions.max_rate_hz,
        "Most images per second for each browser.",
        minimum=0.1,
        maximum=100.0,
        at_configure=True,
    )
    max_width_px: int = parameter(
        ServerOptions.max_width_px, "Wider images are shrunk.", minimum=64, maximum=8192, at_configure=True
    )
    jpeg_quality: int = parameter(
        ServerOptions.jpeg_quality,
        "Quality of the images in the browser.",
        minimum=1,
        maximum=100,
        at_configure=True,
    )
    cameras: str = parameter(
        "",
        "Names of several cameras, such as [front, left], as the detectors have them; empty: one camera.",
        at_configure=True,
        listing=True,
    )
    image_transport: str = IMAGE_TRANSPORT
    max_image_mpx: float = LARGEST_IMAGE
    privacy: bool = PRIVACY
    privacy_may_end: bool = PRIVACY_MAY_END

    def server_options(self) -> ServerOptions:
        """How the page is served. Raises ConfigError for unusable settings."""
        names = [field.name for field in dataclasses.fields(ServerOptions)]
        return ServerOptions(**{name: getattr(self, name) for name in names})


class Viewer(PerceptionNode[ViewerParameters]):
    """Serves the page. Subscribes to images and results only while somebody looks.

    With `privacy`, its own or the face detector's, the page shows anonymized images only.
    """

    health_of = "page"
    topics: ClassVar[dict[str, str]] = {
        "image_raw": "subscribed while somebody looks: the camera",
        "face_detector/...": "subscribed while somebody looks: detections, identities, image_anonymized",
        "object_detector/...": "subscribed while somebody looks: detections, attention",
        "/diagnostics": "subscribed and published: health of the nodes in this namespace",
    }

    def __init__(
        self, hub: ImageHub | None = None, *, node_name: str = "viewer", **node_arguments: Any
    ) -> None:
        self.scene = Scene()
        self._server: PageServer | None = None
        self._port, self._token = 0, ""  # those that were chosen before: open pages know them
        self._cameras: dict[str, CameraView] = {}
        self._views: dict[str, list[str]] = {}
        self._recording: Recording | None = None
        self._ended = ""  # why the last recording ended by itself
        self._watched: Set[View] = frozenset()
        self._refused = ""  # why what is watched cannot be subscribed to
        self._problem = ""
        self._people_revision = ""
        super().__init__(node_name, ViewerParameters, hub, **node_arguments)
        self._statuses = Statuses(self.get_namespace())
        self._calls = Calls(self)
        self._people = People(self._calls, self.full_name(FACES), lambda: self._people_are_announced)
        self._detector_privacy = DetectorPrivacy(self, self._calls, self._follow_privacy)
        self._actions = Actions(self, self._calls, self._people)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self.create_subscription(VisionInfo, f"{FACES}/vision_info", self._on_people, qos.latched())

    # the state machine's work

    def configure(self) -> None:
        params = self.params
        params.server_options()
        decode = DecodeOptions(max_image_mpx=params.max_image_mpx)
        self._cameras = {
            camera: CameraView(self, self.scene, camera, params.image_transport, decode)
            for camera in camera_names(params.cameras)
        }
        self._detector_privacy.forget()
        self._views = self._possible_views()

    def load(self) -> PageServer:
        options = self.params.server_options()
        if not options.token and not options.local:
            options = dataclasses.replace(options, token=self._token)
        if not options.port and self._port:
            with contextlib.suppress(ConfigError):  # somebody else has it now
                return PageServer(self, dataclasses.replace(options, port=self._port))
        return PageServer(self, options)

    def adopt(self, loaded: PageServer) -> None:
        self._server = loaded
        self._port, self._token = loaded.port, loaded.token or self._token
        # for people and programs: on a line of its own, also where stdout is a file
        print(loaded.url, flush=True)

    def discard(self, loaded: PageServer) -> None:
        loaded.close()

    def activate(self) -> None:
        self._show_watched()

    def deactivate(self) -> None:
        if self._recording is not None:
            with contextlib.suppress(PerceptionError):
                self._stop_recording()
        for camera in self._cameras.values():
            camera.close()

    def cleanup(self, timeout_s: float) -> bool:
        server, self._server = self._server, None
        idle = server is None or server.close(timeout_s)
        self.deactivate()
        self._cameras = {}
        return idle

    def destroy_node(self) -> None:
        self._people.close()
        super().destroy_node()

    def on_parameters_changed(self, new: ViewerParameters, old: ViewerParameters) -> None:
        new.server_options()
        camera_names(new.cameras)

    def health(self) -> Health:
        if self._server is None:
            return Health()
        return Health("", self._problem, {"page": self._server.url.partition("?")[0]})

    def once_a_second(self) -> None:
        self._people.once_a_second()
        problems = [camera.watch() for camera in self._cameras.values()] if self.active else []
        if self._recording is not None:
            problems.append(self._recording.watch())
        self._problem = next(filter(None, [self._refused, *problems]), self._ended)
        if self.active:
            for camera in self._cameras.values():
                camera.prepare_pointing()
                camera.look_for_detectors()
        if self._recording is not None and self._recording.problem:
            self._end_recording(self._recording.problem)
        self._detector_privacy.look()
        self._follow_privacy()
        self.scene.set_report(
            {
                "cameras": self._views,
                "nodes": self._statuses.as_json(),
                "privacy": self.hides,
                "recording": self._recording is not None,
                "people_revision": self._people_revision if self._people_are_announced else "",
            }
        )

    # what the page's server asks for, on its thread

    def watch(self, views: Set[View]) -> None:
        self._watched = views  # whichever order the executor takes these in, the latest holds

        async def show() -> None:
            self._show_watched()

        self._calls.run(show)

    def views(self) -> dict[str, list[str]]:
        return self._views

    def do(self, action: str, arguments: dict[str, Any]) -> Future[Any]:
        return self._calls.run(lambda: getattr(self._actions, action)(**arguments))

    def add_photo(self, name: str, file_name: str, data: bytes) -> Future[Any]:
        return self._people.add_photo(name, file_name, data)

    # what its actions ask for, on the executor's thread

    @property
    def cameras(self) -> dict[str, CameraView]:
        return self._cameras

    def full_name(self, node: str) -> str:
        """Fully qualified name of a node in the same namespace."""
        return f"{self.get_namespace().rstrip('/')}/{node}"

    def present(self, node: str) -> bool:
        """Whether a node of that name runs in the same namespace."""
        return (node, self.get_namespace()) in self.get_node_names_and_namespaces()

    def record(self, on: bool) -> dict[str, Any]:
        """Start a recording unless one is running, or stop it. Raises OutputError or ConfigError."""
        if not on:
            return self._stop_recording()
        if not self.active:
            raise ConfigError("the viewer is not active")
        if self._recording is None:  # else another page, or the first click of two, has started it
            self._ended = ""
            self._recording = Recording(self, list(self._cameras.values()), private=self.hides)
        return {"on": True, "path": as_utf8(str(self._recording.path))}

    def _show_watched(self) -> None:
        """Subscribe to what pages look at. Does nothing while inactive."""
        self._refused = ""
        for name, camera in self._cameras.items() if self.active else ():
            wanted = frozenset(view.view for view in self._watched if view.camera == name)
            try:
                camera.show(wanted & frozenset(self._views[name]))
            except ConfigError as error:  # pages cannot wait for an answer: diagnostics say it
                self._refused = str(error)

    def _stop_recording(self) -> dict[str, Any]:
        recording, self._recording = self._recording, None
        if recording is None:
            raise ConfigError("nothing is being recorded")
        recording.close()
        return {"on": False, "path": as_utf8(str(recording.path)), "count": recording.count}

    def _end_recording(self, reason: str) -> None:
        self._problem = self._ended = f"the recording ended: {reason}"
        with contextlib.suppress(PerceptionError):
            self._stop_recording()

    # what arrives

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self._statuses.add(message)

    def _on_people(self, message: VisionInfo) -> None:
        self._people.gallery, self._people.embedder = message.database_location, message.method
        self._people.gallery_file = message.header.frame_id
        self._people_revision = f"{message.database_version} {message.database_location}"

    @property
    def _people_are_announced(self) -> bool:
        """Whether there is a face detector that recognizes people now."""
        return bool(self.count_publishers(f"{FACES}/vision_info"))

    def _follow_privacy(self) -> None:
        """Show and record no more than may be shown now."""
        self._views = self._possible_views()
        for name, camera in self._cameras.items():
            camera.restrict(frozenset(self._views[name]))
        if self._recording is not None and not self._recording.private:
            self._recording.without_images = self.hides
            if self.private or self._detector_privacy.on:
                self._end_recording("privacy was switched on")

    @property
    def hides(self) -> bool:
        """Whether only anonymized images may be shown: by this node's privacy or the face detector's, which counts as
        on until it has answered."""
        return self.private or self._detector_privacy.may_be_on

    def _possible_views(self) -> dict[str, list[str]]:
        if self.hides:
            return {camera: ["anonymized"] for camera in self._cameras}
        none = any(text.startswith("none") for text in self._statuses.figures("attention"))
        silent = {"attention"} if none else set()
        return {
            name: [
                CAMERA,
                *(
                    view
                    for view, topic in DRAWN.items()
                    if view not in silent and self.count_publishers(camera.topic(*topic))
                ),
            ]
            for name, camera in self._cameras.items()
        }


def main() -> None:
    sys.exit(runtime.main(lambda: [Viewer()]))


if __name__ == "__main__":
    main()
