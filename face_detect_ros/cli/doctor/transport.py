# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How large images get from process to process."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from face_detect_ros.cli.doctor.finding import Finding
from face_detect_ros.ros import shared_memory

_SMALL_BYTES = 250_000_000


def check_large_images() -> Finding:
    name = "large images"
    if not os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp").startswith("rmw_fastrtps"):
        return Finding(name, "ok", "RMW_IMPLEMENTATION is not Fast DDS: it needs no profile")
    if os.environ.get("FASTDDS_BUILTIN_TRANSPORTS", "").startswith("LARGE_DATA"):
        return Finding(
            name,
            "note",
            "FASTDDS_BUILTIN_TRANSPORTS=LARGE_DATA: nodes without it are not seen",
            "set it for every process, or for none: the nodes here bring a profile of their own",
        )
    profile = shared_memory.profile() or shared_memory.SMALL_PROFILE
    return Finding(
        name,
        "ok",
        "the nodes here use a Fast DDS profile of their own; for other cameras: "
        f"export {shared_memory.profile_variable()}={profile}",
    )


def check_shared_memory() -> Finding:
    name = "shared memory"
    free = shared_memory.free_bytes()
    if free is None:
        return Finding(
            name,
            "note",
            f"no {shared_memory.FOLDER}: images go over UDP",
            "mount a tmpfs there, of 512 MB or more",
        )
    detail = f"{free / 1e6:.0f} MB free in {shared_memory.FOLDER}"
    if free < _SMALL_BYTES:
        advice = "in a container: --shm-size 512m (compose: shm_size); else free some, see leftovers"
        return Finding(name, "note", f"{detail}: too little for many nodes with large images", advice)
    return Finding(name, "ok", detail)


def check_leftovers() -> Finding:
    name = "leftovers"
    dead = shared_memory.dead_segments()
    if not dead:
        return Finding(name, "ok", f"no shared memory of dead processes in {shared_memory.FOLDER}")
    size = sum(path.stat().st_size for path in dead if path.exists())
    files = ", ".join(path.name for path in dead[:3]) + (
        f" and {len(dead) - 3} more" if len(dead) > 3 else ""
    )
    return Finding(
        name,
        "note",
        f"{size / 1e6:.0f} MB of processes that were killed, in {shared_memory.FOLDER}: {files}",
        "the next node that starts here removes them",
    )


def check_other_users() -> Finding:
    name = "other users"
    users = sorted(map(_user, shared_memory.other_users()))
    if not users:
        return Finding(name, "ok", "all nodes that use shared memory here are of one user")
    return Finding(
        name,
        "note",
        f"nodes of {', '.join(users)} run here too; between users images go over UDP, and large ones get lost",
        "run camera and detectors as the same user",
    )


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def check_topic(topic: str) -> Finding:
    """Listen to a topic of images for some seconds."""
    from face_detect_ros.ros.topic_check import listen  # with rclpy, which may be missing

    heard = listen(topic)
    if heard.published_hz:
        detail = f"{heard.arriving_hz:.1f} of {heard.published_hz:.1f} images per second arrive"
    else:
        detail = f"{heard.images} images came, too few to tell their rate"
    if heard.problem:
        what, _, advice = heard.problem.partition(". ")
        return Finding(topic, "note", detail if heard.published_hz else what, advice or heard.problem)
    return Finding(topic, "ok", detail)


def check_socket_buffers() -> Finding:
    path = Path("/proc/sys/net/core/rmem_max")
    if not path.exists():
        return Finding("socket buffers", "note", f"{path} cannot be read here")
    size = int(path.read_text())
    detail = f"net.core.rmem_max is {size} bytes"
    # one 1080p image; only matters where images go over UDP
    if size < 1920 * 1080 * 3:
        advice = "for images over UDP from another computer: sudo sysctl -w net.core.rmem_max=33554432"
        return Finding("socket buffers", "note", detail, advice)
    return Finding("socket buffers", "ok", detail)
