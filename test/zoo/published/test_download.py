# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fetching from a real server that behaves badly in every way that servers, networks, disks and users do."""

import hashlib
import json
import os
import resource
import shutil
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.file_server import FileServer, Served

from face_detect_ros.core.errors import OutputError, WeightsError
from face_detect_ros.files.machine import boot
from face_detect_ros.zoo.published import cache, download, partial_file
from face_detect_ros.zoo.published.checkpoints import Checkpoint
from face_detect_ros.zoo.published.http import HttpOptions
from face_detect_ros.zoo.published.partial_file import Part

pytestmark = pytest.mark.usefixtures("models")
CONTENT = np.random.default_rng(0).bytes(700_000)
QUICK = HttpOptions(timeout_s=5.0, attempts=4, first_delay_s=0.01)


def fetch(checkpoint: Checkpoint, **arguments: object) -> Path:
    return download.fetch(checkpoint, options=QUICK, **arguments)


def served(server: FileServer, name: str = "m", file: str = "w.pt") -> Served:
    return server.files[f"/{name}/{file}"]


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_one_file_gives_the_file_several_give_their_folder(server, models) -> None:
    one = server.checkpoint("one", w_pt=CONTENT)
    several = server.checkpoint("several", known=False, config_json=b"{}", w_safetensors=CONTENT)
    shown = []
    assert fetch(one, progress=lambda *now: shown.append(now)) == models / "one" / "w.pt"
    assert fetch(several) == models / "several"
    assert (models / "one" / "w.pt").read_bytes() == CONTENT
    assert (models / "several" / "config.json").read_bytes() == b"{}"
    assert left(models / "several") == {"config.json", "w.safetensors", "checksums.json", ".lock"}
    assert shown[0] == ("w.pt", 0, len(CONTENT))
    assert shown[-1] == ("w.pt", len(CONTENT), len(CONTENT))
    assert cache.locate(one) == models / "one" / "w.pt"


def test_what_is_here_is_not_fetched_again_and_what_is_altered_is(server, models) -> None:
    checkpoint = server.checkpoint("m", a_json=b"{}", w_pt=CONTENT)
    fetch(checkpoint)
    fetch(checkpoint)
    assert len(server.requests) == 2
    (models / "m" / "w.pt").write_bytes(b"x" + CONTENT[1:])
    fetch(checkpoint)
    assert [path for path, _ in server.requests][2:] == ["/m/w.pt"]
    assert (models / "m" / "w.pt").read_bytes() == CONTENT


@pytest.mark.parametrize("altered", ["a.json", "checksums.json"])
def test_all_is_fetched_where_what_came_with_the_environment_is_altered(
    server, models, tmp_path, monkeypatch, altered
) -> None:
    monkeypatch.setattr(cache, "installed_root", lambda: tmp_path / "installed")
    checkpoint = server.checkpoint("m", a_json=b"{}", b_json=b"[]", w_pt=CONTENT)
    shutil.copytree(fetch(checkpoint), tmp_path / "installed" / "m")
    shutil.rmtree(models)
    assert fetch(checkpoint) == tmp_path / "installed" / "m"
    assert len(server.requests) == 3
    (tmp_path / "installed" / "m" / altered).write_text("{")
    served(server, file="a.json").statuses = [404]
    with pytest.raises(WeightsError, match=rf"or copy a\.json, b\.json, w\.pt into {models}/m by hand"):
        fetch(checkpoint)
    for _ in range(2):
        assert fetch(checkpoint) == models / "m"
        assert cache.locate(checkpoint) == models / "m"
    assert len(server.requests) == 3 + 1 + 3


@pytest.mark.parametrize("known", [True, False])
def test_a_broken_connection_is_continued(server, known) -> None:
    checkpoint = server.checkpoint("m", known=known, w_pt=CONTENT)
    served(server).cuts = [200_000, 150_000]
    assert fetch(checkpoint).read_bytes() == CONTENT
    assert server.ranges_asked() == ["", "bytes=200000-", "bytes=350000-"]
    assert server.requests[1][1]["If-Range"] == '"1"'


