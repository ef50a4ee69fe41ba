"""Hostile requests against the running gateway, over real sockets: what must not come through, and must not hurt."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import json
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.gateway.conftest import gateway_to, in_process, scripted_host
from tests.ollama.fake_host import answer_chat, chat_line, last_line
from toolkit.errors import UsageError
from toolkit.gateway.endpoint import where_it_failed
from toolkit.gateway.refusal import Refusal
from toolkit.gateway.registries import Registries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.ollama.fake_host import FakeHost, Seen, Wire

NOWHERE = "http://127.0.0.1:9"
CHAT = {"model": "big:7b", "messages": [{"role": "user", "content": "Hi."}]}
CANARY = "canary-7f3a-what-somebody-said"
KEY, ADMIN = "0123456789abcdef-user", "0123456789abcdef-admin"
KEYS = {"KEYS": f"anna {KEY}, root {ADMIN} admin"}


async def raw(url: str, sent: bytes, *, end: bool = False) -> bytes:
    """What comes back for these bytes until the other end closes; `end`: we say that no more will come.

    Uvicorn takes that for a client that has gone, so only what is refused at once is answered then.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(sent)
    if end and writer.can_write_eof():
        writer.write_eof()
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def request(target: str = "/healthz", *headers: str, method: str = "GET", host: str | None = "localhost") -> bytes:
    """A request without a body, byte by byte as wanted."""
    named = [] if host is None else [f"Host: {host}"]
    return "\r\n".join([f"{method} {target} HTTP/1.1", *named, *headers, "Connection: close", "", ""]).encode("latin-1")


