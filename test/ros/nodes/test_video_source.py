# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The video source as others see it: images, calibration, and what it says when its source fails."""

import threading

import cv2
import numpy as np
import pytest
import yaml
from helpers.ros_tools import faceless, image, stamp_ns, wait_until
from sensor_msgs.msg import CameraInfo, Image

from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.inputs.camera import ImageInput
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.messages import camera_info
from face_detect_ros.ros.nodes import video_source
from face_detect_ros.ros.nodes.video_source import VideoSource
from face_detect_ros.sources.base import Capture
from face_detect_ros.sources.capture_thread import CaptureThread, SourceEvent
from face_detect_ros.sources.pacing import Backoff

NODE = "/video_source"
CALIBRATION = {
    "image_width": 320,
    "image_height": 240,
    "camera_name": "front",
    "distortion_model": "plumb_bob",
    "camera_matrix": {"rows": 3, "cols": 3, "data": [300.0, 0.0, 160.0, 0.0, 310.0, 120.0, 0.0, 0.0, 1.0]},
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0.1, -0.2, 0.0, 0.0, 0.05]},
    "rectification_matrix": {"rows": 3, "cols": 3, "data": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
    "projection_matrix": {
        "rows": 3,
        "cols": 4,
        "data": [300.0, 0.0, 160.0, -30.0, 0.0, 310.0, 120.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    },
}


@pytest.fixture
def still(tmp_path):
    """An image file of 320x240."""
    path = tmp_path / "still.png"
    cv2.imwrite(str(path), faceless()[..., ::-1])
    return str(path)


@pytest.fixture
def calibration(tmp_path):
    path = tmp_path / "front camera.yaml"
    path.write_text(yaml.safe_dump(CALIBRATION))
    return path


def test_without_a_clock_simulated_time_is_warned_about(probe, start, still):
    start(VideoSource, parameters=settings(still, use_sim_time=True))
    assert "/clock" in probe.wait_for_log("images are stamped 0")
    status = probe.diagnostics(NODE, lambda status: not status.ok)
    assert "/clock" in status.message


def settings(source, **more):
    return {"source": source, "rate_hz": 20.0, **more}


def test_a_still_is_published_as_images_stamped_at_capture(probe, start, still):
    local = start(VideoSource, parameters=settings(still, frame_id="left_eye"))
    images = probe.collect("/image_raw", Image)
    before = local.node.get_clock().now().nanoseconds
    received = [m for m in images.wait(count=6) if stamp_ns(m.header) >= before][:3]
    after = local.node.get_clock().now().nanoseconds
    stamps = [stamp_ns(m.header) for m in received]
    assert len(stamps) == 3
    assert before <= stamps[0] < stamps[1] < stamps[2] <= after
    assert {m.header.frame_id for m in received} == {"left_eye"}
    assert (received[0].width, received[0].height, received[0].encoding) == (320, 240, "rgb8")
    assert received[0].data.tobytes() == faceless().tobytes()


def test_size_is_a_parameter(probe, start, still):
    start(VideoSource, parameters=settings(still, width=160, height=120))
    received = probe.collect("/image_raw", Image).wait()
    assert (received.width, received.height) == (160, 120)


def test_the_stamp_is_the_time_of_capture_not_of_publishing(probe, start, still):
    local = start(VideoSource, parameters={"source": still, "autostart": False})
    images = probe.collect("/image_raw", Image)
    probe.change_state(NODE, "configure")
    local.node.active = True
    began_ns = local.node.get_clock().now().nanoseconds

    def arrived():
        local.node._on_image(faceless(), video_source.time.monotonic() - 2.0)
        return len(images)

    wait_until(arrived, "an image")
    ended_ns = local.node.get_clock().now().nanoseconds
    captured_ns = stamp_ns(images.messages[0].header)
    assert began_ns - 3_500_000_000 < captured_ns < ended_ns - 500_000_000
    local.node.active = False


def test_without_a_calibration_camera_info_is_uncalibrated(probe, start, still):
    start(VideoSource, parameters=settings(still))
    info = probe.collect("/camera_info", CameraInfo).wait()
    assert (info.width, info.height, info.k[0], info.header.frame_id) == (
        320,
        240,
        0.0,
        "camera_optical_frame",
    )


def test_camera_info_comes_with_the_image_and_its_calibration(probe, start, still, calibration):
    start(VideoSource, parameters=settings(still, camera_info_url=str(calibration)))
    images = probe.collect("/image_raw", Image)
    infos = probe.collect("/camera_info", CameraInfo)
    info = infos.wait()
    assert (info.width, info.height, info.distortion_model) == (320, 240, "plumb_bob")
    assert list(info.k) == CALIBRATION["camera_matrix"]["data"]
    assert list(info.d) == CALIBRATION["distortion_coefficients"]["data"]
    assert list(info.p) == CALIBRATION["projection_matrix"]["data"]
    # the same header, so that others can match them
    stamps = lambda collection: {stamp_ns(m.header) for m in list(collection.messages)}  # noqa: E731
    wait_until(lambda: len(stamps(images) & stamps(infos)) > 2, "images and camera_info of one stamp")


def test_the_calibration_is_scaled_with_the_image(probe, start, still, calibration):
    parameters = settings(still, camera_info_url=f"file://{str(calibration).replace(' ', '%20')}", width=160)
    start(VideoSource, parameters=parameters)
    info = probe.collect("/camera_info", CameraInfo).wait()
    assert (info.width, info.height) == (160, 120)
    assert list(info.k) == [150, 0, 80, 0, 155, 60, 0, 0, 1]
    assert list(info.p) == [150, 0, 80, -15, 0, 155, 60, 0, 0, 0, 1, 0]


def test_a_calibration_of_another_shape_is_told_and_not_used(probe, start, still, calibration):
    start(VideoSource, parameters=settings(still, camera_info_url=str(calibration), width=200, height=200))
    info = probe.collect("/camera_info", CameraInfo).wait()
    assert (info.width, info.height, info.k[0]) == (200, 200, 0.0)
    warning = probe.wait_for_log("published uncalibrated")
    assert "images are 200x200" in warning
    assert "320x240" in warning


BROKEN = {
    "no_yaml": "image_width: [320\n  : }",
    "nothing": "",
    "a_list": "- 1\n- 2\n",
    "no_matrix": yaml.safe_dump({**CALIBRATION, "camera_matrix": {"data": [1.0]}}),
    "text_for_numbers": yaml.safe_dump({**CALIBRATION, "image_width": "wide"}),
    "negative_size": yaml.safe_dump({**CALIBRATION, "image_width": -4}),
    "no_size": yaml.safe_dump({**CALIBRATION, "image_width": 0, "image_height": 0}),
    "missing_key": yaml.safe_dump({k: v for k, v in CALIBRATION.items() if k != "projection_matrix"}),
    "no_text": b"\xff\xfe\x00\x01",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_calibration_is_refused_with_its_path(tmp_path, content):
    path = tmp_path / "broken.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=r"camera_info_url: .*broken\.yaml"):
        camera_info.load(str(path))


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("/does/not/exist.yaml", "/does/not/exist.yaml: No such file"),
        ("package://no_such_package/a.yaml", "package 'no_such_package' is not installed"),
        ("package:///a.yaml", "is not installed"),
        ("http://host/a.yaml", "http:// is not read; give a path, file:// or package://"),
    ],
)
def test_a_calibration_that_cannot_be_found(location, words):
    with pytest.raises(ConfigError, match=words):
        camera_info.load(location)


