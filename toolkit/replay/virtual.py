"""Plays a plan against the twin in virtual time: a week of traffic in seconds, the same bytes for the same seed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from toolkit.cache.strategy import Answer, LoadedModel
from toolkit.host.twin import Work, build
from toolkit.host.virtual import CHAT, OK, PRELOAD, REJECTED, Ask
from toolkit.ollama.keep_alive import encode_keep_alive
from toolkit.replay.dispatch import UNLOAD_PATIENCE_NS, UNLOAD_POLL_NS, UNLOAD_SETTLE_NS, Followers
from toolkit.replay.records import RequestRecord, ResidencySpan, Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.host import virtual
    from toolkit.host.scheduler import Runner
    from toolkit.host.twin import Stay
    from toolkit.host.twin_spec import TwinSpec
    from toolkit.replay.dispatch import Dispatch, Dispatcher
    from toolkit.replay.records import Outcome, Provenance, Temperature
    from toolkit.replay.turns import Turns
    from toolkit.workload.plan import Plan, PlannedRequest

CAUSES = {
    "expired": "expired",
    "keep_alive_zero": "expired",
    "explicit": "unloaded",
    "evicted_reload": "reload",
    "evicted_memory": "evicted",
    "evicted_max_models": "evicted",
    "evicted_oom": "evicted",
}
"""From the scheduler's reason for an unload to the report's word for it."""


def play(
    plan: Plan,
    dispatcher: Dispatcher,
    spec: TwinSpec,
    *,
    strategy: str,
    repetition: int,
    provenance: Provenance,
    turns: Turns | None = None,
    on_answer: Callable[[], None] | None = None,
) -> Run:
    """Play the whole plan on a fresh twin under the dispatcher's strategy; `on_answer` is called at each answer.

    With `turns` requests wait in a queue of the client's, before the host.

    The host draws from the plan's seed and the repetition, never from the strategy: all strategies meet the same host.
    """
    player = Player(plan, dispatcher, spec, f"{plan.seed}:{repetition}", turns=turns, on_answer=on_answer)
    records, spans, end_ns = player.run()
    return Run(strategy, repetition, records, spans, end_ns, complete=True, provenance=provenance)


class Player:
    """The client in virtual time: a callback of the virtual host for each arrival and each answer.

    `pass_on(request, due_ns)` is told of each request that follows an answer; by default it comes to the same host.
    """

    def __init__(
        self,
        plan: Plan,
        dispatcher: Dispatcher,
        spec: TwinSpec,
        seed: str,
        *,
        turns: Turns | None,
        on_answer: Callable[[], None] | None = None,
        followers: Followers | None = None,
        pass_on: Callable[[PlannedRequest, int], None] | None = None,
    ) -> None:
        self._turns = turns
        self._queued: dict[str, tuple[PlannedRequest, int]] = {}  # those before the host, and when they came
        self._plan = plan
        self._on_answer = on_answer
        self._dispatcher = dispatcher
        self._followers = followers or Followers(plan)
        self._pass_on = pass_on or self.expect
        self._host, self._timing = build(spec, seed)
        self._records: dict[str, RequestRecord] = {}
        self._under_way: dict[str, Dispatch] = {}
        self._rows: dict[Runner, LoadedModel] = {}
        self._keep_alives: dict[int, str | int] = {}

    def run(self) -> tuple[tuple[RequestRecord, ...], tuple[ResidencySpan, ...], int]:
        """Records in the plan's order, spans in order of their loads, and the time of the last answer."""
        self.begin()
        self._host.run()
        return self.finish()

    @property
    def next_ns(self) -> int | None:
        """When something happens next; None if nothing does any more."""
        return self._host.next_ns

    def begin(self) -> None:
        """Expect everybody who comes on their own."""
        for request in self._plan.requests:
            if request.at_ns is not None:
                self.expect(request, request.at_ns)

    def expect(self, request: PlannedRequest, due_ns: int) -> None:
        """A request will arrive then."""
        self._host.at(due_ns, partial(self._arrive, request))

    def run_until(self, until_ns: int) -> None:
        """Let things happen, up to and including that time."""
        self._host.run(until_ns)

    def finish(self) -> tuple[tuple[RequestRecord, ...], tuple[ResidencySpan, ...], int]:
        """What `run` returns, when nothing can happen any more."""
        for request, intended_ns in self._queued.values():  # nothing happens any more that could let them in
            self._under_way[request.id] = self._dispatcher.dispatch(request, intended_ns, self._host.now_ns, ())
        for dispatch in self._under_way.values():
            self._records[dispatch.request.id] = _unanswered(dispatch)
        due = tuple(self._records[request.id] for request in self._plan.requests if request.id in self._records)
        ends = [record.done_ns for record in due if record.done_ns is not None]
        end_ns = max([self._plan.duration_ns, *ends])
        return due, tuple(_span(stay) for stay in self._timing.stays if stay.load_start_ns <= end_ns), end_ns

    def _arrive(self, request: PlannedRequest) -> None:
        now_ns = self._host.now_ns
        if self._turns is None:
            self._go(request, now_ns)
            return
        self._queued[request.id] = request, now_ns
        self._turns.arrived(request.id, self._dispatcher.route(request)[0], now_ns)
        self._admit(self._turns)

    def _admit(self, turns: Turns) -> None:
        """Send everybody whose turn it is."""
        while (ticket := turns.admit(self._host.now_ns, {row.name for row in self._host.ps()})) is not None:
            self._go(*self._queued.pop(ticket))

    def _go(self, request: PlannedRequest, intended_ns: int) -> None:
        host = self._host
        dispatch = self._dispatcher.dispatch(request, intended_ns, host.now_ns, self._loaded())
        self._under_way[request.id] = dispatch
        if not dispatch.directive.unload_before:
            self._send(dispatch)
            return
        victims = set(dispatch.directive.unload_before)
        on_gpu = any(row.vram_bytes for row in host.ps() if row.name in victims)
        for model in dispatch.directive.unload_before:
            host.unload(model)
        self._send_when_gone(dispatch, UNLOAD_SETTLE_NS if on_gpu else 0, host.now_ns + UNLOAD_PATIENCE_NS)

    def _send_when_gone(self, dispatch: Dispatch, settle_ns: int, until_ns: int) -> None:
        """Look at `/api/ps` until the victims have left it, then let their memory come back, then send."""
        host = self._host
        listed = {row.name for row in host.ps()}
        if host.now_ns < until_ns and not listed.isdisjoint(dispatch.directive.unload_before):
            host.at(host.now_ns + UNLOAD_POLL_NS, partial(self._send_when_gone, dispatch, settle_ns, until_ns))
        else:
            host.at(host.now_ns + settle_ns, partial(self._send, dispatch))

    def _send(self, dispatch: Dispatch) -> None:
        host, request, directive = self._host, dispatch.request, dispatch.directive
        work = Work(
            request.prompt_tokens,
            request.shared_prefix_tokens,
            request.output_tokens,
            request.session,
            request.service_ns,
        )
        options = tuple(dispatch.options.items())
        ask = Ask(request.id, dispatch.model, CHAT, self._keep_alive(directive.keep_alive_ns), options, work)
        host.submit(ask, on_done=partial(self._answered, dispatch))

    def _keep_alive(self, duration_ns: int | None) -> str | int | None:
        """What a request carries for a duration; a strategy has few, so each is written once."""
        if duration_ns is None:
            return None
        known = self._keep_alives.get(duration_ns)
        if known is None:
            known = self._keep_alives[duration_ns] = encode_keep_alive(duration_ns)
        return known

    def _answered(self, dispatch: Dispatch, seen: virtual.RequestRecord) -> None:
        del self._under_way[dispatch.request.id]
        record = _record(dispatch, seen)
        self._records[dispatch.request.id] = record
        self._dispatcher.answered(dispatch, Answer(seen.done_ns, record.server_load_ns, ok=seen.outcome == OK))
        if seen.outcome == OK:
            for model in dispatch.directive.preload_after:
                options = tuple(self._dispatcher.options_of(model).items())
                self._host.submit(Ask(f"{dispatch.request.id}+{model}", model, PRELOAD, options=options))
        if self._on_answer is not None:
            self._on_answer()
        if self._turns is not None:
            service_ns = None if seen.served_ns is None else seen.done_ns - seen.served_ns
            self._turns.ended(dispatch.request.id, seen.done_ns, service_ns)
            self._admit(self._turns)
        for follower in self._followers.after(dispatch.request.id):
            self._pass_on(follower, self._host.now_ns + follower.think_ns)

    def _loaded(self) -> tuple[LoadedModel, ...]:
        """What `/api/ps` would say; only a row whose time has changed is made anew."""
        rows: dict[Runner, LoadedModel] = {}
        for row in self._host.ps():
            known = self._rows.get(row.runner)
            if known is None or known.expires_at_ns != row.expires_at_ns:
                known = LoadedModel(row.name, row.model.digest, row.vram_bytes, row.total_bytes, row.expires_at_ns)
            rows[row.runner] = known
        self._rows = rows
        return tuple(rows.values())