def status(answer: bytes) -> int:
    """The status of an answer, 0 if there is none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


@asynccontextmanager
async def a_gateway(**section: Any) -> AsyncIterator[tuple[str, FakeHost]]:
    """A gateway before a host that answers every chat."""
    async with (
        scripted_host(answer_chat, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url, **section)) as url,
    ):
        yield url, host


# Framing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\nhello",
        b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
        b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Folded: one\r\n two\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n Host: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Bare: a\rb\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Zero: a\x00b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_two_readers_could_read_in_two_ways_is_refused(sent: bytes) -> None:
    """No host is asked, and what may follow on the connection is not read as a request."""
    async with a_gateway() as (url, host):
        answer = await raw(url, sent + request("/api/version"), end=True)
        assert status(answer) in {0, 400, 413}, answer
        assert answer.count(b"HTTP/1.1 ") <= 1
        assert not [seen for seen in host.seen if seen.path in {"/api/chat", "/api/version"}]


async def test_what_is_no_http_is_counted_and_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async with a_gateway() as (url, _):
        assert status(await raw(url, b"\x16\x03\x01\x02\x00\r\n\r\n", end=True)) == 400
        upgrade = request("/healthz", "Upgrade: websocket").replace(b"Connection: close", b"Connection: Upgrade")
        assert status(await raw(url, upgrade, end=True)) == 200
        assert b'"errors":{"not_http":1}' in await raw(url, request("/api/llm/stats"), end=True)
    assert not caplog.records


async def test_a_head_without_end_is_refused() -> None:
    async with a_gateway() as (url, _):
        for endless in (b"X: " + b"a" * (2 << 20), b"".join(b"X%d: y\r\n" % n for n in range(200_000))):
            answer = await raw(url, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + endless, end=True)
            assert status(answer) in {0, 400, 431}
        assert status(await raw(url, request())) == 200


@pytest.mark.parametrize("sent", [b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ", b"\r\n"])
async def test_a_head_that_does_not_come_is_not_waited_for(sent: bytes) -> None:
    """Slowloris: many connections that never finish their request."""
    async with a_gateway(limits={"head": "50ms"}) as (url, _):
        answers = await asyncio.gather(*(raw(url, sent) for _ in range(20)))
        assert answers == [b""] * 20


@pytest.mark.parametrize("sent", [b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ", b"\r\n"])
async def test_nor_is_the_head_of_a_second_request(sent: bytes) -> None:
    async with a_gateway(limits={"head": "50ms"}) as (url, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(request().replace(b"close", b"keep-alive"))
        await reader.readuntil(b'{"status":"ok"}')
        writer.write(sent)
        assert await reader.read() == b""
        writer.close()


async def test_more_connections_than_allowed_are_told_so() -> None:
    async with a_gateway(limits={"connections": 3, "head": "10s"}) as (url, _):
        port = int(url.rpartition(":")[2])
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        answer = b""
        while status(answer) != 503:  # the server may not yet have taken all of them
            answer = await raw(url, request())
        for _, writer in held:
            writer.close()
        while status(answer) != 200:
            answer = await raw(url, request())


# Bodies --------------------------------------------------------------------------------------------------------------


async def test_long_bodies_are_refused_however_they_come() -> None:
    async with a_gateway(limits={"body": "1MiB"}) as (url, host):
        declared = request("/api/chat", f"Content-Length: {2 << 20}", method="POST")
        assert status(await raw(url, declared)) == 413, "before any of it has come"
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        chunked = request("/api/chat", "Transfer-Encoding: chunked", method="POST") + chunk * 17  # no end
        assert status(await raw(url, chunked)) == 413
        assert not [seen for seen in host.seen if seen.path == "/api/chat"]


@pytest.mark.parametrize("coding", ["gzip", "zstd", "deflate", "br", "identity, gzip"])
async def test_compressed_bodies_are_refused_unread(coding: str) -> None:
    """A bomb: a thousand times as long when it is unpacked."""
    body = gzip.compress(b" " * 10_000_000)
    async with a_gateway() as (url, host), aiohttp.ClientSession() as client:
        headers = {"content-encoding": coding, "content-type": "application/json"}
        async with client.post(f"{url}/api/chat", data=body, headers=headers) as answer:
            assert (answer.status, "compressed" in (await answer.json())["error"]) == (415, True)
        assert not [seen for seen in host.seen if seen.path == "/api/chat"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"a":' * 200_000, "nested deeper"),
        (b"[" * 2_000_000, "nested deeper"),
        (b'{"model":"m","messages":[],"n":' + b"9" * 5_000 + b"}", "not JSON"),
        (b'{"model":"m","options":{"temperature":1e999}}', "too large"),
        (b'{"model":"m","options":{"temperature":NaN}}', "NaN"),
        (b'{"model":"m","options":{"temperature":-Infinity}}', "-Infinity"),
        (b'{"model":"\xff"}', "not UTF-8"),
        ('{"model":"m"}'.encode("utf-16"), "not UTF-8"),
        (b'\xef\xbb\xbf{"model":"m"}', "not JSON"),
        (b'{"model":"a","MODEL":"b","messages":[]}', "model: given more than once"),
        (b'{"model":"a","mode\xc5\xbf":"b","messages":7}', "messages: a list"),
        (b'{"model":"m","stream":"no"}', "stream: true or false"),
        (b'{"model":"m","messages":[{"role":"user","content":["x"]}]}', "messages[0].content: a text"),
    ],
)
async def test_bodies_that_mean_harm_are_refused_with_a_sentence(body: bytes, words: str) -> None:
    async with a_gateway() as (url, host), aiohttp.ClientSession() as client:
        async with client.post(f"{url}/api/chat", data=io.BytesIO(body)) as answer:
            assert (answer.status, words in (await answer.json())["error"]) == (400, True)
        assert not [seen for seen in host.seen if seen.path == "/api/chat"]


async def test_the_host_reads_what_the_gateway_read() -> None:
    """The last of two equal keys, fields in other letters, half characters: one meaning, written anew."""
    body = (
        b'{"model":"small:1b","model":"big:7b","Messages":[{"role":"user","content":"\\ud800 \\u0000"}],'
        b'"STREAM":false,"Keep_Alive":7,"options":{"seed":1,"seed":2}}'
    )
    async with a_gateway() as (url, host), aiohttp.ClientSession() as client:
        async with client.post(f"{url}/api/chat", data=body) as answer:
            assert answer.headers["x-hotswap-model"] == "big:7b"
        (seen,) = [seen for seen in host.seen if seen.path == "/api/chat"]
        assert json.loads(seen.body) == {
            "model": "big:7b",
            "messages": [{"role": "user", "content": "\ud800 \x00"}],
            "stream": False,
            "keep_alive": 7,
            "options": {"seed": 2},
        }
        assert seen.body.count(b"keep_alive") == 1


# Headers of answers, and what hosts get ------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["m\r\nX-Evil: 1", "m\nSet-Cookie: a=b", "m\x00", "m\u2028\x85", "\ud800", "é\t"])
async def test_a_model_name_adds_no_header(model: str) -> None:
    async def not_found(_: Seen, wire: Wire) -> None:
        await wire.record({"error": "model not found"}, status=404)

    async with scripted_host(not_found) as host, in_process(gateway_to(host.url)) as url:
        for path in ("/api/chat", "/v1/chat/completions"):
            body = json.dumps({**CHAT, "model": model}).encode()
            answer = await raw(url, request(path, f"Content-Length: {len(body)}", method="POST") + body)
            head = answer.partition(b"\r\n\r\n")[0]
            names = [line.partition(b":")[0] for line in head.split(b"\r\n")[1:]]
            assert status(answer) == 404
            assert not {b"x-evil", b"set-cookie"} & {name.lower() for name in names}
            assert head.isascii()
            assert b"\x00" not in head


async def test_headers_of_one_hop_and_of_the_client_reach_no_host() -> None:
    """Nor do the host's own reach the client."""

    async def chatty(_: Seen, wire: Wire) -> None:
        await wire.head(Set_Cookie="a=b", X_Powered_By="me", Connection="keep-alive", Server="s")
        await wire.line(last_line())
        await wire.end()

    async with (
        scripted_host(chatty, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url)) as url,
        aiohttp.ClientSession() as client,
    ):
        headers = {
            "Connection": "X-Secret, close", "X-Secret": "1", "TE": "trailers", "Proxy-Authorization": "Basic eA==",
            "Cookie": "a=b", "X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4", "Origin": "http://localhost",
            "Host": "localhost", "X-Api-Key": "abc", "Upgrade": "websocket",
        }  # fmt: skip
        async with client.post(f"{url}/api/chat", json=CHAT, headers=headers) as answer:
            assert answer.status == 200
            assert not {"set-cookie", "x-powered-by", "server"} & {name.lower() for name in answer.headers}
        (seen,) = [seen for seen in host.seen if seen.path == "/api/chat"]
        names = {name.lower() for name, _ in seen.headers}
        assert names <= {"host", "accept", "content-type", "content-length", "user-agent", "accept-encoding"}


