"""The counts of `/api/llm/stats` against the plain way: all requests kept, and summed anew for each answer."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.gateway.histogram import CLASSES, GROWTH, class_of, middle_of, quantile_of
from toolkit.gateway.stats import LATEST, SLOTS, WINDOWS, GatewayStats, Latest
from toolkit.gateway.tally import Tally
from toolkit.gateway.totals import NS_PER_S, Figures, Served
from toolkit.stats.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = st.sampled_from(["a:latest", "b:7b", "c:1b"])
SERVED = st.builds(
    Served,
    at_ns=st.just(0),
    kind=st.just("chat"),
    model=NAMES,
    host=st.just("here"),
    reason=st.sampled_from(["asked for by name", "rule 1", "default"]),
    outcome=st.sampled_from(["ok", "ok", "ok", "left", "host_failed", "queue_full"]),
    found=st.sampled_from([None, "hit", "cold", "reload"]),
    load_ns=st.none() | st.integers(0, 600 * NS_PER_S),
    waited_ns=st.none() | st.integers(0, 600 * NS_PER_S),
    prompt_tokens=st.integers(0, 10_000),
    answer_tokens=st.integers(0, 10_000),
    cached=st.none() | st.booleans(),
)
LABELS = st.sampled_from(["bad_request", "queue_full", "no_key"])
GAPS_NS = st.sampled_from([0, 1, NS_PER_S // 3, NS_PER_S, 59 * NS_PER_S, 60 * NS_PER_S, 299 * NS_PER_S]) | st.integers(
    0, 4000 * NS_PER_S
)
"""Requests in the same instant, in the same slot, at both ends of a window, and after everything has become too old."""


def plain(requests: list[Served]) -> dict[str, Any]:
    """The figures, by going through all of them."""
    ok = [each for each in requests if each.outcome == "ok"]
    found = [each.found for each in ok if each.found is not None]
    loads_ns = sorted(
        each.load_ns for each in requests if each.found in {"cold", "reload"} and each.load_ns is not None
    )
    models: dict[str, dict[str, Any]] = {}
    for each in requests:
        used = models.setdefault(each.model, {"requests": 0, "share": 0, "prompt_tokens": 0, "answer_tokens": 0})
        used["requests"] += 1
        used["prompt_tokens"] += each.prompt_tokens
        used["answer_tokens"] += each.answer_tokens
    for used in models.values():
        used["share"] = used["requests"] / len(requests)
    errors = [each.outcome for each in requests if each.outcome not in {"ok", "left"}]
    reasons = [each.reason for each in requests]
    judged = [each.cached for each in requests if each.cached is not None]
    return {
        "requests": len(requests),
        "hits": found.count("hit"),
        "hit_rate": found.count("hit") / len(found) if found else None,
        "swaps": len(loads_ns),
        "mean": sum(loads_ns) / len(loads_ns) / NS_PER_S if loads_ns else None,
        "p95": quantile(loads_ns, 0.95) / NS_PER_S if loads_ns else None,
        "models": models,
        "routing": {reason: reasons.count(reason) for reason in reasons},
        "errors": {error: errors.count(error) for error in errors},
        "prefix_cache": {
            "judged": len(judged),
            "cached": sum(judged),
            "rate": sum(judged) / len(judged) if judged else None,
        },
        "left": sum(each.outcome == "left" for each in requests),
    }


def check(got: dict[str, Any], requests: list[Served], refused: Sequence[str] = ()) -> None:
    """Counts and means are exact, quantiles to a percent."""
    wanted = plain(requests)
    wanted["errors"] = dict(Counter(wanted["errors"]) + Counter(refused))
    swap_s, p95_s = got["swap_s"], wanted.pop("p95")
    assert swap_s["mean"] == wanted.pop("mean")
    assert swap_s["p95"] is p95_s is None or swap_s["p95"] == pytest.approx(p95_s, rel=GROWTH - 1)
    assert {name: got[name] for name in wanted} == wanted


@given(st.lists(st.tuples(GAPS_NS, SERVED | LABELS), max_size=30), GAPS_NS)
def test_windows_are_what_summing_all_requests_anew_would_give(
    drawn: list[tuple[int, Served | str]], last_ns: int
) -> None:
    """Refusals (drawn as their labels) are among the errors of the window in which they were, and no requests."""
    stats, now_ns, requests, refused = GatewayStats(0), 0, [], []
    for gap_ns, each in drawn:
        now_ns += gap_ns
        if isinstance(each, str):
            refused.append((now_ns, each))
            stats.refused(each, now_ns)
        else:
            requests.append(replace(each, at_ns=now_ns))
            stats.ended(requests[-1])
    now_ns += last_ns
    answer = stats.as_json(now_ns, {})
    check(answer, requests, [label for _, label in refused])
    for name, seconds in WINDOWS:
        slot_ns = seconds * NS_PER_S // SLOTS
        begin = now_ns // slot_ns - SLOTS
        check(
            answer["windows"][name],
            [request for request in requests if request.at_ns // slot_ns > begin],
            [label for at_ns, label in refused if at_ns // slot_ns > begin],
        )


@given(st.lists(SERVED, max_size=30), st.integers(1, 10))
def test_the_latest_are_the_latest(drawn: list[Served], most: int) -> None:
    latest = Latest(most)
    for each in drawn:
        latest.add(each)
    check(latest.as_json(), drawn[-most:])
    assert list(latest.newest_first()) == drawn[-most:][::-1]


@given(st.lists(st.integers(0, 10**13), min_size=1), st.floats(0, 1))
def test_a_quantile_is_right_to_half_a_percent_by_the_counts_of_classes_alone(values: list[int], share: float) -> None:
    classes = Counter(map(class_of, values))
    got = quantile_of([(middle_of(number), count) for number, count in sorted(classes.items())], share)
    assert got is not None
    assert math.isclose(got, quantile(sorted(values), share), rel_tol=(GROWTH - 1) / 2, abs_tol=1e-6)


def test_absurd_values_fall_into_the_last_class_and_no_values_have_no_quantile() -> None:
    assert class_of(10**300) == class_of(10**200) < CLASSES
    assert class_of(-5) == class_of(0) == 0
    assert quantile_of([], 0.5) is None


def test_nothing_is_left_of_requests_that_are_too_old() -> None:
    """Whatever the traffic, only slots with requests and the names in them are kept."""
    request = Served(0, "chat", "a", "here", "because", "ok", "cold", NS_PER_S, 5, 7, 9)
    stats = GatewayStats(0)
    for second in range(WINDOWS[-1][1] + 60):
        stats.ended(replace(request, at_ns=second * NS_PER_S))
    windows = stats.as_json((WINDOWS[-1][1] + 60) * NS_PER_S, {})["windows"]
    assert {name: window["requests"] for name, window in windows.items()} == {"1m": 59, "5m": 295, "1h": 3540}
    assert len(list(stats.latest.newest_first())) == LATEST
    later = stats.as_json(9 * WINDOWS[-1][1] * NS_PER_S, {})["windows"]
    assert later == {name: Figures().as_json(Tally()) for name, _ in WINDOWS}
