# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Two hosts of network namespaces: packets go from one to the other, over a cable of a chosen rate, delay and loss."""

import subprocess
import sys

import pytest

from face_detect_ros.benchmarks.two_hosts import NETWORK, Cable, missing, two_hosts

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"no two hosts here: {missing()}")

ECHO = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
    end.bind(("", 9000))
    print("ready", flush=True)
    while True:
        data, address = end.recvfrom(65535)
        end.sendto(data, address)
"""
ASK = f"""
import os, socket, time
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
    end.settimeout(0.5)
    came, fastest = 0, 0.5
    for number in range(5):
        started = time.monotonic()
        end.sendto(bytes(4000), ("{NETWORK}.2", 9000))  # several packets
        try:
            came += end.recvfrom(65535)[0] == bytes(4000)
            fastest = min(fastest, time.monotonic() - started)
        except TimeoutError:
            pass
    print(came, fastest, len(os.listdir("/dev/shm")))
"""


def ask(cable):
    with two_hosts(cable) as hosts:
        echo = subprocess.Popen(
            hosts.command(1, [sys.executable, "-I", "-c", ECHO]), stdout=subprocess.PIPE, text=True
        )
        try:
            assert echo.stdout.readline() == "ready\n"
            command = hosts.command(0, [sys.executable, "-I", "-c", ASK])
            answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        finally:
            echo.kill()
            echo.communicate()
        names = hosts.names
    left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert not any(name in left for name in names)
    came, fastest, shared = answer.split()
    return int(came), float(fastest), int(shared)


def test_a_plain_cable_brings_everything():
    came, _, shared = ask(Cable("plain", rate_mbit=100))
    assert came == 5
    assert shared == 0, "files in /dev/shm: hosts must not share memory"


def test_a_bad_cable_is_late():
    came, fastest, _ = ask(Cable("late", delay_ms=30))
    assert came == 5
    assert fastest >= 0.06


def test_a_broken_cable_brings_nothing():
    # also proves that hosts see each other through the cable only
    assert ask(Cable("broken", loss=1.0))[0] == 0