def test_by_date_where_there_is_no_strong_tag(server) -> None:
    checkpoint = server.checkpoint("m", known=False, w_pt=CONTENT)
    served(server).etag, served(server).modified = 'W/"1"', "Wed, 01 Jan 2025 00:00:00 GMT"
    served(server).cuts = [200_000]
    assert fetch(checkpoint).read_bytes() == CONTENT
    assert server.requests[1][1]["If-Range"] == "Wed, 01 Jan 2025 00:00:00 GMT"


def test_from_the_start_where_nothing_says_that_the_file_is_the_same(server) -> None:
    checkpoint = server.checkpoint("m", known=False, w_pt=CONTENT)
    served(server).etag = ""
    served(server).cuts = [200_000]
    assert fetch(checkpoint).read_bytes() == CONTENT
    assert server.ranges_asked() == ["", ""]


def test_from_the_start_where_the_server_cannot_continue(server) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    served(server).ranges = False
    served(server).cuts = [200_000]
    assert fetch(checkpoint).read_bytes() == CONTENT


@pytest.mark.parametrize("heeds_if_range", [True, False])
def test_a_file_that_changes_in_between_is_not_mixed(server, heeds_if_range) -> None:
    checkpoint = server.checkpoint("m", known=False, w_pt=CONTENT)
    served(server).cuts = [200_000, 0, 0, 0]
    with pytest.raises(WeightsError, match="4 attempts"):
        fetch(checkpoint)
    server.files["/m/w.pt"] = Served(CONTENT[::-1], etag='"2"', heeds_if_range=heeds_if_range)
    assert fetch(checkpoint).read_bytes() == CONTENT[::-1]


def test_no_length_is_fine(server) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    served(server).tells_length = False
    totals = set()
    fetch(checkpoint, progress=lambda name, done, total: totals.add(total))
    assert totals == {None}


@pytest.mark.parametrize("statuses", [[500], [503, 429], [502, 504, 500]])
def test_a_passing_fault_of_the_server_is_waited_out(server, statuses) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    served(server).statuses = statuses
    served(server).retry_after = "0"
    assert fetch(checkpoint).read_bytes() == CONTENT


def test_a_server_that_falls_silent_is_given_up_and_asked_again(server) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    served(server).stall = 1 << 17
    with pytest.raises(
        WeightsError, match=r"m: http://.*/w\.pt: the connection broke after \d+ bytes.*by hand"
    ):
        download.fetch(checkpoint, options=HttpOptions(timeout_s=0.2, attempts=2, first_delay_s=0.01))
    served(server).stall = None
    assert fetch(checkpoint).read_bytes() == CONTENT
    assert server.ranges_asked()[-1] == f"bytes={1 << 17}-"


@pytest.mark.parametrize(
    ("status", "said"),
    [(404, "not there any more"), (403, "login"), (401, "login"), (410, "not there"), (418, "HTTP 418")],
)
def test_a_refusal_is_said_at_once_with_what_to_do(server, models, status, said) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT, z_json=b"{}")
    served(server).statuses = [status]
    with pytest.raises(WeightsError, match=said) as caught:
        fetch(checkpoint)
    assert len(server.requests) == 1
    for needed in (checkpoint.files[0].url, f"copy w.pt, z.json into {models}/m by hand", checkpoint.source):
        assert needed in str(caught.value)
    assert not (models / "m" / "w.pt").exists()


def test_no_network_is_said_with_what_to_do(server) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    server.close()
    with pytest.raises(WeightsError, match=r"cannot be reached: .*refused.* \(4 attempts\).*by hand"):
        fetch(checkpoint)


