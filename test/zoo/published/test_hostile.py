# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fetching from a server that is hostile, from one that never ends, and into a folder that is prepared for a theft."""

import hashlib
import os

import pytest
from helpers.file_server import Served
from helpers.raw_server import RawServer

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.zoo.published import answers, checkpoints, download
from face_detect_ros.zoo.published.checkpoints import Checkpoint, RemoteFile
from face_detect_ros.zoo.published.http import HttpOptions

pytestmark = pytest.mark.usefixtures("models")
CONTENT = bytes(range(256)) * 40
SHORT = HttpOptions(
    timeout_s=2.0, answer_s=0.4, attempts=2, first_delay_s=0.01, patience_s=0.8, slowest_bytes_per_s=1e6
)
PATIENT = HttpOptions(timeout_s=5.0, attempts=2, first_delay_s=0.01)


@pytest.fixture
def serve():
    servers = []

    def start(answer):
        servers.append(RawServer(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def checkpoint(url, *, known=False):
    digest = hashlib.sha256(CONTENT).hexdigest() if known else ""
    return Checkpoint("m", (RemoteFile("w.pt", f"{url}/w.pt", digest),), url, "MIT", url, 64, "", None, "")


def fetch(server, *, known=False, options=PATIENT, **arguments):
    return download.fetch(checkpoint(server.url, known=known), options=options, **arguments)


def refused(server, models, match, **arguments):
    """Fetching fails in words, and nothing takes the file's name."""
    with pytest.raises(WeightsError, match=match) as caught:
        fetch(server, **arguments)
    assert not (models / "m" / "w.pt").exists()
    return str(caught.value)


def answer(*lines, body=b""):
    return lambda _: ["\r\n".join(("HTTP/1.1 200 OK", *lines, "", "")).encode("latin-1") + body]


CLOSE = "Connection: close"
LENGTH = f"Content-Length: {len(CONTENT)}"
CHUNKS = b"".join(
    b"%x\r\n%s\r\n" % (len(part), part)
    for part in (CONTENT[at : at + 1000] for at in range(0, len(CONTENT), 1000))
)


def test_without_length_and_digest_nothing_is_final(serve, models):
    server = serve(answer(CLOSE, body=CONTENT[:1000]))
    refused(server, models, "came without its length, and no digest of it is known")
    assert len(server.requests) == 1


def test_without_length_a_digest_decides(serve):
    assert fetch(serve(answer(CLOSE, body=CONTENT)), known=True).read_bytes() == CONTENT


def test_a_chunked_answer_is_final_with_its_end_marker_only(serve, models):
    cut = serve(answer(CLOSE, "Transfer-Encoding: chunked", body=CHUNKS))
    refused(cut, models, r"the connection broke after \d+ bytes.*\(2 attempts\)")
    whole = serve(answer(CLOSE, "Transfer-Encoding: chunked", body=CHUNKS + b"0\r\n\r\n"))
    assert fetch(whole).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("200 OK\r\nContent-Length: 0", "gave an empty file"),
        ("204 No Content", "HTTP 204"),
        ("202 Soon", "HTTP 202"),
    ],
)
def test_an_answer_without_a_file_is_not_one(serve, models, status, said):
    refused(serve(lambda _: [f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode()]), models, said)


def test_the_size_that_a_redirect_states_counts(server, models):
    wanted = server.checkpoint("m", known=False, w_pt=b"")
    served = server.files["/m/w.pt"]
    served.statuses, served.location = [302] * 9, f"{server.url}/elsewhere"
    served.linked_etag = f'"{hashlib.sha256(CONTENT).hexdigest()}"'
    server.files["/elsewhere"] = Served(CONTENT, tells_length=False)
    assert download.fetch(wanted, options=PATIENT).read_bytes() == CONTENT


NONSENSE = {
    "a length of 5,000 digits": (f"Content-Length: {'9' * 5000}",),
    "a negative length": ("Content-Length: -5",),
    "two lengths": ("Content-Length: 5", "Content-Length: 6"),
    "a length in other digits": ("Content-Length: \xb2",),
    "no header": ("nonsense",),
    "a header without end": ("X: " + "x" * 200_000,),
    "an unknown encoding": (LENGTH, "Content-Encoding: \x80evil"),
    "an unknown transfer": ("Transfer-Encoding: evil",),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_in_headers_is_refused_in_words(serve, models, case):
    said = refused(
        serve(answer(*NONSENSE[case], CLOSE, body=CONTENT[:5])), models, r"m: http://.*/w\.pt: \w+"
    )
    assert said.isprintable()
    assert len(said) < 700


@pytest.mark.parametrize(
    "location", ["http://[::1", "http://", "//", "http://127.0.0.1:99999/x", "http://a b/", "\x00"]
)
def test_nonsense_in_a_redirect_is_refused_in_words(serve, models, location):
    refused(
        serve(lambda _: [f"HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n".encode("latin-1")]),
        models,
        "m: http",
    )


@pytest.mark.parametrize("wait", ["\xb2", "-1", "9" * 5000, "soon"])
def test_nonsense_in_retry_after_is_no_reason_to_wait(serve, models, wait):
    busy = f"HTTP/1.1 503 Busy\r\nRetry-After: {wait}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
    refused(serve(lambda _: [busy]), models, r"HTTP 503 Busy \(2 attempts\)")


@pytest.mark.parametrize("line", [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/9.9 abc\r\n\r\n", b"\x00" * 1000])
def test_what_is_not_http_is_refused_in_words(serve, models, line):
    refused(serve(lambda _: [line]), models, r"the connection broke: .*\(2 attempts\)")


def endless(server, data, seconds):
    while True:
        yield data
        server.pause(seconds)


LATE = "did not answer in time|took too long"  # for one answer, or for all attempts on a busy machine
ENDLESS = {
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.001, LATE),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.1, LATE),
    "silence": (b"", b"", 0.1, LATE),
    "a slow body": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"x", 0.01, "took too long"),
}


