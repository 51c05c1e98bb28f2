# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images and detections to Rerun, by rerun-sdk (MIT or Apache-2.0)."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.files.looking import exists
from face_detect_ros.web.live_view import Look, caption_of, color_of
from face_detect_ros.web.options import ServerOptions
from face_detect_ros.web.scene import Box

DEFAULT_PORT = 9876
"""Where Rerun's viewer looks first."""
_MEMORY = "512MB"  # for viewers that connect later
_START_S, _END_S = 20.0, 5.0
_TRAIL = 50  # positions of a track that are shown


class RerunView:
    """Logs a source to Rerun until `close`: to its server, which viewers connect to, or into a file.

    Logged are `camera/image` with boxes and trails of tracks below it, `depth_camera/depth` and boxes in `space`
    where the source has depth, and `figures` for plots.

    Args:
        options: Where the server listens; this computer only, because it has no token.
        file: An .rrd file to write instead; a new one.

    Attributes:
        url: Where viewers connect to; empty with `file`.

    Raises:
        ConfigError: rerun-sdk is not installed, the address or the file cannot be used, or the file exists.
    """

    def __init__(self, options: ServerOptions, file: Path | None = None) -> None:
        if file is not None and exists(file, ConfigError):
            raise ConfigError(f"{file}: exists already; delete it or choose another name")
        try:
            import rerun
            import rerun_cli
        except ImportError as error:
            raise ConfigError(
                f"Rerun needs rerun-sdk ({error}): pip install rerun-sdk (Python 3.11 or newer, NumPy 2)"
            ) from error
        self._rerun, self._options = rerun, options
        self._recording = rerun.RecordingStream("face_detect_ros")
        self._server: subprocess.Popen[bytes] | None = None
        self._trails: dict[tuple[str, str], deque[tuple[float, float]]] = {}
        self.url = ""
        if file is not None:
            try:
                self._recording.save(file)
            except (OSError, RuntimeError) as error:
                raise ConfigError(f"{file}: cannot be written: {error}") from error
        try:
            if file is None:
                self._serve(Path(rerun_cli.__file__).with_name("rerun"))
            self._recording.log("/", rerun.ViewCoordinates.RDF, static=True)
        except BaseException:
            self._end_server()
            raise

    def show(self, look: Look) -> None:
        """Log an image and what was found in it."""
        rerun, log = self._rerun, self._recording.log
        self._recording.set_time("time", timestamp=look.stamp_ns * 1e-9)
        quality = [cv2.IMWRITE_JPEG_QUALITY, self._options.jpeg_quality]
        _, data = cv2.imencode(".jpg", cv2.cvtColor(look.image, cv2.COLOR_RGB2BGR), quality)
        if look.intrinsics is not None:
            height, width = look.image.shape[:2]
            log("camera", rerun.Pinhole(image_from_camera=look.intrinsics, width=width, height=height))
        log("camera/image", rerun.EncodedImage(contents=data.tobytes(), media_type="image/jpeg"))
        if look.depth_m is not None:
            if look.depth_intrinsics is not None:
                height, width = look.depth_m.shape
                pinhole = rerun.Pinhole(image_from_camera=look.depth_intrinsics, width=width, height=height)
                log("depth_camera", pinhole)
            depth = np.nan_to_num(look.depth_m).astype(np.float32)
            log("depth_camera/depth", rerun.DepthImage(depth, meter=1.0))
        for index, (detector, boxes) in enumerate(look.boxes.items()):
            self._show_boxes(detector, index, boxes)

    def plot(self, detector: str, figures: Mapping[str, float], stamp_ns: int) -> None:
        """Log figures of a detector, for plots.

        Args:
            detector: Its name.
            figures: By name.
            stamp_ns: Of the image that they belong to.
        """
        self._recording.set_time("time", timestamp=stamp_ns * 1e-9)
        for name, value in figures.items():
            self._recording.log(f"figures/{detector}/{name}", self._rerun.Scalars(float(value)))

    def close(self) -> None:
        """Write what is left, and end the server."""
        with contextlib.suppress(Exception):  # the server may have been ended from outside
            self._recording.flush(timeout_sec=2.0)
        self._recording.disconnect()
        self._end_server()

    def _end_server(self) -> None:
        if self._server is None:
            return
        self._server.terminate()
        try:
            self._server.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _show_boxes(self, detector: str, index: int, boxes: Sequence[Box]) -> None:
        rerun, log = self._rerun, self._recording.log
        flat = rerun.Boxes2D(
            array=[box.corners for box in boxes],
            array_format=rerun.Box2DFormat.XYXY,
            labels=[caption_of(box) for box in boxes],
            colors=[color_of(box, index) for box in boxes],
        )
        log(f"camera/image/{detector}", flat)
        followed = [box for box in boxes if box.track]
        for box in followed:
            x1, y1, x2, y2 = box.corners
            trail = self._trails.setdefault((detector, box.track), deque(maxlen=_TRAIL))
            trail.append(((x1 + x2) / 2, (y1 + y2) / 2))
        for gone in {key for key in self._trails if key[0] == detector} - {
            (detector, b.track) for b in followed
        }:
            del self._trails[gone]
        trails = rerun.LineStrips2D(
            [list(self._trails[detector, box.track]) for box in followed],
            colors=[color_of(box, index) for box in followed],
        )
        log(f"camera/image/{detector}/tracks", trails)
        placed = [box for box in boxes if box.center_m is not None and box.size_m is not None]
        space = rerun.Boxes3D(
            centers=[box.center_m for box in placed],
            sizes=[box.size_m for box in placed],
            labels=[caption_of(box) for box in placed],
            colors=[color_of(box, index) for box in placed],
        )
        log(f"space/{detector}", space)

    def _serve(self, program: Path) -> None:
        """Start Rerun's server: that of the SDK itself would listen on every address."""
        options = self._options
        if not options.local:
            raise ConfigError(
                f"host is {options.host}, but Rerun's connection has no token; use 127.0.0.1 and ssh -L"
            )
        port = options.port or DEFAULT_PORT
        if _answers(options.host, port):
            raise ConfigError(f"port {port} is in use; give another one")
        command = [program, "--serve-grpc", "--bind", options.host, "--port", str(port)]
        self._server = subprocess.Popen(
            [*map(str, command), "--server-memory-limit", _MEMORY],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches this process first, which still has to flush
        )
        deadline_s = time.monotonic() + _START_S
        while not _answers(options.host, port):
            if self._server.poll() is not None or time.monotonic() > deadline_s:
                raise ConfigError(f"Rerun's server did not start on port {port}; give another one")
            time.sleep(0.05)
        self.url = f"rerun+http://{options.host}:{port}/proxy"
        self._recording.connect_grpc(self.url)


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False