def test_wrong_content_is_not_kept(server, models) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    served(server).content = CONTENT[::-1]
    with pytest.raises(WeightsError, match=r"expected [0-9a-f]{12}\.\.\.; it was not kept"):
        fetch(checkpoint)
    assert left(models / "m") == {".lock"}


def test_a_damaged_part_is_fetched_again_from_the_start(server, models) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    served(server).cuts = [200_000, 0, 0, 0]
    with pytest.raises(WeightsError):
        fetch(checkpoint)
    part = models / "m" / "w.pt.part"
    part.write_bytes(bytes(part.stat().st_size))
    assert fetch(checkpoint).read_bytes() == CONTENT
    assert server.ranges_asked()[-2:] == ["bytes=200000-", ""]


def test_a_part_of_another_address_or_beyond_the_end_is_fetched_from_the_start(server, models) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    url = checkpoint.files[0].url
    for at, size in ((f"{url}-old", 1000), (url, len(CONTENT)), (url, len(CONTENT) + 1)):
        (models / "m").mkdir(parents=True, exist_ok=True)
        (models / "m" / "w.pt").unlink(missing_ok=True)
        (models / "m" / "w.pt.part").write_bytes(b"x" * size)
        partial_file.write(models / "m" / "w.pt.part", Part(at, '"1"', boot=boot()))
        assert fetch(checkpoint).read_bytes() == CONTENT


@pytest.mark.parametrize(("known", "asked"), [(True, "bytes=1000-"), (False, "")])
def test_a_part_from_before_a_crash_of_the_machine_is_continued_if_it_is_checked(
    server, models, known, asked
) -> None:
    checkpoint = server.checkpoint("m", known=known, w_pt=CONTENT)
    (models / "m").mkdir(parents=True)
    part = models / "m" / "w.pt.part"
    part.write_bytes(CONTENT[:1000])
    partial_file.write(part, Part(checkpoint.files[0].url, '"1"', len(CONTENT), boot="an earlier one"))
    assert fetch(checkpoint).read_bytes() == CONTENT
    assert server.ranges_asked() == [asked]


def test_a_compressed_answer_is_not_taken_for_the_file(server) -> None:
    checkpoint = server.checkpoint("m", known=False, w_pt=CONTENT)
    served(server).encoding = "gzip"
    with pytest.raises(WeightsError, match="came as gzip"):
        fetch(checkpoint)


def test_a_web_page_is_not_taken_for_weights(server) -> None:
    checkpoint = server.checkpoint("m", known=False, w_pt=b"<html>log in</html>")
    served(server).content_type = "text/html; charset=utf-8"
    with pytest.raises(WeightsError, match="web page"):
        fetch(checkpoint)


def test_the_digest_is_recorded_on_first_fetch_and_holds_from_then_on(server, models) -> None:
    checkpoint = server.checkpoint("m", known=False, w_pt=CONTENT)
    fetch(checkpoint)
    record = json.loads((models / "m" / "checksums.json").read_text())
    assert record["files"]["w.pt"]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    (models / "m" / "w.pt").unlink()
    served(server).content = CONTENT[::-1]
    with pytest.raises(WeightsError, match=r"replaced since it was first fetched.*delete .*checksums\.json"):
        fetch(checkpoint)
    (models / "m" / "checksums.json").unlink()
    assert fetch(checkpoint).read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("right", [True, False])
def test_a_digest_that_the_server_states_is_checked(server, right) -> None:
    checkpoint = server.checkpoint("m", known=False, w_pt=b"")
    server.files["/elsewhere"] = Served(CONTENT)
    redirect = served(server)
    redirect.statuses, redirect.location = [302] * 9, f"{server.url}/elsewhere"
    redirect.linked_etag = f'"{hashlib.sha256(CONTENT if right else b"").hexdigest()}"'
    if right:
        assert fetch(checkpoint).read_bytes() == CONTENT
    else:
        with pytest.raises(WeightsError, match="expected e3b0c44298fc"):
            fetch(checkpoint)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/w.pt", "data:text/plain,x"])
