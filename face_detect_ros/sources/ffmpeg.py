# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Opening videos and streams with FFmpeg, through OpenCV: only the protocols that were asked for, and verified TLS."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# read once, when OpenCV opens its first video: FFmpeg's own messages show URLs with their passwords
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2

from face_detect_ros.core.errors import SourceError
from face_detect_ros.sources.options import SourceOptions

_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
# segments and keys of HLS come over the same network; never from files, nor without TLS where that was asked for
_HTTPS = "https,tls,tcp,crypto,data,httpproxy"
_PROTOCOLS = {
    "http": f"http,{_HTTPS}",
    "https": _HTTPS,
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtsps": "rtsps,rtp,udp,tls,tcp",
    "rtmp": "rtmp,tcp",
    "udp": "udp,rtp",
    "tcp": "tcp",
}
_PORTS = {"https": 443, "rtsps": 322}
_lock = threading.Lock()


def open_file(path: Path) -> Any:
    """A cv2.VideoCapture of a video file, which may refer to no other file and to no network; open or not."""
    with _ffmpeg_options("protocol_whitelist;file"):
        return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)


def open_url(options: SourceOptions) -> Any:
    """A cv2.VideoCapture of a network stream, open or not. Waits at most `timeout_s`.

    Raises SourceError if its certificate cannot be trusted.
    """
    url = options.source.strip()
    scheme = url.split("://", 1)[0].lower()
    # TCP: over UDP images tear
    settings = [f"protocol_whitelist;{_PROTOCOLS[scheme]}", "rtsp_flags;prefer_tcp"]
    if scheme in _PORTS and not options.insecure:
        certificates = _certificates()
        _verify(url, scheme, options, certificates)
        settings += ["tls_verify;1", f"ca_file;{certificates}"]
    timeout_ms = round(options.timeout_s * 1000)
    arguments = []
    for name, value in (
        ("CAP_PROP_OPEN_TIMEOUT_MSEC", timeout_ms),
        ("CAP_PROP_READ_TIMEOUT_MSEC", timeout_ms),
        # every decoding thread more delays the images by one
        ("CAP_PROP_N_THREADS", 1),
    ):
        if hasattr(cv2, name):  # the last is missing in OpenCV 4.5
            arguments += [getattr(cv2, name), value]
    with _ffmpeg_options("|".join(settings)):
        # FFmpeg by name: on failure, others would be tried, and their messages show the URL with its password
        return cv2.VideoCapture(url, cv2.CAP_FFMPEG, arguments)


def _certificates() -> str:
    """The file with the certificates that are trusted: $SSL_CERT_FILE, or the system's."""
    known = ssl.get_default_verify_paths().cafile  # knows the variable
    return next((path for path in (known, *_CERTIFICATES) if path and os.path.isfile(path)), "")


def _verify(url: str, scheme: str, options: SourceOptions, certificates: str) -> None:
    """Look at the certificate before anything is sent: some builds of FFmpeg do not compare it with the host."""
    try:
        host, port = urlsplit(url).hostname, urlsplit(url).port or _PORTS[scheme]
        context = ssl.create_default_context(cafile=certificates or None)
        with (
            socket.create_connection((host or "", port), options.timeout_s) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            pass
    except ssl.SSLCertVerificationError as error:
        raise SourceError(
            f"{options.description}: its certificate cannot be trusted ({error.verify_message.rstrip('.')}); let "
            "SSL_CERT_FILE name a file with the camera's certificate, or set insecure to true to do without"
        ) from error
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{options.description}: no answer over TLS; check the address, port and network"
        ) from error


@contextlib.contextmanager
def _ffmpeg_options(settings: str) -> Iterator[None]:
    """Inside, OpenCV gives FFmpeg these options, and those that the user's environment has; one thread at a time."""
    with _lock:
        given = os.environ.get(_OPTIONS)
        os.environ[_OPTIONS] = f"{settings}|{given}" if given else settings
        try:
            yield
        finally:
            if given is None:
                del os.environ[_OPTIONS]
            else:
                os.environ[_OPTIONS] = given
