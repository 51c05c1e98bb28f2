# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Two hosts on one machine: network namespaces with a cable between them whose rate, delay and loss are chosen.

Needs root and iproute2. Each host has a /dev/shm of its own, as another computer would.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from face_detect_ros.core.errors import ConfigError

NETWORK = "10.231.77"
_RELAY = """
import heapq, random, select, socket, sys, time
delay_s, loss = float(sys.argv[1]), float(sys.argv[2])
ends = []
for name in sys.argv[3:]:
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    end.setsockopt(socket.SOL_SOCKET, 33, 1 << 25)  # SO_RCVBUFFORCE
    end.bind((name, 0))
    ends.append(end)
print("ready", flush=True)
chance, waiting, number = random.Random(0), [], 0
while True:
    wait_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
    for end in select.select(ends, [], [], wait_s)[0]:
        frame, address = end.recvfrom(65535)
        if address[2] != socket.PACKET_OUTGOING and chance.random() >= loss:
            number += 1
            other = ends[1] if end is ends[0] else ends[0]
            heapq.heappush(waiting, (time.monotonic() + delay_s, number, other, frame))
    while waiting and waiting[0][0] <= time.monotonic():
        _, _, other, frame = heapq.heappop(waiting)
        other.send(frame)
"""
# checksums are filled in by hardware that a relay in between does not have
_NO_OFFLOAD = """
import fcntl, socket, struct, sys
import array
for command in (0x17, 0x1F, 0x25):  # ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO
    value = array.array("B", struct.pack("II", command, 0))
    request = struct.pack("16sP", sys.argv[1].encode(), value.buffer_info()[0])
    fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8946, request)
"""


@dataclass(frozen=True)
class Cable:
    """What is between the hosts.

    Attributes:
        name: For tables.
        rate_mbit: Most megabits per second in each direction; 0: as fast as the machine.
        delay_ms: One way.
        loss: Share of the packets that are lost.
    """

    name: str
    rate_mbit: float = 0.0
    delay_ms: float = 0.0
    loss: float = 0.0


class TwoHosts:
    """The hosts, while they exist. Commands are run on one of them."""

    def __init__(self, names: tuple[str, str]) -> None:
        self.names = names

    def command(self, host: int, words: Sequence[str]) -> list[str]:
        """The command that runs `words` on host 0 or 1."""
        own_memory = 'mount -t tmpfs -o size=512m tmpfs /dev/shm && exec "$@"'
        inside = ["unshare", "--mount", "sh", "-c", own_memory, "sh", *words]
        return ["ip", "netns", "exec", self.names[host], *inside]


def missing() -> str:
    """Why hosts cannot be made here; empty if they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    lost = [name for name in ("ip", "tc", "unshare") if shutil.which(name) is None]
    if lost:
        return f"{', '.join(lost)} is not installed; sudo apt install iproute2 util-linux"
    probe = f"probe-{os.getpid()}"
    try:
        _run("ip", "netns", "add", probe)
        _run("ip", "netns", "delete", probe)
    except ConfigError as error:
        return str(error)
    return ""


@contextlib.contextmanager
def two_hosts(cable: Cable) -> Iterator[TwoHosts]:
    """Make two hosts, with addresses 1 and 2 of `NETWORK`; they are removed afterwards.

    Raises:
        ConfigError: This user or this kernel cannot make them.
    """
    reason = missing()
    if reason:
        raise ConfigError(f"no two hosts: {reason}")
    number = os.getpid()
    hosts = (f"camera-{number}", f"robot-{number}")
    relayed = cable.delay_ms > 0 or cable.loss > 0
    spaces = [*hosts, f"relay-{number}"] if relayed else list(hosts)
    relay: subprocess.Popen[str] | None = None
    try:
        for space in spaces:
            _run("ip", "netns", "add", space)
        if relayed:
            for host, end in zip(hosts, ("left", "right"), strict=True):
                _cable(host, "eth0", spaces[2], end)
                _run("ip", "netns", "exec", spaces[2], "ip", "link", "set", end, "up")
                _run("ip", "netns", "exec", host, sys.executable, "-c", _NO_OFFLOAD, "eth0")
            values = [str(cable.delay_ms * 1e-3), str(cable.loss), "left", "right"]
            relay = subprocess.Popen(
                ["ip", "netns", "exec", spaces[2], sys.executable, "-c", _RELAY, *values],
                stdout=subprocess.PIPE,
                text=True,
            )
            if relay.stdout is None or relay.stdout.readline() != "ready\n":
                raise ConfigError("no two hosts: the relay between them does not start")
        else:
            _cable(hosts[0], "eth0", hosts[1], "eth0")
        for address, host in enumerate(hosts, start=1):
            inside = ["ip", "netns", "exec", host]
            _run(*inside, "ip", "address", "add", f"{NETWORK}.{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _run(*inside, "ip", "link", "set", device, "up")
            _run(*inside, "ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
            if cable.rate_mbit:
                limit = ["rate", f"{cable.rate_mbit}mbit", "burst", "256kb", "latency", "50ms"]
                _run(*inside, "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *limit)
        yield TwoHosts(hosts)
    finally:
        if relay is not None:
            relay.kill()
            relay.communicate()
        for space in spaces:
            with contextlib.suppress(ConfigError):
                _run("ip", "netns", "delete", space)


def _cable(one: str, device: str, other: str, end: str) -> None:
    _run("ip", "link", "add", device, "netns", one, "type", "veth", "peer", "name", end, "netns", other)


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise ConfigError(f"{' '.join(words[:4])}: {done.stderr.strip() or 'failed'}")