# Targets -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    ["//api/tags", "/api/../api/tags", "/api/%2e%2e/api/tags", "/healthz/../api/tags", "/healthz%2f..%2fapi%2ftags",
     "/dashboard/../api/tags", "/dashboard/%2e%2e/api/tags", "/API/TAGS", "/api/tags%00", "/./api/tags", "/api\\tags",
     "/healthz;/api/tags", "/api//tags"],
)  # fmt: skip
async def test_no_spelling_of_a_path_gets_past_the_door(target: str) -> None:
    async with (
        scripted_host(answer_chat) as host,
        in_process(gateway_to(host.url, keys={"env": "KEYS"}, environment=KEYS)) as url,
    ):
        assert status(await raw(url, request(target))) in {400, 401, 404}
        with_key = await raw(url, request(target, f"Authorization: Bearer {KEY}"))
        assert status(with_key) in {400, 404}
        assert b"digest" not in with_key


@pytest.mark.parametrize(
    ("target", "host", "code"),
    [
        ("http://localhost/healthz", "localhost", 200),
        ("http://evil.example/healthz", "localhost", 200),  # the Host header is what browsers cannot choose
        ("http://localhost/healthz", "evil.example", 403),
        ("http://localhost/api/tags", "localhost", 200),
        ("*", "localhost", 404),
        ("healthz", "localhost", 400),
    ],
)
async def test_targets_in_other_forms(target: str, host: str, code: int) -> None:
    async with a_gateway() as (url, _):
        assert status(await raw(url, request(target, host=host))) in {code, 400}


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost", 200), ("LOCALHOST:1", 200), ("127.0.0.1", 200), ("[::1]", 200), ("[::1]:99", 200),
        ("localhost.", 403), ("localhost.evil.example", 403), ("evil.example", 403), ("127.0.0.1.evil.example", 403),
        ("127.0.0.1.", 403), ("2130706433", 403), ("0x7f.1", 403), ("10.0.0.1", 403), ("[::1", 403), ("::1", 200),
        ("localhost:80:80", 403), ("a@localhost", 403), ("localhost/", 403), ("", 403), (None, 403),
        ("localhost evil.example", 403), ("[fe80::1]", 403), ("0.0.0.0", 403),  # noqa: S104 - nothing is bound
    ],
)  # fmt: skip
async def test_names_that_a_browser_was_fooled_into_are_refused(host: str | None, code: int) -> None:
    """DNS rebinding; on the dashboard and on the API alike."""
    async with a_gateway() as (url, _):
        for target in ("/", "/api/tags", "/api/llm/live", "/dashboard/main.js"):
            assert status(await raw(url, request(target, host=host))) in {code, 400}


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://localhost.evil.example", "file://", "http://"]
)
async def test_pages_of_other_origins_get_nothing(origin: str) -> None:
    async with a_gateway() as (url, host):
        asking = ("Access-Control-Request-Method: POST", "Access-Control-Request-Private-Network: true")
        for method, target, more in (("OPTIONS", "/api/chat", asking), ("GET", "/api/tags", ()), ("GET", "/", ())):
            answer = await raw(url, request(target, f"Origin: {origin}", *more, method=method))
            assert status(answer) == 403
            assert b"access-control" not in answer.lower()
        body = json.dumps(CHAT).encode()
        simple = ("Content-Type: text/plain", f"Content-Length: {len(body)}", f"Origin: {origin}")
        assert status(await raw(url, request("/api/chat", *simple, method="POST") + body)) == 403
        assert not [seen for seen in host.seen if seen.path == "/api/chat"]
        assert b"cross-origin-resource-policy: same-origin" in (await raw(url, request("/api/tags"))).lower()


