"""Who is let in: keys, names, origins, sizes, rates. Nothing here reaches a host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.conftest import gateway_to
from toolkit.config.gateway import KeySection
from toolkit.errors import UsageError
from toolkit.gateway.api.reading import MOST_DEPTH, json_object
from toolkit.gateway.keys import ANYONE, Caller, KeyRing, given_key, read_keys
from toolkit.gateway.limits import RateLimit
from toolkit.gateway.refusal import Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.gateway.from_config import Gateway

NOWHERE = "http://127.0.0.1:9"
KEY, ADMIN = "0123456789abcdef-user", "0123456789abcdef-admin"
KEYS = {"KEYS": f"anna {KEY}, root {ADMIN} admin"}
BEARER = {"authorization": f"Bearer {KEY}"}


async def asked(gateway: Gateway, method: str, path: str, **more: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=gateway.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8434") as client:
        return await client.request(method, path, **more)


async def test_keys_are_asked_for_everywhere_but_for_health_and_the_empty_page() -> None:
    gateway = gateway_to(NOWHERE, keys={"env": "KEYS"}, environment=KEYS)
    assert (await asked(gateway, "GET", "/healthz")).status_code == 200
    for path in ("/api/tags", "/api/llm/stats", "/api/llm/live", "/metrics", "/v1/models", "/nothing"):
        refused = await asked(gateway, "GET", path)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
        wrong = await asked(gateway, "GET", path, headers={"authorization": f"Bearer {KEY[:-1]}x"})
        assert wrong.status_code == 401
    assert (await asked(gateway, "GET", "/", headers=BEARER)).text == "Ollama is running"
    assert (await asked(gateway, "GET", "/", headers={"x-api-key": KEY})).status_code == 200
    openai = await asked(gateway, "POST", "/v1/chat/completions", json={})
    assert openai.json()["error"]["type"] == "authentication_error"
    stats = await asked(gateway, "GET", "/api/llm/stats", headers=BEARER)
    assert stats.json()["errors"]["no_key"] == 13
    assert KEY not in repr(gateway)


async def test_pull_needs_an_admin_and_writes_are_off() -> None:
    gateway = gateway_to(NOWHERE, keys={"env": "KEYS"}, environment=KEYS)
    refused = await asked(gateway, "POST", "/api/pull", json={"model": "m"}, headers=BEARER)
    assert (refused.status_code, refused.json()["error"]) == (403, "only an admin key may pull models")
    for method, path in (
        ("POST", "/api/create"),
        ("POST", "/api/copy"),
        ("POST", "/api/push"),
        ("DELETE", "/api/delete"),
    ):
        admin = await asked(gateway, method, path, headers={"authorization": f"Bearer {ADMIN}"})
        assert (admin.status_code, "gateway.writes" in admin.text) == (403, True)
    open_to_admins = gateway_to(NOWHERE, keys={"env": "KEYS"}, environment=KEYS, writes=True)
    assert "only an admin" in (await asked(open_to_admins, "POST", "/api/create", headers=BEARER)).text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8434", "10.0.0.1:8434", "localhost.evil.example", ""])
async def test_foreign_names_are_refused(host: str) -> None:
    """DNS rebinding: the page's own name in the Host header, whatever address it leads to."""
    refused = await asked(gateway_to(NOWHERE), "GET", "/api/tags", headers={"host": host})
    assert (refused.status_code, "allowed_hosts" in refused.text) == (403, True)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8434", "LOCALHOST:80", "box.lan:8434"])
async def test_own_names_are_right(host: str) -> None:
    answer = await asked(gateway_to(NOWHERE, allowed_hosts=["box.lan"]), "GET", "/", headers={"host": host})
    assert answer.status_code == 200


