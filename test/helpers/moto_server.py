# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An S3 server of this machine, where moto and s3fs are installed, which nothing else needs."""

import contextlib
import secrets

import pytest


@contextlib.contextmanager
def s3(monkeypatch):
    """Starts the server with a new bucket, and points s3:// URLs to it, in this process and its children."""
    pytest.importorskip("s3fs", reason="needs s3fs, an optional package")
    server = pytest.importorskip("moto.server", reason="needs moto with its server, an optional package")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        host, port = running.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "hunter2")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        import s3fs

        s3fs.S3FileSystem.clear_instance_cache()
        bucket = f"robots-{secrets.token_hex(4)}"  # servers of one process share their buckets
        s3fs.S3FileSystem().mkdir(bucket)
        yield f"s3://{bucket}"
    finally:
        running.stop()
