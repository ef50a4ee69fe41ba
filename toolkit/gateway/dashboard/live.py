"""What the page asks for every second or two: the counts, the latest requests, who is in memory since when. Pure.

No text of anybody's prompt or answer is in it. Times are seconds, ages are counted back from now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolkit.gateway.totals import NS_PER_S, Served

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.gateway.residency import Residency
    from toolkit.gateway.stats import Latest

SHOWN: Final = 30
TIMELINE_S: Final = 600
SWAPS: Final = 60


def live_document(
    now_ns: int, counts: Mapping[str, Any], latest: Latest, residencies: Mapping[str, Residency]
) -> dict[str, Any]:
    """The answer of `/api/llm/live`. `counts` is that of the statistics without windows."""
    requests = list(latest.newest_first())
    swaps = [request for request in requests if request.is_swap][:SWAPS]
    return {
        **counts,
        "latest": latest.as_json(),
        "recent": [_row(request, now_ns) for request in requests[:SHOWN]],
        "latest_swaps": [
            {"model": swap.model, "age_s": (now_ns - swap.at_ns) / NS_PER_S, "load_s": (swap.load_ns or 0) / NS_PER_S}
            for swap in reversed(swaps)
        ],
        "timeline": {"span_s": TIMELINE_S, "hosts": {name: _host(each, now_ns) for name, each in residencies.items()}},
    }


def _row(request: Served, now_ns: int) -> dict[str, Any]:
    return {
        "age_s": (now_ns - request.at_ns) / NS_PER_S,
        "kind": request.kind,
        "model": request.model,
        "host": request.host,
        "reason": request.reason,
        "outcome": request.outcome,
        "cache": request.found,
        "load_s": None if request.load_ns is None else request.load_ns / NS_PER_S,
        "waited_s": None if request.waited_ns is None else request.waited_ns / NS_PER_S,
        "prompt_tokens": request.prompt_tokens,
        "answer_tokens": request.answer_tokens,
    }


def _host(residency: Residency, now_ns: int) -> dict[str, Any]:
    return {
        "most_vram_bytes": residency.most_vram_bytes,
        "stays": [
            {
                "model": stay.model,
                "from_s": (now_ns - stay.began_ns) / NS_PER_S,
                "to_s": None if stay.ended_ns is None else (now_ns - stay.ended_ns) / NS_PER_S,
            }
            for stay in residency.since(now_ns - TIMELINE_S * NS_PER_S)
        ],
    }
