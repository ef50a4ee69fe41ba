"""Plans played against the twin: the laws every run obeys, and what happens in a few that can be followed by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.cache.strategy import Access, Answer, Directive, HostView
from toolkit.replay.dispatch import Dispatcher
from toolkit.replay.records import Provenance, RequestRecord, Run
from toolkit.replay.virtual import play
from toolkit.workload.plan import Plan, PlannedRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.host.twin_spec import TwinSpec

S = 1_000_000_000
NAMES = ("big", "code", "fast")
PROVENANCE = Provenance("1", "twin", "0.32.15", "v0.32", (), (), (), "24 GiB", "p", "0", 1, 1, None, ())
SMALL = {name: {"num_ctx": 4096} for name in NAMES}


@dataclass
class Scripted:
    """A strategy that says the same every time, and remembers what it was told."""

    directive: Directive = field(default_factory=Directive)
    views: list[HostView] = field(default_factory=list)
    answers: list[tuple[Access, Answer]] = field(default_factory=list)
    name: str = "scripted"

    def before(self, access: Access, view: HostView) -> Directive:
        del access
        self.views.append(view)
        return self.directive

    def after(self, access: Access, answer: Answer) -> None:
        self.answers.append((access, answer))


class NoRouter:
    """All requests here name their model."""

    def route(self, text: str) -> None:
        raise AssertionError(text)


def ask(number: int, at_s: float | None, model: str, after: str | None = None, think_s: float = 0.0) -> PlannedRequest:
    """A request of 300 + 100 tokens."""
    return PlannedRequest(
        id=f"r{number}", at_ns=None if at_s is None else int(at_s * S), after=after, think_ns=int(think_s * S), text="",
        system=None, prompt_tokens=300, shared_prefix_tokens=0, output_tokens=100, model=model, label=None,
        session=None,
    )  # fmt: skip


def play_plan(requests: Sequence[PlannedRequest], spec: TwinSpec, strategy: Scripted | None = None) -> Run:
    """Play these requests with a small context."""
    plan = Plan("p", "", tuple(requests), 60 * S, 1, (), "p.yaml", "0", ())
    dispatcher = Dispatcher(NoRouter(), strategy or Scripted(), SMALL)  # type: ignore[arg-type] # never routes
    return play(plan, dispatcher, spec, strategy="scripted", repetition=0, provenance=PROVENANCE)


def test_the_first_request_loads_and_the_second_finds_its_model(small_twin: TwinSpec) -> None:
    first, second = play_plan([ask(1, 0, "fast"), ask(2, 30, "fast")], small_twin).records
    assert (first.temperature, second.temperature) == ("cold", "hit")
    assert first.load_ns == first.ready_ns
    assert second.ready_ns == second.intended_ns == 30 * S
    assert second.load_ns == second.evict_ns == second.queue_ns == 0


def test_a_swap_names_its_victim_and_its_parts(small_twin: TwinSpec) -> None:
    run = play_plan([ask(1, 0, "fast"), ask(2, 30, "big")], small_twin)
    swap = run.records[1]
    assert (swap.temperature, swap.evicted) == ("cold", ("fast",))
    assert swap.evict_ns is not None
    assert swap.evict_ns > 0.5 * S  # the recovery of GPU memory is polled every 250 ms
    assert swap.ready_ns is not None
    assert swap.queue_ns is not None
    assert swap.load_ns is not None
    assert swap.ready_ns - swap.intended_ns == swap.queue_ns + swap.evict_ns + swap.load_ns
    assert [(span.model, span.cause) for span in run.residency] == [("fast", "evicted"), ("big", "expired")]


def test_a_request_that_waits_for_anothers_load_is_joined_not_warm(small_twin: TwinSpec) -> None:
    first, second = play_plan([ask(1, 0, "fast"), ask(2, 0.5, "fast")], small_twin).records
    assert (first.temperature, second.temperature) == ("cold", "joined")
    assert second.ready_ns == first.ready_ns


def test_other_options_make_a_reload(small_twin: TwinSpec) -> None:
    plan = Plan("p", "", (ask(1, 0, "fast"), ask(2, 30, "fast")), 60 * S, 1, (), "p", "0", ())
    options: dict[str, dict[str, object]] = {"fast": {"num_ctx": 4096}}
    dispatcher = Dispatcher(NoRouter(), Scripted(), options)  # type: ignore[arg-type] # never routes
    original = dispatcher.dispatch

    def changing(*args: object, **kwargs: object) -> object:
        made = original(*args, **kwargs)  # type: ignore[arg-type] # passed through
        options["fast"] = {"num_ctx": 8192}
        return made

    dispatcher.dispatch = changing  # type: ignore[method-assign, assignment] # a client that changes its mind
    run = play(plan, dispatcher, small_twin, strategy="s", repetition=0, provenance=PROVENANCE)
    assert [record.temperature for record in run.records] == ["cold", "reload"]


def test_keep_alive_zero_unloads_after_the_answer(small_twin: TwinSpec) -> None:
    run = play_plan([ask(1, 0, "fast"), ask(2, 30, "fast")], small_twin, Scripted(Directive(keep_alive_ns=0)))
    assert [record.temperature for record in run.records] == ["cold", "cold"]
    assert run.residency[0].unload_start_ns == run.records[0].done_ns


def test_an_explicit_unload_comes_before_the_request(small_twin: TwinSpec) -> None:
    strategy = Scripted(Directive(unload_before=("fast",)))
    run = play_plan([ask(1, 0, "fast"), ask(2, 30, "big")], small_twin, strategy)
    assert run.records[1].evicted == ()
    assert run.residency[0].cause == "unloaded"


def test_a_preload_comes_after_the_answer(small_twin: TwinSpec) -> None:
    run = play_plan([ask(1, 0, "fast"), ask(2, 40, "code")], small_twin, Scripted(Directive(preload_after=("code",))))
    assert run.records[1].temperature == "hit"


def test_the_next_turn_waits_for_the_answer_and_the_thought(small_twin: TwinSpec) -> None:
    first, second = play_plan([ask(1, 0, "fast"), ask(2, None, "fast", after="r1", think_s=5)], small_twin).records
    assert first.done_ns is not None
    assert second.intended_ns == first.done_ns + 5 * S


def test_a_strategy_sees_what_a_client_sees(small_twin: TwinSpec) -> None:
    strategy = Scripted()
    play_plan([ask(1, 0, "fast"), ask(2, 0.1, "fast"), ask(3, 30, "code")], small_twin, strategy)
    assert [row.name for row in strategy.views[0].loaded] == []
    assert strategy.views[1].is_busy("fast")
    assert [row.name for row in strategy.views[2].loaded] == ["fast"]
    assert not strategy.views[2].is_busy("fast")
    assert [access.request_id for access, _ in strategy.answers] == ["r1", "r2", "r3"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 60_000), st.sampled_from(NAMES)), min_size=1, max_size=25),
    st.sampled_from([None, 0, 2 * 60 * S, 30 * 60 * S, -1]),
)
def test_laws_of_every_run(small_twin: TwinSpec, arrivals: list[tuple[int, str]], keep_alive_ns: int | None) -> None:
    """Each request ends once; times are in order; the parts make the whole; equal plans give equal runs."""
    requests = [ask(number, at_ms / 1000, model) for number, (at_ms, model) in enumerate(sorted(arrivals))]
    runs = [play_plan(requests, small_twin, Scripted(Directive(keep_alive_ns))) for _ in range(2)]
    assert runs[0] == runs[1]
    assert [record.id for record in runs[0].records] == [request.id for request in requests]
    for record in runs[0].records:
        _check(record)
    for span in runs[0].residency:
        marks = [span.load_start_ns, span.ready_ns, span.unload_start_ns, span.gone_ns]
        known = [mark for mark in marks if mark is not None]
        assert known == sorted(known)


def _check(record: RequestRecord) -> None:
    if record.outcome == "unanswered":  # an eviction that was undone for ever
        assert record.done_ns is None
        return
    assert record.outcome == "ok", record.error
    assert record.ready_ns is not None
    assert record.first_token_ns is not None
    assert record.done_ns is not None
    assert record.intended_ns <= record.ready_ns <= record.first_token_ns <= record.done_ns
    assert record.queue_ns is not None
    assert record.evict_ns is not None
    assert record.load_ns is not None
    assert record.ready_ns - record.intended_ns == record.queue_ns + record.evict_ns + record.load_ns
    assert record.slot_ns is not None
    assert record.prefill_ns is not None
    assert record.decode_ns is not None
    assert record.done_ns - record.ready_ns == record.slot_ns + record.prefill_ns + record.decode_ns