@pytest.mark.parametrize("case", ENDLESS)
def test_what_never_ends_has_a_deadline(serve, models, case):
    start, data, seconds, said = ENDLESS[case]

    def forever(_):
        yield start
        yield from endless(server, data, seconds)

    server = serve(forever)
    refused(server, models, said, options=SHORT)


def test_redirects_have_an_end(serve, models):
    server = serve(lambda _: [b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"])
    refused(server, models, "more than 10 redirects")


def test_bytes_one_by_one_with_a_break_after_each_have_a_deadline(serve, models):
    def one(request):
        at = int(request.split(b"bytes=")[1].split(b"-")[0]) if b"bytes=" in request else 0
        head = f'HTTP/1.1 {206 if at else 200} OK\r\nETag: "1"\r\nContent-Length: {10_000 - at}\r\n'
        yield f"{head}Content-Range: bytes {at}-9999/10000\r\n\r\nx".encode()

    # the deadline strikes between two answers or inside one
    refused(serve(one), models, LATE, options=SHORT)


def test_no_secret_is_shown(serve, models, monkeypatch):
    def forward(request):
        target = server.url.replace("//", "//other:hidden3@") + "/x?Signature=hidden4"
        yield f"HTTP/1.1 302 Found\r\nLocation: ftp{target[4:]}\r\nContent-Length: 0\r\n\r\n".encode()

    server = serve(forward)
    monkeypatch.setattr(checkpoints, "HUB", "https://hub.invalid")
    monkeypatch.setattr(download, "HUB", "https://hub.invalid")
    monkeypatch.setenv("HF_ENDPOINT", server.url.replace("//", "//user:hidden1@"))
    said = []
    with pytest.raises(WeightsError) as caught:
        download.fetch(checkpoint("https://hub.invalid"), options=PATIENT, notify=said.append)
    assert "leads on to ftp://127.0.0.1" in str(caught.value)
    assert "hidden" not in f"{caught.value} {said}"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:pass@host/path?token=1#x", "https://host/path"),
        ("https://us@er:pa/s?s@host/path", "https://host/path"),
        ("//user:pass@host/x", "//host/x"),
        ("user:pass@host", "host"),
        ("/path\x1b[31m", "/path?[31m"),
    ],
)
def test_how_addresses_are_shown(url, expected):
    assert answers.shown(url) == expected


def test_failed_attempts_are_shown(serve, models):
    said = []
    busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    server = serve(lambda _: [busy])
    refused(server, models, r"\(2 attempts\)", notify=said.append)
    assert said == [f"m: {server.url}/w.pt: the server answered HTTP 503 Busy; attempt 2 of 2 in 0 s"]


def test_the_endpoint_of_huggingface_hub_is_used(server, models, monkeypatch):
    wanted = server.checkpoint("m", w_pt=CONTENT)
    there = wanted.files[0].url.replace(server.url, checkpoints.HUB)
    wanted = Checkpoint(**{**wanted.__dict__, "files": (RemoteFile("w.pt", there, wanted.files[0].sha256),)})
    monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/")
    assert download.fetch(wanted, options=PATIENT).read_bytes() == CONTENT


PLANTED = {
    "a link": lambda path, victim: path.symlink_to(victim),
    "a hard link": lambda path, victim: os.link(victim, path),
    "a pipe": lambda path, victim: os.mkfifo(path),
}


@pytest.mark.parametrize("where", ["w.pt.part", "w.pt.part.json"])
@pytest.mark.parametrize("what", PLANTED)
def test_what_is_planted_at_the_partial_file_is_not_written_through(server, models, tmp_path, where, what):
    wanted = server.checkpoint("m", w_pt=CONTENT)
    victim = tmp_path / "victim"
    victim.write_bytes(CONTENT[:100])
    (models / "m").mkdir(parents=True)
    PLANTED[what](models / "m" / where, victim)
    assert download.fetch(wanted, options=PATIENT).read_bytes() == CONTENT
    assert victim.read_bytes() == CONTENT[:100]
    assert {path.name for path in (models / "m").iterdir()} == {"w.pt", "checksums.json", ".lock"}
