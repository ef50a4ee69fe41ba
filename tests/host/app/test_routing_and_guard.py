"""Which handler a path belongs to, and who may ask."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.host.app.exchange import Answer, Call
from toolkit.host.app.guard import Guard
from toolkit.host.app.routing import Route, Router


async def handler(_call: Call) -> Answer:
    return Answer()


@pytest.fixture
def router() -> Router:
    router = Router()
    router.add(Route("/", {"GET": handler, "HEAD": handler}))
    router.add(Route("/api/tags", {"GET": handler, "HEAD": handler}))
    router.add(Route("/api/blobs/:digest", {"POST": handler, "HEAD": handler}))
    return router


def test_matches(router: Router) -> None:
    assert router.match("GET", "/api/tags", "").handler is handler
    assert router.match("HEAD", "/api/blobs/sha256:1", "").params == {"digest": "sha256:1"}
    assert router.match("GET", "/API/tags", "").handler is None
    assert router.match("GET", "/api/blobs/", "").handler is None
    assert router.match("GET", "/api/blobs/a/b", "").handler is None


def test_another_method_lists_what_there_is(router: Router) -> None:
    found = router.match("PUT", "/api/tags", "")
    assert found.handler is None
    assert found.allow == ("HEAD", "GET")
    assert router.match("PUT", "/nope", "").allow == ()


@pytest.mark.parametrize(
    ("method", "path", "status", "location"),
    [
        ("GET", "/api/tags/", 301, "/api/tags"),
        ("POST", "/api/blobs/x/", 307, "/api/blobs/x"),
        ("GET", "//api//tags", 307, "/api/tags"),
        ("GET", "/api/./x/../tags", 307, "/api/tags"),
    ],
)
def test_redirects(router: Router, method: str, path: str, status: int, location: str) -> None:
    answer = router.match(method, path, "").redirect
    assert answer is not None
    assert answer.status == status
    assert dict(answer.headers)["Location"] == location


@given(st.text(alphabet="/.apitgs%2:", max_size=20))
def test_no_path_brings_it_down(path: str) -> None:
    router = Router()
    router.add(Route("/api/tags", {"GET": handler}))
    router.add(Route("/api/blobs/:digest", {"POST": handler}))
    found = router.match("GET", "/" + path, "a=b")
    assert found.redirect is None or found.redirect.status in {301, 307}


def call(origin: str = "", host: str = "127.0.0.1:11434", method: str = "GET") -> Call:
    async def receive() -> dict[str, Any]:
        return {}

    headers = {"host": host} | ({"origin": origin} if origin else {})
    return Call(method, "/", "", headers, receive, 0)


def asked(guard: Guard, **given: str) -> tuple[int, dict[str, str]]:
    ended, headers = guard.check(call(**given))
    return (ended.status if ended else 200), dict(headers)


GUARD = Guard.from_environment({"OLLAMA_ORIGINS": "https://good.example,http://*.wild.example"}, "127.0.0.1")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost", 200),
        ("https://localhost:8080", 200),
        ("http://0.0.0.0:3000", 200),
        ("app://-", 200),
        ("vscode-webview://abc", 200),
        ("https://good.example", 200),
        ("http://good.example", 403),
        ("http://a.b.wild.example", 200),
        ("http://.wild.example", 200),
        ("https://a.wild.example", 403),
        ("http://localhost.evil.example", 403),
        ("http://127.0.0.1:11434", 200),
        ("null", 403),
    ],
)
def test_origins(origin: str, status: int) -> None:
    found, headers = asked(GUARD, origin=origin)
    assert found == status
    own = origin == "http://127.0.0.1:11434"
    assert headers.get("Access-Control-Allow-Origin") == (origin if status == 200 and not own else None)


def test_a_star_opens_everything() -> None:
    guard = Guard.from_environment({"OLLAMA_ORIGINS": "*"}, "127.0.0.1")
    assert asked(guard, origin="http://evil.example") == (200, {"Access-Control-Allow-Origin": "*"})
    assert asked(guard, origin="http://evil.example", method="OPTIONS")[0] == 204


def test_a_preflight_says_what_is_allowed() -> None:
    status, headers = asked(GUARD, origin="http://localhost", method="OPTIONS")
    assert status == 204
    assert headers["Access-Control-Max-Age"] == "43200"
    assert "DELETE" in headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:11434", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1", 200),
        ("[::1]:11434", 200),
        ("192.168.1.5:80", 200),
        ("0.0.0.0", 200),  # noqa: S104
        ("8.8.8.8", 403),
        ("example.com", 403),
        ("my.local", 200),
        ("x.internal:99", 200),
        ("localhost.example.com", 403),
        ("", 200),
    ],
)
def test_hosts_of_a_loopback_server(host: str, status: int) -> None:
    assert asked(GUARD, host=host)[0] == status


def test_a_server_open_to_the_network_asks_for_no_host() -> None:
    guard = Guard.from_environment({}, "0.0.0.0")  # noqa: S104
    assert asked(guard, host="example.com")[0] == 200