# Pulls ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["http://169.254.169.254/x/y", "https://registry.example/x/y", "169.254.169.254/x/y", "localhost/x/y", "[::1]/x/y",
     "127.0.0.1:11434/x/y", "metadata.google.internal/x/y", "printer.lan/x/y", "2852039166/x/y", "0x7f000001/x/y",
     "router/x/y", "registry.example:22/x/y", "user@registry.example/x/y", "../../etc/passwd", "a/../b", "/etc/passwd",
     "a//b", "x/y/z/w", "registry.example\\@evil/x/y", "m\r\nHost: evil", "m m", "registry.example%2f/x/y", "é/x/y"],
)  # fmt: skip
async def test_no_host_is_sent_to_an_address_of_the_clients_choice(name: str) -> None:
    async with a_gateway(writes=True) as (url, host), aiohttp.ClientSession() as client:
        for path, field in (("pull", "model"), ("pull", "name"), ("push", "model"), ("create", "from")):
            async with client.post(f"{url}/api/{path}", json={"model": "m", field: name}) as answer:
                assert answer.status == 400, (path, field)
                assert "model: " in (await answer.json())["error"]
        async with client.post(f"{url}/api/create", json={"model": "m", "remote_host": name}) as answer:
            assert answer.status == 400
        assert not [seen for seen in host.seen if seen.method == "POST"]


