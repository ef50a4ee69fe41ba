"""Tells one scenario as a story: what happened, in sentences, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.host.scheduler.victims import victim_order
from toolkit.host.trace.picture import draw
from toolkit.host.trace.play import Play
from toolkit.host.trace.sentences import SENTENCES
from toolkit.host.trace.words import clock, duration, listed, size

if TYPE_CHECKING:
    from toolkit.host.scheduler import Runner
    from toolkit.host.trace.recorder import Recorder
    from toolkit.host.trace.scenario import Scenario
    from toolkit.host.virtual import VirtualHost

INDENT = " " * 14
DIGEST_SHOWN = 12


class Candidate(NamedTuple):
    """A loaded runner at the moment a victim was chosen."""

    name: str
    session_ns: int
    digest: str
    ref_count: int


class Choice(NamedTuple):
    """A choice of a victim, with everybody who could have been it, in the order of the rule."""

    t_ns: int
    victim: str
    reason: str
    candidates: tuple[Candidate, ...]


class Witness:
    """An observer that also looks who else was there when a victim was chosen."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.host: VirtualHost | None = None
        """Set once the host is made; it needs its observer first."""
        self.choices: list[Choice] = []

    def event(self, now_ns: int, name: str, **fields: Any) -> None:
        """Pass on, and look around if it is an eviction."""
        if name == "evict" and self.host is not None:
            victim: Runner = fields["victim"]
            loaded = sorted((entry.runner for entry in self.host.ps()), key=victim_order)
            candidates = tuple(
                Candidate(self.recorder.runner_name(runner), runner.session_ns, runner.key, runner.ref_count)
                for runner in loaded
            )
            self.choices.append(Choice(now_ns, self.recorder.runner_name(victim), fields["reason"], candidates))
        self.recorder.event(now_ns, name, **fields)

    def touched(self, now_ns: int, runner: Runner) -> None:
        """Pass on."""
        self.recorder.touched(now_ns, runner)


def explain(scenario: Scenario) -> str:
    """The story of a scenario, with a picture of who was in memory when."""
    witnesses: list[Witness] = []

    def make(recorder: Recorder) -> Witness:
        witnesses.append(Witness(recorder))
        return witnesses[0]

    run = Play(scenario, witness=make)
    witness = witnesses[0]
    witness.host = run.host
    outcome = run.run()
    choices = witness.choices
    parts = [_title(scenario), _host(scenario, run), _models(scenario), draw(outcome["events"])]
    parts.extend((_story(outcome["events"], choices), _ending(scenario, outcome["final"])))
    return "\n\n".join(parts)


def _title(scenario: Scenario) -> str:
    return f"{scenario.id}: {scenario.description}" if scenario.description else scenario.id


def _host(scenario: Scenario, run: Play) -> str:
    scheduler = run.host.scheduler
    settings, gpus = scheduler.settings, scenario.host.gpus
    shown = listed([f"{gpu.id} ({gpu.library}, {size(gpu.total)})" for gpu in gpus]) if gpus else "no GPU"
    limit = scheduler.profile.max_loaded(run.host.machine.hardware.specs, settings)
    variables = " ".join(f"{name}={value}" for name, value in scenario.env.items()) or "nothing set"
    models = "model is" if limit == 1 else "models are"
    defaults = f"a load that names no keep_alive gets {duration(settings.keep_alive_ns)}"
    lines = [
        f"The host has {shown}. Environment: {variables}.",
        f"So at most {limit} {models} loaded and {settings.max_queue} requests may wait; {defaults},",
        f"a request that names no context {scheduler.default_num_ctx} tokens.",
    ]
    return "\n".join(lines)


def _models(scenario: Scenario) -> str:
    width = max(len(model.name) for model in scenario.models) if scenario.models else 0
    lines = ["Models (ties between victims go to the smaller digest):"]
    lines.extend(
        f"  {model.name:<{width}}  digest {model.digest[:DIGEST_SHOWN]}  file {size(model.file_size)}"
        for model in scenario.models
    )
    return "\n".join(lines)


