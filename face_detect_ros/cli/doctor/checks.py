# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What `face_detect_ros doctor` looks at, in order."""

from __future__ import annotations

from collections.abc import Callable

from face_detect_ros.cli.doctor import desktop, libraries, transport
from face_detect_ros.cli.doctor.finding import Finding

CHECKS: tuple[Callable[[], Finding], ...] = (
    libraries.check_python,
    libraries.check_numpy,
    libraries.check_opencv,
    libraries.check_rclpy,
    libraries.check_messages,
    libraries.check_vision_msgs,
    libraries.check_cv_bridge,
    libraries.check_tf2,
    libraries.check_dlib,
    libraries.check_face_models,
    libraries.check_face_detector,
    libraries.check_torch,
    libraries.check_transformers,
    libraries.check_safetensors,
    libraries.check_onnxruntime,
    libraries.check_rosbags,
    libraries.check_viewer,
    transport.check_large_images,
    transport.check_shared_memory,
    transport.check_leftovers,
    transport.check_other_users,
    transport.check_socket_buffers,
    desktop.check_display,
    desktop.check_ffmpeg,
    desktop.check_fonts,
)


def run_checks(topic: str = "") -> list[Finding]:
    """Every check in order, at last one of an image topic if it is given.

    A check that fails in an unforeseen way becomes a finding; it never raises.
    """
    named = [(check.__name__.removeprefix("check_").replace("_", " "), check) for check in CHECKS]
    if topic:
        named.append((topic, lambda: transport.check_topic(topic)))
    findings = []
    for name, check in named:
        try:
            findings.append(check())
        except Exception as error:  # noqa: BLE001 - broken installations raise anything
            findings.append(Finding(name, "bad", f"{type(error).__name__}: {error}", "reinstall it"))
    return findings