@pytest.mark.parametrize(
    "name", ["m", "m:7b-q4_K_M", "team/m", "hf.co/team/m-GGUF:Q8_0", "hub.example.com/t/m@sha256:a"]
)
def test_names_of_models_are_let_through(name: str) -> None:
    assert Registries().transfer({"model": name, "insecure": True, "stream": False}) == {"model": name, "stream": False}


def test_registries_of_the_house_are_let_through_where_the_config_names_them() -> None:
    with pytest.raises(Refusal, match=r"gateway\.registries"):
        Registries().check("registry.lan:5000/team/m")
    Registries(["Registry.lan:5000"]).check("registry.LAN:5000/team/m")


# What is not told ----------------------------------------------------------------------------------------------------


async def moody(seen: Seen, wire: Wire) -> None:
    """A host that does as the message tells it, and repeats the message wherever it can."""
    said = seen.json["messages"][-1]["content"]
    if "breaks" in said:
        await wire.head()
        await wire.line(chat_line(CANARY))
        wire.reset()
    elif "fails" in said:
        await wire.record({"error": f"cannot say {said}"}, status=500)
    elif "garbage" in said:
        await wire.whole(200, f"{said}\n{{half".encode(), "application/x-ndjson")
    else:
        await answer_chat(seen, wire)


async def all_that_can_happen(url: str, client: aiohttp.ClientSession) -> None:
    """Answers that work, that fail on either side, and that are refused."""
    for word in ("works", "breaks", "fails", "garbage"):
        message = {"role": "user", "content": f"{CANARY} {word}"}
        for path in ("/api/chat", "/v1/chat/completions"):
            for more in ({}, {"session": "s", "stream": True}, {"stream": False}):
                body = {"model": "big:7b", "messages": [message], **more}
                with contextlib.suppress(aiohttp.ClientPayloadError):  # broken off, as it should be
                    async with client.post(url + path, json=body) as answer:
                        await answer.read()
    for bad in ({"model": [CANARY]}, {"messages": [{"role": CANARY}]}, {"model": "m", "messages": CANARY}):
        async with client.post(f"{url}/v1/chat/completions", json=bad) as answer:
            assert (answer.status, CANARY in await answer.text()) == (400, False)
    async with client.get(f"{url}/api/tags", headers={"authorization": f"Bearer {CANARY}"}) as answer:
        assert (answer.status, CANARY in await answer.text()) == (401, False)


@pytest.mark.parametrize("level", [logging.WARNING, logging.DEBUG])
async def test_nothing_that_was_said_and_no_key_is_in_any_log_or_figure(
    level: int, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(level)
    section: dict[str, Any] = {"keys": {"env": "KEYS"}, "sessions": {"file": str(tmp_path / "s.db")}}
    written: list[str] = []
    async with scripted_host(moody, loaded=("big:7b",)) as host:
        gateway = gateway_to(host.url, environment=KEYS, **section)
        headers = {"authorization": f"Bearer {KEY}"}
        async with in_process(gateway) as url, aiohttp.ClientSession(headers=headers) as client:
            await all_that_can_happen(url, client)
            for path in ("/api/llm/stats", "/api/llm/live", "/metrics", "/openapi.json"):
                async with client.get(url + path) as answer:
                    assert answer.status == 200
                    written.append(await answer.text())
    out, err = capfd.readouterr()
    for text in (*written, out, err, caplog.text, repr(gateway)):
        assert CANARY not in text
        assert KEY not in text
        assert ADMIN not in text


class Secret:
    """Fails with what nobody should read."""

    def tell(self) -> None:
        raise UsageError(CANARY)


def test_where_it_failed_says_where_and_not_what() -> None:
    with pytest.raises(UsageError) as failed:
        Secret().tell()
    told = where_it_failed(failed.value)
    assert "UsageError at test_hostile.py:" in told
    assert told.endswith("test_where_it_failed_says_where_and_not_what")
    assert CANARY not in told