def _record(dispatch: Dispatch, seen: virtual.RequestRecord) -> RequestRecord:
    """What the client and the twin know of one request, in the terms of every run."""
    request, directive, work = dispatch.request, dispatch.directive, seen.ask.work
    ready_ns = seen.served_ns
    load_ns = (
        seen.load_end_ns - seen.load_start_ns if seen.load_start_ns is not None and seen.load_end_ns is not None else 0
    )
    wait_ns = None if ready_ns is None else ready_ns - seen.arrived_ns
    # Between decision and sending the client made room by its own unloads: that is time spent evicting, too.
    evict_ns = seen.evict_wait_ns + seen.arrived_ns - dispatch.began_ns
    queued_ns = dispatch.began_ns - dispatch.intended_ns
    prefill_ns, decode_ns = work.prefill_ns, work.decode_ns
    answered = seen.outcome == OK and seen.service_start_ns is not None
    first_token_ns = None
    if answered and seen.service_start_ns is not None:
        # The prompt's own pass yields the first token; the others follow one by one.
        read_ns = seen.first_ns if seen.first_ns is not None else seen.service_start_ns + prefill_ns
        first_token_ns = min(read_ns + decode_ns // max(request.output_tokens, 1), seen.done_ns)
    return RequestRecord(
        id=request.id,
        session=request.session,
        intended_ns=dispatch.intended_ns,
        sent_ns=seen.arrived_ns,
        ready_ns=ready_ns,
        first_token_ns=first_token_ns,
        done_ns=seen.done_ns if answered else None,
        model_asked=request.model,
        model=dispatch.model,
        label=request.label,
        reason=dispatch.reason,
        rule=dispatch.rule,
        keep_alive_ns=directive.keep_alive_ns,
        unloaded_before=directive.unload_before,
        preloaded_after=directive.preload_after if seen.outcome == OK else (),
        temperature=_temperature(seen),
        queue_ns=None if wait_ns is None else queued_ns + max(0, wait_ns - seen.evict_wait_ns - load_ns),
        evict_ns=None if wait_ns is None else evict_ns,
        load_ns=None if wait_ns is None else load_ns,
        slot_ns=seen.slot_wait_ns,
        prefill_ns=prefill_ns,
        decode_ns=decode_ns,
        server_load_ns=wait_ns,
        prompt_tokens=request.prompt_tokens if answered else None,
        output_tokens=request.output_tokens if answered else None,
        evicted=tuple(victim.rpartition("#")[0] for victim in seen.victims) if seen.victims else (),
        outcome=_outcome(seen.outcome),
        error=seen.error,
    )


def _temperature(seen: virtual.RequestRecord) -> Temperature | None:
    if seen.path == "fast":
        return "hit"
    if seen.path == "loop":
        return "joined"
    if seen.load_start_ns is None:
        return None
    return "reload" if seen.reload else "cold"


def _outcome(outcome: str) -> Outcome:
    if outcome == OK:
        return "ok"
    if outcome == REJECTED:
        return "rejected"
    return "failed" if outcome == "failed" else "cancelled"


def _unanswered(dispatch: Dispatch) -> RequestRecord:
    """The plan is over and nothing can happen any more, but this request was never answered."""
    request, directive = dispatch.request, dispatch.directive
    return RequestRecord(
        id=request.id, session=request.session, intended_ns=dispatch.intended_ns, sent_ns=dispatch.intended_ns,
        ready_ns=None, first_token_ns=None, done_ns=None, model_asked=request.model, model=dispatch.model,
        label=request.label, reason=dispatch.reason, rule=dispatch.rule, keep_alive_ns=directive.keep_alive_ns,
        unloaded_before=directive.unload_before, preloaded_after=(), temperature=None, queue_ns=None, evict_ns=None,
        load_ns=None, slot_ns=None, prefill_ns=None, decode_ns=None, server_load_ns=None, prompt_tokens=None,
        output_tokens=None, evicted=(), outcome="unanswered", error=None,
    )  # fmt: skip


def _span(stay: Stay) -> ResidencySpan:
    cause = None if stay.unload_start_ns is None else CAUSES.get(stay.mark or "keep_alive_zero", "failed")
    return ResidencySpan(
        stay.model, stay.load_start_ns, stay.ready_ns, stay.unload_start_ns, stay.gone_ns, stay.vram_bytes,
        stay.size_bytes, cause,
    )  # fmt: skip
