"""Recorded traffic, played on the twin: same arrivals, same keep_alive and options, the tokens that were counted.

How long answers take is either the twin's own account (`replay`) or the recording's (`replay_with_measured_services`):
then only the scheduler, loads and stops are under test.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from toolkit.errors import InputError
from toolkit.host import timing
from toolkit.host.footprints import footprints_of
from toolkit.host.twin import TwinTiming, Work
from toolkit.host.virtual import CHAT, PRELOAD, UNLOAD, Ask, LoadPlan, LoadStart, RequestRecord, VirtualHost
from toolkit.measure.outcomes import LOG_SLACK_NS, Found, Outcome, Undone, loaders_of
from toolkit.measure.services import Service, services_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.host.scheduler import Runner
    from toolkit.host.twin_spec import TwinSpec
    from toolkit.host.virtual import Cores, Ticket
    from toolkit.measure.recording import Recording, Sent
    from toolkit.measure.server_log import Life

WARM_UP_NS = 1_000_000_000_000
"""Virtual time before the recording's zero: each model is loaded once and leaves again, as hours before have done."""
KINDS = {"load": PRELOAD, "unload": UNLOAD}


@dataclass(frozen=True, slots=True)
class Replay:
    """Outcomes by the request's number, and which models were loaded when; in the recording's own time."""

    outcomes: dict[int, Outcome]
    looks: tuple[tuple[int, frozenset[str]], ...]


def replay(recording: Recording, spec: TwinSpec, seed: str) -> Replay:
    """Play all requests at the times when they were sent; everything lasts as the timing model says."""
    return _Player(recording, spec, TwinTiming(spec, seed)).play()


def replay_with_measured_services(recording: Recording, spec: TwinSpec, seed: str) -> Replay:
    """The same, but an answer takes as long as it took, once it has its runner."""
    return _Player(recording, spec, _MeasuredServices(spec, seed, services_of(recording))).play()


def replay_with_recorded_durations(recording: Recording, spec: TwinSpec, seed: str) -> Replay:
    """Loads and stops, too, last as recorded, so that only the decisions are the twin's own."""
    return _Player(recording, spec, _RecordedDurations(spec, seed, recording)).play()


class _MeasuredServices(TwinTiming):
    """Answers last as measured, whatever else computes: what slowed them down is in the measurement already."""

    def __init__(self, spec: TwinSpec, seed: str, services: Mapping[int, Service]) -> None:
        super().__init__(spec, seed)
        self._services = services

    def service_ns(self, ticket: Ticket, runner: Runner, now_ns: int, active: int) -> int:
        modelled_ns = super().service_ns(ticket, runner, now_ns, active)
        service = self._services.get(int(ticket.ask.id)) if ticket.ask.id.isdecimal() else None
        if service is None:
            return modelled_ns
        sigma, stream = self.spec.jitter_sigma, self._streams["service"]
        ticket.first_part_ns = timing.jittered_ns(service.first_ns, sigma, stream)
        ticket.wall_clock = True
        return ticket.first_part_ns + timing.jittered_ns(service.total_ns - service.first_ns, sigma, stream)


class _RecordedDurations(_MeasuredServices):
    """The n-th process of a model lasts as long to load and to stop as the recorded n-th one."""

    def __init__(self, spec: TwinSpec, seed: str, recording: Recording) -> None:
        super().__init__(replace(spec, cores=None), seed, services_of(recording))
        self._to_come: dict[str, deque[Life]] = defaultdict(deque)
        for life in recording.lives:
            self._to_come[life.model].append(life)
        self._life: dict[Runner, Life] = {}

    def load(self, start: LoadStart) -> LoadPlan:
        plan = super().load(start)
        lives = self._to_come[start.runner.model.name]
        if start.now_ns < WARM_UP_NS or not lives:
            return plan
        life = self._life[start.runner] = lives.popleft()
        return plan if life.ready_ns is None else LoadPlan(life.ready_ns - life.start_ns)

    def unload_ns(self, runner: Runner, now_ns: int) -> int:
        modelled_ns = super().unload_ns(runner, now_ns)
        life = self._life.get(runner)
        if life is None or life.stop_ns is None or life.gone_ns is None:
            return modelled_ns
        return life.gone_ns - life.stop_ns


class _Watch:
    """Notes which victims were busy when they were chosen, and which evictions came to nothing."""

    def __init__(self) -> None:
        self.busy: dict[str, list[str]] = {}
        self.undone: dict[str, tuple[str, int]] = {}
        self._marked: tuple[Runner, str, int] | None = None

    def event(self, now_ns: int, name: str, **fields: Any) -> None:
        if name != "evict":
            return
        victim, request = fields["victim"], fields["request"].id
        self._marked = (victim, request, now_ns)
        if victim.ref_count > 0:
            self.busy.setdefault(request, []).append(victim.model.name)

    def touched(self, now_ns: int, runner: Runner) -> None:
        """A victim with a timer again: somebody has overwritten the 0."""
        del now_ns
        if self._marked is None or self._marked[0] is not runner or runner.timer_due_ns is None:
            return
        _, request, since_ns = self._marked
        self.undone[request] = (runner.model.name, since_ns)
        self._marked = None


