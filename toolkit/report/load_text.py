"""A load test as text for a terminal: what was asked, what came back, and whether the client can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.replay.load_summary import LoadSummary, Spread
    from toolkit.replay.records import ClientHealth

_HEAD = f"{'':32}{'samples':>9}{'mean':>10}{'p50':>10}{'p90':>10}{'p99':>10}{'max':>10}"
_LATENCIES = (
    ("TTFT warm, from the intention", "ttft_warm_intended_s"),
    ("TTFT warm, from the send", "ttft_warm_sent_s"),
    ("TTFT cold, from the intention", "ttft_cold_intended_s"),
    ("TTFT cold, from the send", "ttft_cold_sent_s"),
    ("end to end, from the intention", "e2e_intended_s"),
    ("end to end, from the send", "e2e_sent_s"),
    ("gap between tokens", "gap_s"),
)
_RATES = (
    ("tokens/s of one, server's count", "server_tokens_per_s"),
    ("tokens/s of one, client's clock", "client_tokens_per_s"),
)
_MS_BELOW_S = 1.0


def load_text(load: LoadSummary) -> str:
    """A few lines a run; a percentile that the samples cannot carry is a dash."""
    outcomes = ", ".join(f"{count} {name}" for name, count in load.outcomes) or "none"
    what = f"{load.requests} requests measured in {load.span_s:.1f} s ({outcomes})"
    apart = f"{load.warmup} of the warm-up and {load.drain} of the drain stand apart"
    rates = f"offered {_rate(load.offered_per_s)} requests/s, answered {_rate(load.answered_per_s)} requests/s"
    tokens = f"{_rate(load.tokens_per_s)} tokens/s; {load.cached} of {load.judged} prompts from the prefix cache"
    lines = [
        "",
        f"Load of {load.strategy}, run {load.repetition}: {what}; {apart}",
        f"{rates}, {tokens}",
        _HEAD,
        *(_row(name, getattr(load, field), _time) for name, field in _LATENCIES if getattr(load, field)),
        *(_row(name, getattr(load, field), _plain) for name, field in _RATES if getattr(load, field)),
        *_client(load.client),
    ]
    return "\n".join(lines)


def _row(name: str, spread: Spread, form: Callable[[float], str]) -> str:
    values = (spread.mean, spread.p50, spread.p90, spread.p99, spread.max)
    return f"{name:32}{spread.count:>9}" + "".join(f"{'-' if one is None else form(one):>10}" for one in values)


def _client(health: ClientHealth | None) -> list[str]:
    if health is None:
        return []
    told = (
        f"client: sent {health.schedule_lag_p99_ns / 1e6:.2f} ms late (p99), loop held up "
        f"{health.loop_lag_p99_ns / 1e6:.1f} ms (p99), {100 * health.cpu_share:.0f} % of a core, "
        f"{health.gc_ns / 1e6:.0f} ms of garbage collection"
    )
    if not health.void:
        return [told]
    return [told, "VOID: the client was the bottleneck, these figures say nothing about the host:"] + [
        f"  - {reason}" for reason in health.void
    ]


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds < _MS_BELOW_S else f"{seconds:.2f} s"


def _plain(number: float) -> str:
    return f"{number:.1f}"


def _rate(number: float | None) -> str:
    return "-" if number is None else f"{number:.1f}"
