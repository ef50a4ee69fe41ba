"""One sentence (or none) for each kind of event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.host.trace.words import duration, listed, size, span

if TYPE_CHECKING:
    from collections.abc import Callable

Event = dict[str, Any]

UNLOAD_REASONS = {
    "expired": "its keep-alive has run out",
    "keep_alive_zero": "its last request ended and its keep-alive is 0",
    "explicit": "an unload call asked for it",
    "evicted_memory": "room is needed",
    "evicted_max_models": "too many models are loaded",
    "evicted_reload": "the same model is wanted with other options",
    "evicted_oom": "a load ran out of memory",
    "load_aborted": "the client it was loaded for has gone",
}
EVICT_REASONS = {
    "memory": "There is no room for {request}, so {victim} has to go.",
    "max_models": "The limit of loaded models is reached, so {victim} has to go for {request}.",
    "reload": "{request} wants other options than {victim} runs with: the model has to be loaded again.",
    "oom": "{victim} has to go before the second attempt.",
}
PATHS = {
    "fast": "{request} is served by {runner} at once.",
    "loop": "{request} is served by {runner}, which it found loaded, after waiting {wait}.",
    "load": "{request} is served by {runner}, which was loaded for it, after waiting {wait}.",
}


def _arrived(event: Event) -> list[str]:
    return [f"{event['request']} asks for {event['model']}."]


def _cancelled(event: Event) -> list[str]:
    return [f"The client of {event['request']} goes away ({event['state']})."]


def _finished(event: Event) -> list[str]:
    return [f"{event['request']} gives up {event['runner']}."] if event["outcome"] == "ok" else []


def _queued(event: Event) -> list[str]:
    return [f"{event['request']} is put into the queue."]


def _rejected(event: Event) -> list[str]:
    return [f"{event['request']} is refused with {event['status']}: {event['error']}"]


def _unload_requested(event: Event) -> list[str]:
    what = "marks it to go" if event["loaded"] else "does nothing: it is not loaded"
    return [f"An unload call for {event['model']} {what}."]


def _load_done(event: Event) -> list[str]:
    return [f"{event['runner']} is up; it holds {size(event['vram'])} of GPU memory."]


def _load_failed(event: Event) -> list[str]:
    why = {"error": "with an error", "oom": "out of memory", "canceled": "because its client has gone"}[event["kind"]]
    return [f"The load of {event['runner']} fails {why}."]


def _load_killed(event: Event) -> list[str]:
    return [f"The process of {event['runner']} has been killed."]


def _timer_fired(event: Event) -> list[str]:
    return [f"The keep-alive of {event['runner']} runs out."]


def _unload_closed(event: Event) -> list[str]:
    return [f"The process of {event['runner']} has ended; the host may schedule again."]


def _unload_done(event: Event) -> list[str]:
    return [f"The unload of {event['runner']} is over after {span(event['took_ns'])}; whoever waits looks again."]


def _orphan_closed(event: Event) -> list[str]:
    return [f"A late notice about {event['runner']}: a newer process of its model is loaded, nothing is done."]


def _dequeued(event: Event) -> list[str]:
    return [f"{event['request']} is taken in hand."]


def _dropped(event: Event) -> list[str]:
    return [f"{event['request']} is dropped: its client has gone."]


def _expired_busy(event: Event) -> list[str]:
    return [f"{event['runner']} is to go, but it is in use: look again every 10 ms."]


def _finished_after_unload(event: Event) -> list[str]:
    return [f"{event['request']} ends after its runner had gone."]


def _fit_check(event: Event) -> list[str]:
    surcharge = f" and {size(event['surcharge'])} for batch {event['num_batch']}" if event["surcharge"] else ""
    fits = "fits" if event["fits"] else "does not fit"
    need = f"{event['request']} is predicted to take {size(event['predicted'])}{surcharge}"
    share = f" ({event['limit'] * 100 / event['free']:.0f} %)" if event["free"] else ""
    room = f"of the {size(event['free'])} free on {listed(event['gpus'])} it may fill {size(event['limit'])}{share}"
    return [f"{need}; {room}: it {fits}."]


def _evict(event: Event) -> list[str]:
    sentence = EVICT_REASONS[event["reason"]].format(request=event.get("request"), victim=event["victim"])
    busy = event["victim_ref_count"]
    return [f"{sentence} It is busy with {busy} request{'s' if busy > 1 else ''}."] if busy else [sentence]


def _unload_start(event: Event) -> list[str]:
    reason = UNLOAD_REASONS.get(event["reason"], event["reason"])
    return [f"{event['runner']} is unloaded: {reason}. Until its process has ended nothing can be scheduled."]


def _load_start(event: Event) -> list[str]:
    where = f"on {listed(event['gpus'])}" if event["gpus"] else "on the CPU"
    alone = "" if event["require_full"] else " (nothing else is loaded, so nothing is checked)"
    slots = f" x {event['num_parallel']} slots" if event["num_parallel"] > 1 else ""
    options = f"context {event['num_ctx']}{slots}, batch {event['num_batch']}"
    takes = f"it takes {size(event['vram'])} of GPU memory"
    return [f"{event['runner']} is started for {event['request']} {where}{alone}: {options}; {takes}."]


def _served(event: Event) -> list[str]:
    wait = span(event["wait_ns"])
    return [PATHS[event["path"]].format(request=event["request"], runner=event["runner"], wait=wait)]


def _failed(event: Event) -> list[str]:
    return [f"{event['request']} fails with {event['status']}: {event['error']}"]


def _runner_state(event: Event) -> list[str]:
    if event["ref_count"] == 0 and event["timer_armed"]:
        return [f"{event['runner']} is idle now and stays for {duration(event['session_ns'])}."]
    return []


SENTENCES: dict[str, Callable[[Event], list[str]]] = {
    "request_arrived": _arrived,
    "request_cancelled": _cancelled,
    "request_finished": _finished,
    "request_queued": _queued,
    "request_rejected": _rejected,
    "unload_requested": _unload_requested,
    "load_done": _load_done,
    "load_failed": _load_failed,
    "load_killed": _load_killed,
    "timer_fired": _timer_fired,
    "unload_closed": _unload_closed,
    "unload_done": _unload_done,
    "orphan_closed": _orphan_closed,
    "request_dequeued": _dequeued,
    "request_dropped": _dropped,
    "expired_busy": _expired_busy,
    "finished_after_unload": _finished_after_unload,
    "fit_check": _fit_check,
    "evict": _evict,
    "unload_start": _unload_start,
    "load_start": _load_start,
    "request_served": _served,
    "request_failed": _failed,
    "runner_state": _runner_state,
}
