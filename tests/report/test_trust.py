"""Can I trust this run? The worst that is known about it comes first."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.store.examples import HEALTH, LIVE, PROVENANCE, RECORD
from toolkit.replay.samples import collect
from toolkit.report.page.trust_box import trust_box
from toolkit.report.trust import FEW_FOR_MEDIAN, FEW_FOR_P99, Trust, judge_closely, judge_run
from toolkit.stats.interval import order_places

if TYPE_CHECKING:
    from toolkit.replay.records import ClientHealth, Provenance, RequestRecord

GOOD = replace(HEALTH, void=(), cpu_share=0.3)


def judged(
    records: list[RequestRecord],
    client: ClientHealth | None = GOOD,
    provenance: Provenance = LIVE,
    *,
    complete: bool = True,
) -> Trust:
    return judge_run(provenance, client, collect(records), complete=complete)


MANY = [RECORD] * 500


def test_a_good_run_is_said_to_be_good_and_why() -> None:
    trust = judged(MANY)
    assert trust.level == "fine"
    assert {finding.level for finding in trust.findings} == {"fine"}
    assert any("The client kept up" in finding.text for finding in trust.findings)
    assert any("for a 99th percentile" in finding.text for finding in trust.findings)


@pytest.mark.parametrize(
    ("trust", "level", "says"),
    [
        (judged([]), "void", "Not one request ended."),
        (judged([replace(RECORD, phase="warmup")] * 12), "void", "Not one request was measured"),
        (judged(MANY, HEALTH), "void", "The client was the bottleneck: the event loop was late."),
        (judged(MANY, None), "caution", "The client did not watch itself"),
        (judged(MANY, replace(GOOD, cpu_share=0.9)), "caution", "used 90 % of its core"),
        (judged(MANY, complete=False), "caution", "The run was cut short"),
        (judged([*MANY, *[replace(RECORD, outcome="failed")] * 20]), "caution", "3.8 % of the requests got no answer"),
        (judged([RECORD] * 5), "caution", "5 cold requests: too few for an interval."),
        (judged([RECORD] * 59), "caution", "59 cold requests: enough for a median, too few to find a change of 5 %."),
        (judged([replace(RECORD, phase="warmup"), *MANY]), "fine", "1 request of warm-up are kept"),
        (judged(MANY, None, PROVENANCE), "fine", "Simulated in virtual time"),
    ],
)
def test_each_reason_has_its_weight(trust: Trust, level: str, says: str) -> None:
    assert trust.level == level
    assert any(finding.level == level and says in finding.text for finding in trust.findings)


def test_the_worst_comes_first() -> None:
    levels = [finding.level for finding in judged([RECORD] * 5, HEALTH, complete=False).findings]
    assert levels == sorted(levels, key=("void", "caution", "fine").index)


def test_the_box_says_once_what_holds_for_all_and_names_the_others() -> None:
    box = trust_box((("<ram>", judged(MANY)), ("ssd", judged(MANY, complete=False))))
    assert 'class="trust caution"' in box
    assert "<bdi>ssd</bdi>: The run was cut short" in box
    assert "<bdi>&lt;ram&gt;</bdi>: The whole plan was played." in box
    assert box.count("The client kept up") == 1
    assert trust_box(()) == ""


@pytest.mark.parametrize(("share", "least"), [(0.5, FEW_FOR_MEDIAN), (0.99, FEW_FOR_P99)])
def test_the_least_numbers_of_samples_are_those_of_the_order_statistics(share: float, least: int) -> None:
    assert order_places(least, share, 0.95) is not None
    assert order_places(least - 1, share, 0.95) is None


def test_samples_that_resemble_their_neighbours_are_worth_fewer() -> None:
    """A queue that builds up and drains: 500 samples in waves, against the same samples in no order."""
    waves = [replace(RECORD, first_token_ns=10**9 + abs(number % 100 - 50) * 10**7) for number in range(500)]
    mixed = [waves[number * 251 % 500] for number in range(500)]
    close = judge_closely(judged(waves), collect(waves))
    assert close.level == "caution"
    assert "500 cold requests are worth" in close.findings[0].text
    shuffled = random.Random(1).sample(mixed, 500)
    assert judge_closely(judged(shuffled), collect(shuffled)).level == "fine"