def _story(events: list[dict[str, Any]], choices: list[Choice]) -> str:
    """Sentences in the order of events; the time stands where it changes."""
    lines: list[str] = []
    marked: set[str] = set()
    shown_ns: int | None = None
    for event in events:
        sentences = [*SENTENCES[event["event"]](event), *_undone(event, marked)]
        if event["event"] == "evict":
            sentences.extend(_reasons(event, choices))
        for sentence in sentences:
            stamp = f"{clock(event['t_ns']):>12}" if event["t_ns"] != shown_ns else " " * 12
            lines.append(f"{stamp}  {sentence}")
            shown_ns = event["t_ns"]
    return "\n".join(lines) if lines else "Nothing happened."


def _undone(event: dict[str, Any], marked: set[str]) -> list[str]:
    """Notices when a request with its own keep_alive keeps a runner that was to go; `marked` is kept up to date."""
    name, runner = event["event"], event.get("runner", "")
    if name == "evict":
        marked.add(event["victim"])
    elif name in {"unload_start", "timer_fired"}:
        marked.discard(runner)
    elif name == "runner_state" and runner in marked and event["session_ns"] > 0:
        marked.discard(runner)
        kept = duration(event["session_ns"])
        return [f"That request brought its own keep_alive ({kept}), which undoes the eviction of {runner}."]
    return []


def _reasons(event: dict[str, Any], choices: list[Choice]) -> list[str]:
    """Who else was loaded when this victim was chosen, in the order of the rule."""
    for choice in choices:
        if (choice.t_ns, choice.victim, choice.reason) == (event["t_ns"], event["victim"], event["reason"]):
            break
    else:
        return []
    if choice.reason == "reload":
        return ["  No choice here: its own model must make way for itself."]
    if choice.reason == "oom":
        return ["  No choice here: after an out-of-memory load all other models go."]
    return [_verdict(choice), *(f"  {_candidate_line(choice, candidate)}" for candidate in choice.candidates)]


def _candidate_line(choice: Choice, candidate: Candidate) -> str:
    busy = f"busy with {candidate.ref_count}" if candidate.ref_count else "idle"
    mark = "  <- goes" if candidate.name == choice.victim else ""
    keeps = duration(candidate.session_ns)
    return f"  {candidate.name:<22} keep-alive {keeps:<10} digest {candidate.digest[:DIGEST_SHOWN]}  {busy}{mark}"


def _verdict(choice: Choice) -> str:
    """Why this one, in a sentence."""
    idle = [candidate for candidate in choice.candidates if candidate.ref_count == 0]
    if not idle:
        return (
            "  Nobody is idle, so the first in the order is chosen and waited for (shortest keep-alive, then digest):"
        )
    first = idle[0]
    passed = [candidate.name for candidate in choice.candidates[: choice.candidates.index(first)]]
    skipped = f"; {listed(passed)} would come before, but busy runners are passed over" if passed else ""
    ties = [candidate for candidate in idle if candidate.session_ns == first.session_ns]
    if len(idle) == 1:
        return f"  {first.name} is the only idle one{skipped}:"
    if len(ties) > 1:
        equals = listed([tie.name for tie in ties])
        return f"  Among the idle, {equals} share the shortest keep-alive; the smallest digest goes{skipped}:"
    return f"  Among the idle, the shortest keep-alive goes, however recently it was used{skipped}:"


def _ending(scenario: Scenario, final: dict[str, Any]) -> str:
    loaded = listed([entry["runner"] for entry in final["loaded"]])
    unanswered = listed(final["unanswered"])
    return (
        f"At {clock(scenario.end_ns)}, the end of the run: loaded are {loaded}; without an answer: {unanswered}; "
        f"in the queue: {final['pending_queue_length']}."
    )
