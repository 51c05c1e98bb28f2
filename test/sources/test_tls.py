# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Network cameras over TLS: who has a wrong certificate gets neither the password nor its images to anybody."""

from __future__ import annotations

import base64
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.sources import MjpegCamera

from face_detect_ros.core.errors import SourceError
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="no openssl to make certificates with"
)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """own.pem of localhost and 127.0.0.1, other.pem of another host, each signed by itself; keys in *.key."""
    folder = tmp_path_factory.mktemp("certificates")
    for name, hosts in {"own": "DNS:localhost,IP:127.0.0.1", "other": "DNS:other.example"}.items():
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ]
        command += ["-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}"]
        subprocess.run(
            [*command, "-addext", f"subjectAltName={hosts}"], cwd=folder, check=True, capture_output=True
        )
    return folder


class Camera(MjpegCamera):
    """Over TLS, with a certificate; `requests` are the headers it got."""

    def __init__(self, certificate: Path) -> None:
        super().__init__()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, certificate.with_suffix(".key"))

    def switch_on(self) -> None:
        super().switch_on()
        assert self._server is not None
        self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True)

    def address(self, host: str) -> str:
        return f"https://admin:hunter2@{host}:{self.port}/video.mjpg"


@pytest.fixture
def cameras(certificates: Path) -> Iterator[dict[str, Camera]]:
    with Camera(certificates / "own.pem") as own, Camera(certificates / "other.pem") as other:
        yield {"own": own, "other": other}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize(
    ("camera", "trusted"), [("own", None), ("other", None), ("other", "other"), ("own", "other")]
)
def test_a_certificate_that_cannot_be_trusted(
    cameras, certificates: Path, monkeypatch: pytest.MonkeyPatch, capfd, camera: str, trusted, host: str
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates / f"{trusted}.pem"))
    with pytest.raises(SourceError, match=r"certificate cannot be trusted .* set insecure to true") as caught:
        open_source(SourceOptions(cameras[camera].address(host)))
    assert cameras[camera].sent == 0
    assert "hunter2" not in str(caught.value) + "".join(capfd.readouterr())


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_certificate_that_the_user_trusts(
    cameras, certificates: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "own.pem"))
    told: list[str] = []
    source = open_source(SourceOptions(cameras["own"].address(host)), told.append)
    assert source.read().image.shape == (48, 64, 3)
    source.close()
    assert not told


def test_insecure_is_the_users_word_and_warned_of(cameras) -> None:
    told: list[str] = []
    source = open_source(SourceOptions(cameras["other"].address("localhost"), insecure=True), told.append)
    assert source.read().image.shape == (48, 64, 3)
    source.close()
    assert "insecure is set" in told[0]
    assert "hunter2" not in told[0]


def test_an_rtsps_camera_is_verified_too(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "other.pem", certificates / "other.key")
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                    with context.wrap_socket(connection, server_side=True) as secured:
                        received.append(secured.recv(1000))
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        address = f"rtsps://admin:hunter2@localhost:{server.getsockname()[1]}/live"
        with pytest.raises(SourceError, match="certificate cannot be trusted"):
            open_source(SourceOptions(address, timeout_s=3))
        assert not any(received)
        with pytest.raises(SourceError, match="no answer"):  # it is not a real camera
            open_source(SourceOptions(address, timeout_s=3, insecure=True))
        assert received[0].startswith(b"OPTIONS rtsps://localhost")


def test_a_redirect_does_not_leave_tls(
    certificates: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "own.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "own.pem", certificates / "own.key")
    with MjpegCamera() as plain, socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                    with context.wrap_socket(connection, server_side=True) as secured:
                        if secured.recv(1000):
                            secured.sendall(f"HTTP/1.1 302 Found\r\nLocation: {plain.url}\r\n\r\n".encode())
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(SourceError, match="no answer, or no video"):
            open_source(
                SourceOptions(f"https://admin:hunter2@localhost:{server.getsockname()[1]}/x", timeout_s=3)
            )
        assert plain.sent == 0
    assert base64.b64encode(b"admin:hunter2").decode() not in "".join(capfd.readouterr())
