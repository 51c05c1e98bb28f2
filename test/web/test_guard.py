# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Who may use the page."""

import asyncio
import contextlib
import json

import httpx2
import pytest
from helpers.web_robot import WebRobot, served
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.web import guard
from face_detect_ros.web.guard import HEADERS, Buckets
from face_detect_ros.web.options import ServerOptions
from face_detect_ros.web.robot import ACTIONS
from face_detect_ros.web.server import PageServer

TOKEN = "a-token-of-mine"
JSON = {"content-type": "application/json"}
# one client: each reads all certificates of the machine, which takes longer than most of the tests; but a connection
# for each request, as programs make them
HTTP = httpx2.Client(limits=httpx2.Limits(max_keepalive_connections=0))
PATHS = ["/", "/page/main.js", "/page/languages/en.json", "/api/about", "/nothing"]


@pytest.fixture(scope="module")
def url():
    with served(WebRobot()) as url:
        yield url


@pytest.fixture
def locked():
    """Address of a page that needs a token."""
    with served(WebRobot(), token=TOKEN) as url:
        yield url.partition("?")[0]


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    HTTP.cookies.clear()
    monkeypatch.setattr(guard, "REQUESTS_AT_ONCE", 1e6)


def refused(url, **headers):
    """The status with which a WebSocket is refused."""
    with pytest.raises(InvalidStatus) as caught:
        connect(url.replace("http", "ws") + "live", additional_headers=headers)
    return caught.value.response.status_code


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_says_what_browsers_may_do_with_it(url, path):
    answer = HTTP.get(url + path.lstrip("/"))
    assert HEADERS.items() <= dict(answer.headers).items()
    assert "cache-control" in answer.headers
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_answered(locked, path):
    for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": f"viewer_{port(locked)}=wrong"}):
        answer = HTTP.get(locked + path.lstrip("/"), headers=headers)
        assert answer.status_code == 401
        assert HEADERS.items() <= dict(answer.headers).items()


def port(url):
    return url.rstrip("/").rpartition(":")[2]


def test_no_action_and_no_socket_without_the_token(locked):
    for action in ACTIONS:
        assert HTTP.post(f"{locked}api/{action}", json={}).status_code == 401
    assert HTTP.post(f"{locked}api/photo?name=a&file=b", content=b"x").status_code == 401
    assert refused(locked) == 403


def test_the_printed_address_gives_a_cookie_that_works_everywhere(locked):
    with httpx2.Client() as client:
        answer = client.get(f"{locked}?token={TOKEN}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert client.get(locked).status_code == 200
        assert client.post(f"{locked}api/people", json={}).status_code == 200
        with connect(
            locked.replace("http", "ws") + "live", additional_headers={"cookie": cookie.partition(";")[0]}
        ):
            pass


@pytest.mark.parametrize(
    "other",
    [b'prefs={"theme":"dark"}', b"a=b c", b"flag", b"name=J\xfcrgen", b"$x=1", b"a[0]=1", b"=", b'q="'],
)
def test_cookies_of_other_programs_do_not_matter(locked, other):
    ours = f"viewer_{port(locked)}={TOKEN}".encode()
    for cookie in (other + b"; " + ours, ours + b"; " + other):
        assert HTTP.get(locked, headers={b"cookie": cookie}).status_code == 200


@pytest.mark.parametrize(
    "token",
    [
        "pass&word",
        "pass+word",
        "pass#word",
        "pass%41word",
        "pass word",
        " padded ",
        "semi;colon",
        '"quoted"',
        "a/b?c=d\\",
    ],
)
def test_a_token_may_have_any_ascii_characters(token):
    with served(WebRobot(), token=token) as url, httpx2.Client(follow_redirects=True) as client:
        assert client.get(url).status_code == 200


def test_programs_give_the_token_as_a_header(locked):
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert HTTP.get(f"{locked}api/about", headers=headers).status_code == 200


def test_tokens_cannot_be_tried_out(locked):
    tries = [HTTP.get(f"{locked}?token=guess{i}").status_code for i in range(15)]
    assert tries[0] == 401
    assert tries[-1] == 429
    # not even the right one, for a while
    assert HTTP.get(f"{locked}?token={TOKEN}").status_code == 429


def test_a_page_from_before_a_restart_locks_nobody_out(locked):
    for _ in range(15):
        for old in ({"cookie": f"viewer_{port(locked)}=old-token"}, {"authorization": "Bearer old-token"}):
            assert HTTP.get(f"{locked}api/about", headers=old).status_code == 401
    assert HTTP.get(f"{locked}?token={TOKEN}").status_code == 303


@pytest.mark.parametrize("other", ["?token=old-token", ""])
def test_an_old_token_beside_the_guesses_changes_nothing(locked, other):
    answers = [
        HTTP.get(f"{locked}{other}", headers={"authorization": f"Bearer guess{i}"}).status_code
        for i in range(15)
    ]
    assert answers[-1] == 429


def test_an_address_for_others_has_a_token_of_its_own():
    addresses = []
    for _ in range(2):
        with served(WebRobot(), host="0.0.0.0") as url:
            addresses.append(url)
            local = f"http://127.0.0.1:{port(url.partition('?')[0])}/"
            assert HTTP.get(local).status_code == 401
            assert HTTP.get(f"{local}?token={url.partition('?token=')[2]}").status_code == 303
    tokens = {address.partition("?token=")[2] for address in addresses}
    assert len(tokens) == 2
    assert all(len(token) >= 20 for token in tokens)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""])