class _Player:
    def __init__(self, recording: Recording, spec: TwinSpec, durations: TwinTiming) -> None:
        self._recording = recording
        self._watch = _Watch()
        self._host = VirtualHost(
            spec.hardware,
            [model.spec for model in spec.models],
            dict(spec.environment),
            timing=durations,
            footprints=footprints_of(spec),
            profile_name=spec.profile,
            observer=self._watch,
            cores=_shifted(spec),
        )
        unknown = sorted({request.model for request in recording.requests} - set(self._host.models))
        if unknown:
            raise InputError(
                f"the twin has no model {unknown[0]!r}, which the recording asks for; "
                "calibrate on a recording that has it, or add it to twin.models"
            )
        self._records: dict[int, RequestRecord] = {}
        self._looks: list[tuple[int, frozenset[str]]] = []

    def play(self) -> Replay:
        for place, name in enumerate(self._host.models):
            warm = Ask(f"warm-{name}", name, PRELOAD, keep_alive=1)
            self._host.at(place * WARM_UP_NS // 10, partial(self._host.submit, warm))
        for place, life in enumerate(there_before(self._recording)):
            there = Ask(f"there-{place}", life.model, PRELOAD, options=(("num_ctx", life.num_ctx),))
            self._host.at(WARM_UP_NS + max(life.start_ns, -WARM_UP_NS // 10), partial(self._host.submit, there))
        for request in self._recording.requests:
            self._host.at(WARM_UP_NS + request.sent_ns, partial(self._submit, request))
        for at_ns, _ in self._recording.looks:
            self._host.at(WARM_UP_NS + at_ns, partial(self._look, at_ns))
        self._host.run()
        outcomes = {number: self._outcome(number, record) for number, record in self._records.items()}
        return Replay(outcomes, tuple(self._looks))

    def _submit(self, request: Sent) -> Ticket | None:
        work = None
        if request.answers:
            # The prompt's own pass yields the first token, so one step fewer than tokens follows it.
            steps = max((request.output_tokens or 0) - 1, 0)
            work = Work(request.prompt_tokens or 1, request.continued_tokens, steps, request.session)
        options = () if request.num_ctx is None else (("num_ctx", request.num_ctx),)
        kind = KINDS.get(request.kind, CHAT)
        ask = Ask(str(request.number), request.model, kind, request.keep_alive, options, work)
        on_done = None if kind == UNLOAD else partial(self._records.__setitem__, request.number)
        return self._host.submit(ask, on_done=on_done)

    def _look(self, at_ns: int) -> None:
        self._looks.append((at_ns, frozenset(row.name for row in self._host.ps())))

    def _outcome(self, number: int, record: RequestRecord) -> Outcome:
        served_ns = record.done_ns if record.served_ns is None else record.served_ns
        wait_ns = served_ns - record.arrived_ns
        undone = self._watch.undone.get(record.id)
        return Outcome(
            _found(record, wait_ns),
            wait_ns,
            None if record.first_ns is None else record.first_ns - WARM_UP_NS,
            record.done_ns - WARM_UP_NS,
            tuple(victim.rpartition("#")[0] for victim in record.victims),
            tuple(self._watch.busy.get(record.id, ())),
            Undone(number, undone[0], record.evict_wait_ns) if undone else None,
        )


def there_before(recording: Recording) -> list[Life]:
    """Processes that were there before the first request, by the log: of a recording that begins in the middle."""
    begin_ns = min((request.sent_ns for request in recording.requests), default=0)
    mine = {id(life) for life in loaders_of(recording).values()}
    return [
        life
        for life in recording.lives
        if life.start_ns < begin_ns and id(life) not in mine and (life.gone_ns is None or life.gone_ns > begin_ns)
    ]


def _shifted(spec: TwinSpec) -> Cores | None:
    """The cores with the background in the player's own time; nothing else runs during the warm-up."""
    if spec.cores is None:
        return None
    return replace(
        spec.cores, background=tuple((WARM_UP_NS + at_ns, threads) for at_ns, threads in spec.cores.background)
    )


def _found(record: RequestRecord, wait_ns: int) -> Found:
    if record.path == "load":
        return "reload" if record.reload else "cold"
    return "hit" if wait_ns < LOG_SLACK_NS else "joined"