def test_redirects_lead_to_http_only(server, target) -> None:
    checkpoint = server.checkpoint("m", known=False, w_pt=b"")
    served(server).statuses, served(server).location = [302] * 9, target
    with pytest.raises(WeightsError, match=r"is not (followed|allowed)"):
        fetch(checkpoint)


@pytest.fixture
def secure(tmp_path, request):
    """A server with TLS, and its certificate; parametrized: for whom that is made out."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    host = getattr(request, "param", "IP:127.0.0.1")
    making = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=server -addext subjectAltName={host}"
    )
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*making.split(), *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    running = FileServer(context)
    yield running, certificate
    running.close()


def test_a_certificate_that_is_not_trusted_is_said_with_what_to_do(secure, monkeypatch) -> None:
    server, certificate = secure
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    with pytest.raises(WeightsError, match=r"certificate is not trusted.*SSL_CERT_FILE"):
        fetch(checkpoint)
    assert server.requests == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fetch(checkpoint).read_bytes() == CONTENT


@pytest.mark.parametrize("secure", ["DNS:another.example"], indirect=True)
def test_a_certificate_for_another_host_is_not_accepted(secure, monkeypatch) -> None:
    server, certificate = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(WeightsError, match=r"certificate is not trusted .*127"):
        fetch(server.checkpoint("m", w_pt=CONTENT))
    assert server.requests == []


def test_redirects_never_lead_out_of_encryption(secure, server, monkeypatch) -> None:
    encrypted, certificate = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    checkpoint = encrypted.checkpoint("m", w_pt=CONTENT)
    server.files["/w.pt"] = Served(CONTENT)
    served(encrypted).statuses, served(encrypted).location = [302] * 9, f"{server.url}/w.pt"
    with pytest.raises(WeightsError, match="is not followed"):
        fetch(checkpoint)
    assert server.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_part_is_continued_behind_a_redirect(server, status) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    served(server).statuses, served(server).location = [status] * 9, "/elsewhere"
    server.files["/elsewhere"] = Served(CONTENT, cuts=[200_000])
    assert fetch(checkpoint).read_bytes() == CONTENT
    assert server.ranges_asked() == ["", "", "bytes=200000-", "bytes=200000-"]


def test_the_proxy_of_the_environment_is_used(server, models, monkeypatch) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    far = "http://weights.invalid/w.pt"
    server.files[far] = Served(CONTENT)  # a proxy is asked for the whole address
    remote = checkpoint.files[0]
    checkpoint = Checkpoint(
        **{**checkpoint.__dict__, "files": (type(remote)(remote.name, far, remote.sha256),)}
    )
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    assert fetch(checkpoint).read_bytes() == CONTENT
    server.close()
    (models / "m" / "w.pt").unlink()
    with pytest.raises(WeightsError, match=r"cannot be reached through the proxy: .*refused"):
        fetch(checkpoint)


def test_a_mirror_folder_is_used_instead_of_the_network(server, tmp_path, monkeypatch) -> None:
    checkpoint = server.checkpoint("m", known=False, a_json=b"{}", w_pt=CONTENT)
    fetch(checkpoint)  # any machine's folder of models is a mirror
    asked = len(server.requests)
    monkeypatch.setenv("FACE_DETECT_ROS_MIRROR", str(tmp_path / "models"))
    monkeypatch.setenv("FACE_DETECT_ROS_MODELS", str(tmp_path / "other"))
    assert fetch(checkpoint) == tmp_path / "other" / "m"
    assert (tmp_path / "other" / "m" / "w.pt").read_bytes() == CONTENT
    assert len(server.requests) == asked


def test_what_a_mirror_lacks_or_has_wrong_is_said(server, tmp_path, monkeypatch) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    mirror = tmp_path / "mirror"
    monkeypatch.setenv("FACE_DETECT_ROS_MIRROR", str(mirror))
    with pytest.raises(WeightsError, match=rf"{mirror}/m/w\.pt: No such file.*FACE_DETECT_ROS_MIRROR"):
        fetch(checkpoint)
    (mirror / "m").mkdir(parents=True)
    (mirror / "m" / "w.pt").write_bytes(b"other")
    with pytest.raises(WeightsError, match="it was not kept"):
        fetch(checkpoint)
    assert server.requests == []


def test_a_disk_that_is_too_small_is_noticed_before(server) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    served(server).says_length = 10**17
    with pytest.raises(
        OutputError, match=r"MB are needed, .* MB are free; make room.*FACE_DETECT_ROS_MODELS"
    ):
        fetch(checkpoint)


def test_a_disk_that_fills_is_said_and_what_came_is_continued(server, models) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))

    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, checkpoint.files[0].url, checkpoint.files[0].sha256],
        capture_output=True,
        text=True,
        preexec_fn=small_files,
    )
    assert "OutputError" in run.stderr
    assert "there is no room for it" in run.stderr
    assert fetch(checkpoint).read_bytes() == CONTENT
    assert server.ranges_asked()[-1] == "bytes=300000-"


def test_a_place_that_cannot_be_written_is_said(server, tmp_path, monkeypatch) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    (tmp_path / "file").touch()
    monkeypatch.setenv("FACE_DETECT_ROS_MODELS", str(tmp_path / "file" / "models"))
    with pytest.raises(OutputError, match=r"cannot be written: Not a directory.*FACE_DETECT_ROS_MODELS"):
        fetch(checkpoint)


PROGRAM = """
import sys
from face_detect_ros.zoo.published import download
from face_detect_ros.zoo.published.checkpoints import Checkpoint, RemoteFile
url, sha256 = sys.argv[1:]
file = RemoteFile("w.pt", url, sha256)
download.fetch(Checkpoint("m", (file,), url, "MIT", url, 64, "", None, ""), notify=lambda text: print(text, flush=True))
"""


def start(checkpoint: Checkpoint) -> subprocess.Popen[str]:
    remote = checkpoint.files[0]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, remote.url, remote.sha256], stdout=subprocess.PIPE, text=True
    )


def wait_for_part(part: Path, size: int) -> None:
    deadline = time.monotonic() + 30
    while not part.exists() or part.stat().st_size < size:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("known", [True, False])
def test_after_a_kill_in_the_middle_the_next_run_continues(server, models, known) -> None:
    checkpoint = server.checkpoint("m", known=known, w_pt=CONTENT)
    served(server).slow_s = 0.2
    process = start(checkpoint)
    part = models / "m" / "w.pt.part"
    wait_for_part(part, 1 << 17)
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    assert not (models / "m" / "w.pt").exists()
    with pytest.raises(WeightsError, match="not on this machine"):
        cache.locate(checkpoint)
    size = part.stat().st_size
    served(server).slow_s = 0.0
    assert fetch(checkpoint).read_bytes() == CONTENT  # and the killed one's lock is no hindrance
    assert server.ranges_asked()[-1] == f"bytes={size}-"
    assert left(models / "m") == {"w.pt", "checksums.json", ".lock"}


def test_of_two_processes_one_fetches_and_the_other_waits(server, models) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    served(server).slow_s = 0.1
    first = start(checkpoint)
    wait_for_part(models / "m" / "w.pt.part", 1)
    second = start(checkpoint)
    said = second.communicate(timeout=100)[0]
    assert first.wait(30) == 0
    assert second.returncode == 0
    assert said == "m: another process is fetching it; waiting\n"
    assert len(server.requests) == 1
    assert cache.locate(checkpoint).read_bytes() == CONTENT


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_said(server, models) -> None:
    checkpoint = server.checkpoint("m", w_pt=CONTENT)
    models.mkdir()
    models.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written: Permission denied"):
        fetch(checkpoint)