def test_other_names_for_this_computer_are_refused(url, host):
    headers = {"host": host.format(port=port(url))}
    assert HTTP.get(url, headers=headers).status_code in (400, 403)


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("localhost:80", 200), ("[::1]", 200), ("127.0.0.1:81", 403), ("evil.example", 403)],
)
def test_on_port_80_browsers_leave_the_port_out(host, status):
    # not served: only root may use this port
    app = guard.Guard(PlainTextResponse("page"), ServerOptions(), 80)

    async def get():
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as client:
            return await client.get("http://127.0.0.1/", headers={"host": host})

    assert asyncio.run(get()).status_code == status


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
    ids=["origin", "no origin", "cross-site"],
)
def test_other_pages_cannot_act(url, headers):
    assert HTTP.post(f"{url}api/people", json={}, headers=headers).status_code == 403
    assert refused(url, **headers) == 403


def test_a_form_cannot_act(url):
    answer = HTTP.post(f"{url}api/people", content=b"{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "../server.py",
        "..%2fserver.py",
        "%2e%2e/%2e%2e/setup.py",
        "/etc/passwd",
        "..\\server.py",
        "main.js%00",
        "a" * 5000,
    ],
)
def test_only_the_files_of_the_page_are_there(url, path):
    # httpx2 would tidy the path up
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", int(port(url)), timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", f"/page/{path}")
        assert connection.getresponse().status == 404


def test_large_requests_are_refused(url, monkeypatch):
    monkeypatch.setattr(guard, "MOST_BODY_BYTES", 1000)
    photo = f"{url}api/photo?name=Ada&file=a.jpg"
    assert HTTP.post(photo, content=b"x" * 1000).status_code == 200
    assert HTTP.post(photo, content=b"x" * 1001).status_code == 413
    assert HTTP.post(photo, content=iter([b"x" * 600] * 2)).status_code == 413  # chunked
    assert HTTP.post(f"{url}api/people", content=b" " * 17_000, headers=JSON).status_code in (400, 413)


def test_a_flood_is_refused_and_forgotten():
    bucket = Buckets(per_s=1000.0, at_once=3)
    assert [bucket.take("a") for _ in range(4)][:3] == [True] * 3
    bucket = Buckets(per_s=1e-9, at_once=3)
    assert [bucket.take("a") for _ in range(5)] == [True] * 3 + [False] * 2
    assert bucket.take("b")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host": "everybody"}, "127.0.0.1 for this computer only"),
        ({"port": 70000}, "0 to 65535"),
        ({"token": "short"}, "8 or more"),
    ],
)
def test_unusable_options_say_what_to_give(options, said):
    with pytest.raises(ConfigError, match=said):
        ServerOptions(**options)


def test_a_port_in_use_is_named(url):
    with pytest.raises(ConfigError, match=f"port {port(url)} is in use"):
        PageServer(WebRobot(), ServerOptions(port=int(port(url))))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_arguments_break_the_server(url, data):
    action = data.draw(st.sampled_from(sorted(ACTIONS)))
    proper = {name: data.draw(values, label=name) for name in ACTIONS[action]}
    body = data.draw(
        st.sampled_from([json.dumps(proper).encode(), b"", b"{", b"[" * 20_000]) | st.binary(max_size=60)
    )
    answer = HTTP.post(f"{url}api/{action}", content=body, headers=JSON)
    assert answer.status_code in (200, 400, 409)
    assert answer.json().keys() in ({"result"}, {"error"})
