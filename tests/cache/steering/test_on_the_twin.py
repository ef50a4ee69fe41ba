"""Steering against the server's own rules: whom it evicts, that nobody stalls, and what a crash leaves behind."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cache.steering.twin import (
    MODELS,
    Crashing,
    S,
    Visit,
    departures,
    host,
    one_at_a_time,
    played,
    pure_departures,
)
from toolkit.cache.policies.base import Item
from toolkit.cache.registry import build_strategy
from toolkit.cache.steering.by_keep_alive import ByKeepAlive

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from toolkit.cache.strategy import Strategy
    from toolkit.experiment.setup import Setup

FIXED_ORDER = ("lru", "lfu", "lfu(half-life=5)", "lru-k", "lrfu(decay=0.1)", "gdsf", "landlord")
OTHERS = ("next-use", "s3fifo", "arc")
STEERED = ("keepalive(policy=lru)", "keepalive(policy=lfu)", "keepalive(policy=gdsf)", "unload(policy=lrfu)", "steer",
           "steer(policy=next-use)", "steer(policy=markov)", "unload(policy=arc)", "unload(policy=s3fifo)",
           "histogram(range=20s)")  # fmt: skip
LONGEST_NS = 600 * S
"""The traffic below is over long before; a base of 30 minutes that is waited for is not."""

few = settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
orders = st.lists(st.sampled_from(MODELS), min_size=1, max_size=40)
visits: SearchStrategy[list[Visit]] = st.lists(
    st.tuples(st.sampled_from(MODELS[:4]), st.integers(0, 6 * S), st.integers(S // 10, 8 * S)), min_size=1, max_size=30
).map(lambda rows: [Visit(sum(gap for _, gap, _ in rows[: n + 1]), rows[n][0], rows[n][2]) for n in range(len(rows))])


def named(text: str, setup: Setup) -> Strategy:
    return build_strategy(text, setup.context)


@pytest.mark.parametrize("policy", FIXED_ORDER)
@few
@given(order=orders, slots=st.integers(1, 4))
def test_durations_make_the_servers_victim_the_policys_choice(policy: str, order: list[str], slots: int) -> None:
    """One at a time, no unload call: exact, also for policies with a clock, as the room is known."""
    run = played(one_at_a_time(order), slots, partial(named, f"keepalive(policy={policy})"))
    assert not any(record.unloaded_before for record in run.records)
    assert departures(run) == pure_departures(policy, order, slots, dict(host(slots).context.items).__getitem__)


@pytest.mark.parametrize("policy", [*FIXED_ORDER[:2], *OTHERS])
@pytest.mark.parametrize("way", ["unload", "steer"])
@settings(few, max_examples=10)
@given(order=orders, slots=st.integers(1, 4))
def test_unload_calls_follow_any_policy(way: str, policy: str, order: list[str], slots: int) -> None:
    """`steer` makes the calls only where the durations would not do."""
    run = played(one_at_a_time(order), slots, partial(named, f"{way}(policy={policy})"))
    expected = pure_departures(policy, order, slots, dict(host(slots).context.items).__getitem__)
    if policy not in {"s3fifo", "arc"}:  # they count bytes, which the twin has
        assert departures(run) == expected
    calls = any(record.unloaded_before for record in run.records)
    if way == "steer" and policy in FIXED_ORDER:
        assert not calls


@few
@given(order=orders, slots=st.integers(1, 4))
def test_times_to_live_do_not_have_the_busiest_model_evicted(order: list[str], slots: int) -> None:
    """The server would let the shortest duration go; unload calls have the policy's choice (LRU here) leave instead."""
    strategy = "histogram(range=1000h)"  # nothing expires: bins of four hours
    run = played(one_at_a_time(order), slots, partial(named, strategy))
    assert departures(run) == pure_departures("lru", order, slots, lambda name: Item(name, 1, 1))
    sent = {record.keep_alive_ns for record in run.records} - {None}
    assert sent <= {1000 * 3600 * S, 1000 * 3600 * S * 11 // 2400}


def test_a_model_leaves_the_server_when_its_own_gaps_say_so() -> None:
    """Used every ten minutes: a tenth beyond the bin from ten to eleven; four hours as long as little is known."""
    run = played([Visit(at * 600 * S, MODELS[0]) for at in range(7)], 1, partial(named, "histogram"))
    assert [record.keep_alive_ns for record in run.records] == [4 * 3600 * S, *[None] * 4, 726 * S, None]
    known = played([*(Visit(at * 600 * S, MODELS[0]) for at in range(7)), Visit(9999 * S, MODELS[1])], 2,
                   partial(named, "histogram"))  # fmt: skip
    (first, *_) = known.residency
    assert (first.model, first.cause) == (MODELS[0], "expired")
    assert first.unload_start_ns == (known.records[6].done_ns or 0) + 726 * S


@pytest.mark.parametrize("strategy", STEERED)
@few
@given(traffic=visits, slots=st.integers(1, 3))
def test_no_stall_that_the_plain_server_would_not_have_had(strategy: str, traffic: list[Visit], slots: int) -> None:
    """Under overlapping traffic everybody is answered, and no load waits for a victim longer than the traffic lasts."""
    for text in (strategy, "server-default"):
        run = played(traffic, slots, partial(named, text))
        assert {record.outcome for record in run.records} == {"ok"}
        assert max(record.evict_ns or 0 for record in run.records) < LONGEST_NS


def test_the_same_traffic_does_stall_where_every_request_carries_a_keep_alive() -> None:
    """The control of the test above: an eviction that is undone."""
    traffic = [Visit(0, MODELS[0], 20 * S), Visit(10 * S, MODELS[1], S), Visit(12 * S, MODELS[0], S)]
    waits_ns = {}
    for text in ("ram", "keepalive", "steer"):
        run = played(traffic, 1, partial(named, text))
        waits_ns[text] = max(record.evict_ns or 0 for record in run.records)
    assert waits_ns["ram"] > 1700 * S
    assert max(waits_ns["keepalive"], waits_ns["steer"]) < LONGEST_NS


@few
@given(traffic=visits, slots=st.integers(1, 3))
def test_no_duration_is_shorter_than_the_base_whatever_overlaps(traffic: list[Visit], slots: int) -> None:
    """The real time to live does not shrink, and the order takes a second of it at most."""
    run = played(traffic, slots, partial(named, "keepalive(policy=lru)"))
    sent = [record.keep_alive_ns for record in run.records if record.keep_alive_ns is not None]
    assert all(1800 * S <= duration_ns < 1801 * S for duration_ns in sent)


@few
@given(order=orders, half=st.integers(0, 40), slots=st.integers(1, 4), data=st.data())
def test_after_a_crash_the_policy_is_back_when_each_model_has_been_used_once(
    order: list[str], half: int, slots: int, data: st.DataObject
) -> None:
    """The new client finds strangers in memory and no durations; nothing needs to be repaired by hand."""
    way = data.draw(st.sampled_from(["keepalive", "unload", "steer"]))
    half = min(half, len(order))
    whole = [*order[:half], *MODELS, *order[half:]]
    run = played(one_at_a_time(whole), slots, lambda setup: Crashing(partial(named, f"{way}(policy=lru)", setup), half))
    expected = pure_departures("lru", whole, slots, lambda name: Item(name, 1, 1))
    settled = half + len(MODELS)
    assert departures(run)[settled:] == expected[settled:]


@few
@given(traffic=visits, half=st.integers(0, 30), slots=st.integers(1, 3), strategy=st.sampled_from(STEERED[:6]))
def test_a_crash_in_the_middle_of_traffic_leaves_nothing_stuck(
    traffic: list[Visit], half: int, slots: int, strategy: str
) -> None:
    """A crash closes the client's connections, so nothing of its own is under way when it comes back."""
    traffic = [*traffic[:half], *(replace(visit, at_ns=visit.at_ns + LONGEST_NS) for visit in traffic[half:])]
    run = played(traffic, slots, lambda setup: Crashing(partial(named, strategy, setup), half))
    assert {record.outcome for record in run.records} == {"ok"}
    assert max(record.evict_ns or 0 for record in run.records) < LONGEST_NS


def test_a_long_skewed_stream_needs_no_tie() -> None:
    draw = random.Random(7)
    order = draw.choices(MODELS, [32, 16, 8, 4, 2, 1], k=3_000)
    made: list[Strategy] = []

    def make(setup: Setup) -> Strategy:
        made.append(named("keepalive(policy=lfu)", setup))
        return made[0]

    run = played(one_at_a_time(order), 2, make)
    assert departures(run) == pure_departures("lfu", order, 2, lambda name: Item(name, 1, 1))
    assert isinstance(made[0], ByKeepAlive)
    assert made[0].durations.ties == 0
    silent = sum(record.keep_alive_ns is None for record in run.records)
    assert silent > 1_000  # most hits do not change the order, and carry nothing