def test_variables_in_a_url(monkeypatch, tmp_path, calibration):
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    folder = tmp_path / "camera_info"
    folder.mkdir()
    (folder / "front.yaml").write_bytes(calibration.read_bytes())
    assert camera_info.load("file://${ROS_HOME}/camera_info/${NAME}.yaml", name="front").width == 320
    monkeypatch.delenv("ROS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=rf"{tmp_path}/\.ros/camera_info/camera\.yaml: No such file"):
        camera_info.load("file://${ROS_HOME}/camera_info/${NAME}.yaml")
    with pytest.raises(ConfigError, match="OTHER"):
        camera_info.load("file:///${OTHER}/a.yaml")


def test_the_home_folder_is_looked_up_only_for_urls_that_name_it(monkeypatch):
    monkeypatch.setattr(camera_info, "ros_home", lambda: pytest.fail("looked up"))
    with pytest.raises(ConfigError, match=r"/front\.yaml: No such file"):
        camera_info.load("/${NAME}.yaml", name="front")


def test_region_and_binning_go_through_a_message():
    from face_detect_ros.depth.calibration import Calibration, Roi

    given = Calibration(
        640,
        480,
        "plumb_bob",
        (0.1,) * 5,
        (9.0,) * 9,
        (1.0,) * 9,
        (2.0,) * 12,
        2,
        2,
        Roi(4, 6, 240, 320, True),
    )
    assert camera_info.calibration(camera_info.to_message(given)) == given
    for width, scale in ((160, 1), (320, 2)):
        info = camera_info.for_size(camera_info.to_message(given), width, width * 3 // 4)
        assert (info.binning_x, info.roi.x_offset, info.roi.width, info.width) == (
            2,
            4 * scale,
            320 * scale,
            640 * scale,
        )
    assert camera_info.for_size(camera_info.to_message(given), 640, 400).k[0] == 0  # another shape


def test_a_calibration_inside_a_package(monkeypatch, calibration):
    def share(name):
        assert name == "my_robot"
        return str(calibration.parent)

    monkeypatch.setattr("ament_index_python.packages.get_package_share_directory", share)
    assert camera_info.load("package://my_robot/front%20camera.yaml").width == 320


NOT_CONFIGURABLE = {
    "no_source": ({}, "parameter source is empty; set it to an image"),
    "blank_source": ({"source": "  "}, "source is empty"),
    "mistyped_address": (
        {"source": "rtsp:/admin:hunter2@camera"},
        "looks like an address; begin it with rtsp://; then",
    ),
    "listener": ({"source": "udp://admin:hunter2@0.0.0.0:1"}, "udp://0.0.0.0:1: waits for whoever sends"),
    "missing_file": ({"source": "/does/not/exist.png"}, "/does/not/exist.png: no such file"),
    "unknown_scheme": ({"source": "gopher://host/x"}, "scheme gopher:// is unknown"),
    "broken_calibration": ({"camera_info_url": "/does/not/exist.yaml"}, "camera_info_url: /does/not/exist"),
}


@pytest.mark.parametrize(("wrong", "words"), NOT_CONFIGURABLE.values(), ids=NOT_CONFIGURABLE)
def test_what_cannot_be_configured_can_be_corrected(probe, start, still, wrong, words):
    good = settings(still, camera_info_url="")
    start(VideoSource, parameters={**(good if "camera_info_url" in wrong else {}), **wrong})
    assert probe.wait_for_log(f"cannot configure: .*{words}").endswith(
        "; then try again: ros2 lifecycle set /video_source configure && ros2 lifecycle set /video_source activate"
    )
    status = probe.diagnostics(NODE, lambda status: not status.ok)
    assert status.message.startswith("cannot configure: ")
    assert "hunter2" not in status.message
    assert not probe.logs("hunter2")
    assert not probe.logs("is published on")
    assert probe.state(NODE) == "unconfigured"
    assert all(successful for successful, _ in probe.set_parameters(NODE, **good))
    assert probe.change_state(NODE, "configure")
    assert probe.change_state(NODE, "activate")
    probe.collect("/image_raw", Image).wait()
    probe.diagnostics(NODE, lambda status: status.ok and status.count("published"))


def test_a_source_that_cannot_be_is_refused_while_it_runs(probe, start, still):
    start(VideoSource, parameters=settings(still))
    ((successful, reason),) = probe.set_parameters(NODE, source="gopher://host/x")
    assert not successful
    assert "gopher:// is unknown" in reason
    probe.collect("/image_raw", Image).wait()


def test_a_change_waits_for_the_next_configure(probe, start, still):
    start(VideoSource, parameters=settings(still))
    images = probe.collect("/image_raw", Image)
    images.wait()
    assert probe.set_parameters(NODE, width=160, frame_id="other") == [(True, "")] * 2
    for verb in ("deactivate", "activate"):
        assert probe.change_state(NODE, verb)
    count = len(images)
    wait_until(lambda: len(images) > count + 3, "more images")
    assert {(m.width, m.header.frame_id) for m in images.messages} == {(320, "camera_optical_frame")}
    for verb in ("deactivate", "cleanup", "configure", "activate"):
        assert probe.change_state(NODE, verb)
    images.wait(lambda m: (m.width, m.header.frame_id) == (160, "other"))


def test_deactivated_it_publishes_nothing_and_reads_nothing(probe, start, still):
    local = start(VideoSource, parameters=settings(still))
    images = probe.collect("/image_raw", Image)
    images.wait()
    assert probe.change_state(NODE, "deactivate")
    assert "capture" not in [thread.name for thread in threading.enumerate()]
    published = local.node._published
    assert probe.change_state(NODE, "activate")
    count = len(images)
    wait_until(lambda: len(images) > count, "images again")
    assert local.node._published > published
    for verb in ("deactivate", "cleanup"):
        assert probe.change_state(NODE, verb)
    wait_until(lambda: probe.publishers_of("/image_raw") == [], "no publisher")


def test_the_first_image_of_a_file_is_published_too(probe, start, tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((20, 20, 3), 10 * number, np.uint8))
    seen = []
    hub = ImageHub()
    hub.deliver = lambda topic, frame: seen.append(int(frame.frame().image[0, 0, 0]))
    start(VideoSource, hub=hub, parameters=settings(str(tmp_path), loop=False))
    probe.wait_for_log("finished")
    assert seen == [0, 10, 20]


def test_frames_reach_the_nodes_of_the_process_without_messages(probe, start, still, monkeypatch):
    made = []
    monkeypatch.setattr(video_source, "image_message", lambda *arguments: made.append(1))
    hub = ImageHub()
    local = start(VideoSource, hub=hub, parameters=settings(still))
    frames = []
    consumer = ImageInput(CameraTopics(local.node), hub, "raw", frames.append)
    consumer.start()
    wait_until(lambda: len(frames) > 2, "frames")
    consumer.stop()
    assert not consumer.subscribed
    assert made == []
    assert frames[0].frame_id == "camera_optical_frame"
    assert (frames[0].frame().image == faceless()).all()


class FickleCamera:
    """Gives three images, then is lost; the next one opened does the same."""

    live, rate_hz = True, None
    description = "rtsp://camera/door"

    def __init__(self):
        self.left = 3

    def read(self):
        if not self.left:
            raise SourceError("rtsp://camera/door: no answer")
        self.left -= 1
        threading.Event().wait(0.01)
        return Capture(faceless(12, 16), video_source.time.monotonic())

    def close(self):
        pass


def test_a_lost_camera_is_told_once_and_comes_back(probe, start, monkeypatch):
    opened = []
    let_in = threading.Event()

    def open_camera(options, warn):
        opened.append(options.source)
        if len(opened) > 1 and not let_in.is_set():
            raise SourceError(f"{options.description}: no answer")
        camera = FickleCamera()
        camera.left = 3 if len(opened) == 1 else 10**9
        return camera

    def capture_thread(*arguments):
        return CaptureThread(
            *arguments, open_source=open_camera, backoff=Backoff(first_s=0.02, longest_s=0.05)
        )

    monkeypatch.setattr(video_source, "CaptureThread", capture_thread)
    start(VideoSource, parameters={"source": "rtsp://admin:hunter2@camera/door?token=hunter2"})
    probe.wait_for_log("no answer. Trying again")
    assert "no answer" in probe.diagnostics(NODE, lambda status: not status.ok).message
    wait_until(lambda: len(opened) > 5, "attempts")
    let_in.set()
    probe.wait_for_log("images come again")
    probe.diagnostics(NODE, lambda status: status.ok and status.count("published") > 3)
    assert len(probe.logs("Trying again")) == 1
    assert len(probe.logs("come again")) == 1
    assert opened[0] == "rtsp://admin:hunter2@camera/door?token=hunter2"
    assert probe.logs("hunter2") == []
    told = [str(item) for m in probe._diagnostics.messages for item in m.status]
    assert not [text for text in told if "hunter2" in text]


def test_a_warning_of_the_source_is_told_and_is_no_problem(probe, start, still):
    local = start(VideoSource, parameters=settings(still))
    probe.collect("/image_raw", Image).wait()
    local.node._on_event(SourceEvent("warning", "one file was passed over"))
    probe.wait_for_log("one file was passed over")
    assert probe.diagnostics(NODE).ok


def test_without_listeners_no_message_is_made(probe, start, still, monkeypatch):
    made = []
    monkeypatch.setattr(video_source, "image_message", lambda *a: made.append(1) or image(faceless()))
    local = start(VideoSource, parameters=settings(still))
    wait_until(lambda: local.node._published > 3, "captures")
    assert made == []
    images = probe.collect("/image_raw", Image)
    images.wait()
    assert made
