"""The table of events, in the order in which events of one instant are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EVENT_ORDER = (
    "request_arrived",
    "request_cancelled",
    "request_finished",
    "request_queued",
    "request_rejected",
    "unload_requested",
    "load_done",
    "load_failed",
    "load_killed",
    "timer_fired",
    "unload_closed",
    "unload_done",
    "orphan_closed",
    "request_dequeued",
    "request_dropped",
    "expired_busy",
    "finished_after_unload",
    "fit_check",
    "evict",
    "unload_start",
    "load_start",
    "request_served",
    "request_failed",
    "runner_state",
)
EVENT_RANK = {name: rank for rank, name in enumerate(EVENT_ORDER)}


def event_key(event: Mapping[str, Any]) -> tuple[int, int, str, str, str]:
    """Sort key: time, place in the table, then request, runner and victim as strings."""
    return (
        event["t_ns"],
        EVENT_RANK.get(event["event"], len(EVENT_ORDER)),
        str(event.get("request", "")),
        str(event.get("runner", "")),
        str(event.get("victim", "")),
    )


def sorted_events(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events in the order of the recordings."""
    return sorted(events, key=event_key)
