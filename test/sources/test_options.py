# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Options of a source: what they accept, what they name, and what they never print."""

from __future__ import annotations

import dataclasses

import pytest

from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import Kind, SourceOptions, expand_path, without_password


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("picture.jpg", Kind.FILE),
        ("/some/folder", Kind.FILE),
        ("~/clip.mp4", Kind.FILE),
        ("/dev/shm/clip.mp4", Kind.FILE),
        ("screenshot.png", Kind.FILE),
        ("/dev/video0", Kind.CAMERA),
        ("/dev/v4l/by-id/usb-cam-index0", Kind.CAMERA),
        ("0", Kind.CAMERA),
        (" 12 ", Kind.CAMERA),
        pytest.param("9" * 5000, Kind.FILE, id="5000 digits"),
        ("rtsp://camera/stream", Kind.STREAM),
        ("HTTP://camera/video.mjpg", Kind.STREAM),
        ("udp://239.0.0.1:1234", Kind.STREAM),
        ("screen", Kind.SCREEN),
        ("screen::0.0+10,20", Kind.SCREEN),
        ("sample:astronaut", Kind.SAMPLE),
    ],
)
def test_kind(source: str, kind: Kind) -> None:
    options = SourceOptions(source, listen=True)
    assert options.kind is kind
    assert options.description
    assert options.live is (kind in (Kind.CAMERA, Kind.STREAM, Kind.SCREEN))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"source": ""}, "source is empty"),
        ({"source": "  "}, "source is empty"),
        ({"source": None}, "source is empty"),
        ({"source": "gopher://host/x"}, "gopher:// is unknown; give one of rtsp"),
        ({"rate_hz": -1.0}, "rate_hz is -1.0; give a number from 0 to 1000"),
        ({"rate_hz": float("nan")}, "rate_hz is nan"),
        ({"rate_hz": float("inf")}, "rate_hz is inf"),
        ({"rate_hz": 1000.1}, "rate_hz"),
        ({"rate_hz": "30"}, "rate_hz"),
        ({"rate_hz": True}, "rate_hz"),
        ({"width": -1}, "width is -1; give a whole number from 0 to 16384"),
        ({"width": 64.5}, "width"),
        ({"height": 16385}, "height"),
        ({"height": True}, "height"),
        ({"hold_frames": 0}, "hold_frames is 0"),
        ({"timeout_s": 0.0}, "timeout_s is 0.0"),
        ({"loop": 1}, "loop is 1; give true or false"),
        ({"motion": "yes"}, "motion"),
        ({"insecure": 1}, "insecure"),
        ({"listen": None}, "listen"),
        ({"max_image_mpx": 0}, "max_image_mpx is 0; give a number"),
        ({"max_image_mpx": 1000}, "max_image_mpx"),
    ],
    ids=str,
)
def test_bad_values_say_what_and_what_next(change: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        SourceOptions(**{"source": "x.jpg", **change})


@pytest.mark.parametrize(
    "change",
    [
        {"rate_hz": 1000},
        {"rate_hz": 0},
        {"width": 16384, "height": 1},
        {"hold_frames": 1},
        {"timeout_s": 0.1},
    ],
    ids=str,
)
def test_values_at_the_limits_are_fine(change: dict) -> None:
    SourceOptions("x.jpg", **change)


def test_defaults() -> None:
    expected = {
        "rate_hz": 0.0,
        "width": 0,
        "height": 0,
        "loop": True,
        "motion": False,
        "hold_frames": 1,
        "timeout_s": 5.0,
        "max_image_mpx": 100.0,
        "insecure": False,
        "listen": False,
    }
    values = dataclasses.asdict(SourceOptions("x"))
    assert values == {"source": "x", **expected}


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("clip.mp4", "clip.mp4"),
        (" 02 ", "/dev/video2"),
        ("rtsp://camera:554/main", "rtsp://camera:554/main"),
        ("rtsp://admin:hunter2@camera:554/main", "rtsp://camera:554/main"),
        ("rtsp://admin@camera/main", "rtsp://camera/main"),
        ("rtsp://admin:hun/ter2@camera/main", "rtsp://camera/main"),
        ("rtsp://admin:hunter2#1?@camera/main", "rtsp://camera/main"),
        ("rtsp://admin:hunter2@x@camera/main", "rtsp://camera/main"),
        ("http://camera/v.cgi?user=admin&pwd=hunter2", "http://camera/v.cgi"),
        ("http://camera/v.mjpg#hunter2", "http://camera/v.mjpg"),
        (
            "rtsp://camera/user=admin_password=hunter2_channel=1.sdp",
            "rtsp://camera/user=..._password=..._channel=...",
        ),
        ("rtsp://[::1]:8554/live", "rtsp://[::1]:8554/live"),
    ],
)
def test_passwords_are_never_shown(source: str, shown: str) -> None:
    options = SourceOptions(source)
    assert options.description == without_password(source)
    for text in (options.description, repr(options), str(options)):
        assert "hunter2" not in text
        assert "ter2" not in text
    if "_password=" not in source:
        assert options.description == shown


@pytest.mark.parametrize(
    "source",
    [
        "rtsp:/admin:hunter2@camera/main",
        "rtsp:admin:hunter2@camera/main",
        "rtsp//admin:hunter2@camera/main",
        "RTSP:\\\\admin:hunter2@camera/main",
        "rtps://admin:hunter2@camera/main",
        "admin:hunter2@rtsp://camera/main",
        "sample:admin:hunter2@camera/main",
        "screen:admin:hunter2@camera/main",
        "/dev/video0 admin:hunter2@camera/main",
        "admin:hunter2@camera:554/main",
        "admin:hun/ter2@camera/main",
        "://admin:hunter2@camera",
    ],
)
def test_mistyped_addresses_are_errors_that_do_not_show_them(source: str) -> None:
    with pytest.raises(ConfigError, match=r"looks like an address|is unknown") as caught:
        SourceOptions(source)
    assert "ter2" not in str(caught.value)
    assert "ter2" not in without_password(source)


@pytest.mark.parametrize(
    "source", ["//admin:hunter2@camera/main", "./admin:hunter2@camera", "~admin:hunter2@camera"]
)
def test_a_path_that_looks_like_an_address_is_not_shown(source: str) -> None:
    options = SourceOptions(source)
    assert options.kind is Kind.FILE
    with pytest.raises(SourceError) as caught:
        open_source(options)
    assert "ter2" not in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "udp://0.0.0.0:1234",
        "udp://239.0.0.1:1234",
        "tcp://0.0.0.0:1234?listen=1",
        "tcp://0.0.0.0:1234?timeout=1&listen",
        "rtmp://127.0.0.1/live?LISTEN=1",
        "http://127.0.0.1:1/x?listen=2",
        "rtmp://127.0.0.1/live rtmp_listen=1",
    ],
)
def test_a_source_waits_for_senders_only_when_asked(source: str) -> None:
    with pytest.raises(ConfigError, match="waits for whoever sends, from anywhere"):
        SourceOptions(source)
    assert SourceOptions(source, listen=True).kind is Kind.STREAM


@pytest.mark.parametrize(
    "source", ["tcp://camera:1234", "http://camera/listen?listener=1", "rtsp://listen/x"]
)
def test_other_sources_ask(source: str) -> None:
    SourceOptions(source)


def test_a_source_cannot_command_a_terminal() -> None:
    assert SourceOptions("rtsp://a/\x1b[31mb\nc").description == "rtsp://a/\\x1b[31mb\\nc"


def test_a_path_may_start_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert str(expand_path("~/a.jpg")) == "/home/someone/a.jpg"
