"""Can I trust this run? What a reader must know before its numbers, worst first. Pure.

A *void* run says nothing about the server; one with *cautions* says something, within the limits named; what was
checked and found in order is said as well, because silence could mean that nobody looked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from toolkit.replay.samples import collect
from toolkit.report.wording import counted, duration, percent

if TYPE_CHECKING:
    from toolkit.replay.records import ClientHealth, Provenance
    from toolkit.replay.results import Comparison
    from toolkit.replay.samples import RunSamples

Level = Literal["void", "caution", "fine"]
NS_PER_S = 1e9
FEW_FOR_MEDIAN = 6
"""Below so many samples a median has no 95 % interval (order statistics)."""
GATE_SAMPLES = 60
"""So many a side are needed to find a shift of 5 % at a spread of 6 %; fewer find only larger ones."""
FEW_FOR_P99 = 368
"""Below so many samples none need lie beyond the 99th percentile (0.99 ** n > 0.025), so nothing bounds it."""
UNANSWERED_SHARE = 0.01
BUSY_CLIENT = 0.7
RESEMBLANCE = 1.5
"""An integrated autocorrelation time above this is worth a word."""
_TTFT = (("ttft_cold_s", "cold"), ("ttft_warm_s", "warm"))


class Finding(NamedTuple):
    """One sentence about a run."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Trust:
    """The verdict on a run, and its reasons, worst first."""

    level: Level
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """The answer in one sentence."""
        return {
            "void": "No: this run says nothing about the server.",
            "caution": "Within limits: read these first.",
            "fine": "Yes, as far as one run can be trusted: repeat it before you decide something.",
        }[self.level]


def judged(comparison: Comparison) -> tuple[tuple[str, Trust], ...]:
    """The kept runs of a comparison, each with its verdict, by strategy."""
    return tuple(
        (run.strategy, judge_run(run.provenance, run.client, collect(run.records), complete=run.complete))
        for run in comparison.runs
    )


def judge_run(provenance: Provenance, client: ClientHealth | None, samples: RunSamples, *, complete: bool) -> Trust:
    """Look at how a run ended, at the client that measured it, and at how much it measured."""
    findings = [
        *_ending(samples, complete=complete),
        *_client(client, simulated=provenance.host == "twin"),
        *_phases(samples),
        *_sizes(samples),
    ]
    return _worst_first(findings)


def judge_closely(trust: Trust, samples: RunSamples) -> Trust:
    """Add what takes numpy and a moment: how many independent samples the run is worth.

    The intervals of a single run take its samples for independent. Where requests queue behind each other they are not,
    and the intervals are too narrow by the square root of what is said here.
    """
    from toolkit.stats.autocorrelation import correlation  # noqa: PLC0415 - not for every comparison

    found = list(trust.findings)
    for key, words in _TTFT:
        values = samples.samples_s[key]
        time = correlation([values]).time
        if time > RESEMBLANCE:
            text = (
                f"{len(values):,} {words} requests are worth {len(values) / time:,.0f} independent ones, because "
                f"neighbours resemble each other: intervals of their TTFT are too narrow, by {time**0.5:.1f} times."
            )
            found.append(Finding("caution", text))
    return _worst_first(found)


def _worst_first(findings: list[Finding]) -> Trust:
    order: dict[Level, int] = {"void": 0, "caution": 1, "fine": 2}
    ordered = sorted(findings, key=lambda finding: order[finding.level])
    return Trust(ordered[0].level if ordered else "fine", tuple(ordered))


def _ending(samples: RunSamples, *, complete: bool) -> list[Finding]:
    if samples.requests == 0:
        return [Finding("void", "Not one request ended.")]
    if samples.phases["measure"] == 0:
        return [Finding("void", "Not one request was measured: all were warm-up or drain.")]
    found = [
        Finding("fine", "The whole plan was played.")
        if complete
        else Finding("caution", "The run was cut short: what came later in the plan is missing, and averages show it.")
    ]
    lost = samples.requests - samples.outcomes["ok"]
    if lost > UNANSWERED_SHARE * samples.requests:
        share = percent(lost / samples.requests)
        found.append(
            Finding(
                "caution", f"{share} of the requests got no answer; latencies are those of the others, the luckier."
            )
        )
    return found


def _client(client: ClientHealth | None, *, simulated: bool) -> list[Finding]:
    if client is None and simulated:
        return [Finding("fine", "Simulated in virtual time: no client could be too slow. The host is a model of one.")]
    if client is None:
        return [Finding("caution", "The client did not watch itself: a slow client would look like a slow server.")]
    if client.void:
        return [Finding("void", f"The client was the bottleneck: {reason}.") for reason in client.void]
    lag = duration(client.schedule_lag_p99_ns / NS_PER_S)
    if client.cpu_share > BUSY_CLIENT:
        share = percent(client.cpu_share, 0)
        return [Finding("caution", f"The client kept up, but used {share} of its core: near its own limit.")]
    return [Finding("fine", f"The client kept up: 99 % of the requests were sent within {lag} of their moment.")]


def _phases(samples: RunSamples) -> list[Finding]:
    warmup = samples.phases["warmup"]
    if warmup:
        return [Finding("fine", f"{counted(warmup, 'request')} of warm-up are kept, labelled, and in no number here.")]
    return [Finding("fine", "No warm-up: the first loads of each model are in the numbers of cold requests.")]


def _sizes(samples: RunSamples) -> list[Finding]:
    found = []
    for key, words in _TTFT:
        count = len(samples.samples_s[key])
        if 0 < count < FEW_FOR_MEDIAN:
            found.append(Finding("caution", f"{counted(count, f'{words} request')}: too few for an interval."))
        elif 0 < count < GATE_SAMPLES:
            text = f"{count} {words} requests: enough for a median, too few to find a change of 5 %."
            found.append(Finding("caution", text))
        elif 0 < count < FEW_FOR_P99:
            found.append(Finding("fine", f"Enough {words} requests for medians, too few for a 99th percentile."))
        elif count:
            found.append(Finding("fine", f"Enough {words} requests for a 99th percentile."))
    return found
