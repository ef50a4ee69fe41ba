"""How a request takes a loaded runner, and how it gives it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.host.scheduler.effects import Serve
from toolkit.host.scheduler.requests import OVER, SERVING, Request, Runner

if TYPE_CHECKING:
    from toolkit.host.scheduler.state import HostState


def take(state: HostState, request: Request, runner: Runner, path: str, now_ns: int) -> None:
    """The request becomes a user of the runner: it stops the timer, and its keep_alive overwrites the runner's.

    A request whose client went away unnoticed (nobody looks between the gate and here) gives it up in the same instant.
    """
    runner.ref_count += 1
    runner.timer_due_ns = None
    if request.keep_alive_ns is not None:
        runner.session_ns = request.keep_alive_ns
        if request.keep_alive_ns > 0:
            runner.mark = None
    request.runner = runner
    request.path = path
    request.phase = SERVING
    request.served_ns = now_ns
    state.out.append(Serve(request, runner, path))
    if state.observer is not None:
        state.observer.event(now_ns, "request_served", request=request, runner=runner, path=path)
        state.observer.touched(now_ns, runner)
    if request.cancelled:
        give_up(state, request, now_ns)


def give_up(state: HostState, request: Request, now_ns: int) -> None:
    """The request is over for its client; the completion side counts it when it comes to it."""
    request.phase = OVER
    if state.observer is not None:
        outcome = "cancelled" if request.cancelled else "ok"
        state.observer.event(now_ns, "request_finished", request=request, runner=request.runner, outcome=outcome)
    state.ends.append(request)
