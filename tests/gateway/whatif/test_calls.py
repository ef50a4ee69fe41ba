"""The calls over HTTP: who may ask, who may look, and a comparison from the trace of the gateway's own requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.gateway.conftest import MODELS, READY_S, running

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/api/llm/what-if"
USER, ADMIN = "u" * 20, "a" * 20
PATIENCE_S = 180.0
"""A comparison yields to everything else on the machine, and the other tests are much."""
QUESTION = {"strategies": ["lru"], "since": "1h"}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway with keys in front of a twin, after some requests."""
    folder = tmp_path_factory.mktemp("what-if")
    config, keys = folder / "config.yaml", folder / "keys"
    keys.write_text(f"anna {USER}\nops {ADMIN} admin\n", encoding="utf-8")
    keys.chmod(0o600)
    own = f"gateway:\n  keys: {{file: {keys}}}\n  trace: {{file: {folder}/trace.jsonl}}\n  sessions: {{file: null}}\n"
    config.write_text(MODELS + own, encoding="utf-8")
    twin = ("twin", "serve", "--config", str(config), "--time-scale", "0.001")
    with (
        running(folder / "twin", *twin) as host,
        running(folder / "ready", "serve", "--config", str(config), "--host", host) as url,
    ):
        for text in ("Hi", "Write a Python function that sorts", "Hello", "Write a Python function that adds"):
            body = {"stream": False, "messages": [{"role": "user", "content": text}]}
            assert httpx.post(f"{url}/api/chat", json=body, headers=key(USER), timeout=READY_S).status_code == 200
        yield url


def key(value: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {value}", **more}


def look(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(url + PATH, headers=key(USER)).json()
    return found


def ended(url: str) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE_S
    while (found := look(url))["state"] == "running":
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def test_the_gateways_own_requests_are_played_again_and_no_host_is_asked(locked: str) -> None:
    before = httpx.get(f"{locked}/api/llm/stats", headers=key(USER)).json()
    answer = httpx.post(locked + PATH, json=QUESTION, headers=key(ADMIN))
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    assert httpx.post(locked + PATH, json=QUESTION, headers=key(ADMIN)).status_code == 409
    done = ended(locked)
    assert done["state"] == "done", done["why"]
    result = done["result"]
    assert [(row["strategy"], row["requests"]) for row in result["rows"]] == [("ram", 4), ("lru", 4)]
    assert "shadow" not in result["verdict"]
    assert any("4 answered requests found their model in memory" in note for note in result["notes"])
    assert any("Only the last 1h of the trace" in note for note in result["notes"])
    page = httpx.get(f"{locked}/{done['report']}")  # a link carries no key; its name is the secret
    assert "</html>" in page.text
    assert "sandbox" in page.headers["content-security-policy"]
    assert httpx.get(f"{locked}/what-if/nobody").status_code == 404
    after = httpx.get(f"{locked}/api/llm/stats", headers=key(USER)).json()
    assert (after["requests"], after["swaps"]) == (before["requests"], before["swaps"])


def test_who_may_ask_and_who_may_look(locked: str) -> None:
    assert look(locked)["may_ask"] is False
    assert httpx.get(locked + PATH).status_code == 401
    assert httpx.post(locked + PATH, json=QUESTION).status_code == 401
    for method, body in (("POST", QUESTION), ("DELETE", None)):
        answer = httpx.request(method, locked + PATH, json=body, headers=key(USER))
        assert (answer.status_code, "only an admin key" in answer.json()["error"]) == (403, True)
    assert httpx.delete(locked + PATH, headers=key(ADMIN)).status_code == 200


def test_pages_of_other_origins_cannot_ask(locked: str) -> None:
    """By any request that a browser would send for them."""
    refused = httpx.post(locked + PATH, json=QUESTION, headers=key(ADMIN, origin="http://evil.example"))
    assert refused.status_code == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = key(ADMIN, **{"content-type": kind})
        answer = httpx.post(locked + PATH, content=b'{"strategies": ["lru"]}', headers=headers)
        assert (answer.status_code, "application/json" in answer.json()["error"]) == (400, True)
    rebound = httpx.get(f"{locked}/what-if/x", headers={"host": "evil.example"})
    assert rebound.status_code == 403
