# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Settings of the page's server."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from face_detect_ros.core.errors import ConfigError

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8484
"""Where the search for a free port begins."""
PORTS_TRIED = 20


@dataclass(frozen=True)
class ServerOptions:
    """How the page is served.

    Attributes:
        host: Address to listen on. Other computers reach the page only if it is not a loopback address; every request
            then needs a token.
        port: 0: DEFAULT_PORT, or the next free one.
        token: Password of the page. Empty: none on a loopback address, a random one elsewhere.
        max_rate_hz: Most images per second that one browser gets.
        max_width_px: Wider images are shrunk before they are encoded.
        jpeg_quality: 1 to 100.

    Raises:
        ConfigError: For an address or port that cannot be used.
    """

    host: str = DEFAULT_HOST
    port: int = 0
    token: str = ""
    max_rate_hz: float = 15.0
    max_width_px: int = 1280
    jpeg_quality: int = 80

    def __post_init__(self) -> None:
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            raise ConfigError(
                f"host is {self.host!r}; give an IP address: 127.0.0.1 for this computer only, 0.0.0.0 for everybody"
            ) from None
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port is {self.port}; give a number from 0 to 65535")
        if self.token and (len(self.token) < 8 or not self.token.isascii() or not self.token.isprintable()):
            raise ConfigError("token is too short or has unusual characters; give 8 or more ASCII characters")

    @property
    def local(self) -> bool:
        """Whether only this computer reaches the page."""
        return ipaddress.ip_address(self.host).is_loopback