async def test_pages_of_other_origins_are_refused_unless_allowed() -> None:
    gateway = gateway_to(NOWHERE, origins=["https://chat.example"])
    foreign = await asked(gateway, "GET", "/", headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert "access-control-allow-origin" not in foreign.headers
    own = await asked(gateway, "GET", "/", headers={"origin": "http://localhost:8434"})
    assert own.status_code == 200
    assert "access-control-allow-origin" not in own.headers
    allowed = await asked(gateway, "GET", "/", headers={"origin": "https://chat.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://chat.example"
    preflight = await asked(gateway, "OPTIONS", "/api/chat", headers={"origin": "https://chat.example"})
    assert preflight.status_code == 204


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "missing request body"),
        (b"[1]", "not a JSON object"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "nested deeper"),
        (b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper"),
        (b'{"model": 7}', "model: a text"),
        (b"{}", "model is required"),
        (b'{"messages": [{"role": "assistant", "content": "hi"}]}', "no user message"),
    ],
)
async def test_bodies_that_are_none(body: bytes, words: str) -> None:
    answer = await asked(gateway_to(NOWHERE), "POST", "/api/chat", content=body)
    assert (answer.status_code, words in answer.json()["error"]) == (400, True)


async def test_a_body_is_not_longer_than_its_limit() -> None:
    gateway = gateway_to(NOWHERE, limits={"body": "1MiB"})
    said = await asked(gateway, "POST", "/api/chat", content=b" " * (1 << 20) + b"{}")
    assert said.status_code == 413

    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * (1 << 16)

    assert (await asked(gateway, "POST", "/api/chat", content=pieces())).status_code == 413


async def test_a_caller_may_ask_so_often() -> None:
    gateway = gateway_to(NOWHERE, limits={"per_minute": 1, "burst": 2})
    answers = [await asked(gateway, "POST", "/api/chat", content=b"{}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60


@given(
    st.recursive(st.none(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
)
def test_what_is_shallow_is_read(value: Any) -> None:
    assert json_object(httpx.Request("POST", NOWHERE, json={"a": value}).content) == {"a": value}


def test_the_depth_is_exact() -> None:
    inside = MOST_DEPTH - 1
    assert json_object(b'{"a":' + b"[" * inside + b"]" * inside + b"}")
    with pytest.raises(Refusal):
        json_object(b'{"a":' + b"[" * (inside + 1) + b"]" * (inside + 1) + b"}")


# Keys ----------------------------------------------------------------------------------------------------------------


def test_keys_from_a_file_and_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# the kitchen\nanna {KEY}\n\nroot {ADMIN} admin  # ours\n", encoding="utf-8")
    file.chmod(0o644)
    ring, warnings = read_keys(KeySection(file=str(file), env="MORE"), {"MORE": "bot 0123456789abcdef-bot"})
    assert ring.names == ("anna", "root", "bot")
    assert ring.caller(ADMIN) == Caller("root", is_admin=True)
    assert ring.caller(KEY) == Caller("anna", is_admin=False)
    assert (ring.caller(None), ring.caller(""), ring.caller("x")) == (None, None, None)
    assert "chmod 600" in warnings[0]
    assert KeyRing().caller(None) == ANYONE
    assert KEY not in repr(ring) + repr(vars(ring))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("anna", "entry 1: write NAME KEY"),
        (f"anna {KEY} boss", "entry 1: write NAME KEY"),
        (f"anna {KEY}\nbob short", "entry 2: the key of 'bob'"),
        (f"anna {KEY}\nanna {ADMIN}", "two keys have the name 'anna'"),
        ("# nobody", "there is no key"),
    ],
)
def test_wrong_keys_are_told_without_the_key(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as wrong:
        read_keys(KeySection(file=str(file)), {})
    assert words in str(wrong.value)
    assert KEY not in str(wrong.value)
    assert "short" not in str(wrong.value).replace("shorter", "")


def test_keys_that_are_not_there() -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_keys(KeySection(file="/nowhere/keys"), {})
    with pytest.raises(UsageError, match=r"\$KEYS, which is not set"):
        read_keys(KeySection(env="KEYS"), {})


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"authorization": "Bearer abc"}, "abc"),
        ({"authorization": "bearer  abc "}, "abc"),
        ({"authorization": "Basic abc", "x-api-key": "xyz"}, "xyz"),
        ({"authorization": "Bearer "}, None),
        ({}, None),
    ],
)
def test_where_a_key_may_stand(headers: dict[str, str], key: str | None) -> None:
    assert given_key(headers) == key


@given(st.lists(st.integers(0, 10**9), max_size=60), st.integers(1, 600), st.integers(1, 20))
def test_a_bucket_gives_no_more_than_its_rate(gaps: list[int], per_minute: int, burst: int) -> None:
    """In any stretch of time at most the burst and what has flowed in meanwhile; and told to wait, one can go then."""
    limit, now, taken = RateLimit(per_minute, burst), 0, 0
    for gap in gaps:
        now += gap
        wait = limit.take("anna", now)
        taken += wait is None
        if wait is not None:
            now += wait + 1
            assert limit.take("anna", now) is None
            taken += 1
    assert taken <= burst + now * per_minute / 60e9 + 1
