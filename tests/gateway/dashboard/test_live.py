"""The document that the page asks for."""

from __future__ import annotations

from tests.gateway.conftest import gateway_to
from toolkit.gateway.dashboard.live import SHOWN, live_document
from toolkit.gateway.residency import Residency
from toolkit.gateway.stats import LATEST, Latest
from toolkit.gateway.totals import NS_PER_S, Served

SERVED = Served(
    at_ns=7 * NS_PER_S,
    kind="chat",
    model="a:latest",
    host="here",
    reason="asked for by name",
    outcome="ok",
    found="cold",
    load_ns=2 * NS_PER_S,
    waited_ns=None,
    prompt_tokens=3,
    answer_tokens=4,
)


def latest(requests: int) -> Latest:
    """So many requests, all of them alike."""
    made = Latest()
    for _ in range(requests):
        made.add(SERVED)
    return made


def test_times_are_seconds_counted_back_from_now_and_what_is_not_known_is_none() -> None:
    seen = Residency()
    seen.saw({"a:latest": 5}, 1 * NS_PER_S)
    seen.saw({}, 4 * NS_PER_S)
    document = live_document(10 * NS_PER_S, {"hits": 0}, latest(1), {"here": seen})
    (row,) = document["recent"]
    assert (row["age_s"], row["load_s"], row["waited_s"]) == (3.0, 2.0, None)
    assert document["latest_swaps"] == [{"model": "a:latest", "age_s": 3.0, "load_s": 2.0}]
    stay = {"model": "a:latest", "from_s": 9.0, "to_s": 6.0}
    assert document["timeline"]["hosts"] == {"here": {"most_vram_bytes": 5, "stays": [stay]}}
    assert (document["hits"], document["latest"]["hit_rate"]) == (0, 0.0)


def test_only_so_many_rows_are_sent_however_many_requests_there_were() -> None:
    document = live_document(10 * NS_PER_S, {}, latest(LATEST + 1), {})
    assert len(document["recent"]) == SHOWN
    assert document["latest"]["requests"] == LATEST


def test_who_looks_has_the_hosts_looked_at_as_if_they_were_used() -> None:
    gateway = gateway_to("http://127.0.0.1:1", "http://127.0.0.1:2", sessions={"file": None})
    gateway.fleet.watched()
    assert all(backend.was_used for backend in gateway.fleet.backends)
