"""Who goes next on one host that serves several models at a time. Pure: no clock, no waiting.

The disciplines of the lab think of a host that answers one request after the other. A real one answers `parallel`
requests of each model in memory at the same time, and goes on with them while it loads another model. The rules here:

1. A request whose model is in memory goes at once if a slot of the model is free, a load or not, unless its model may
   have to leave for that load: a request for a model that is being evicted can undo the eviction (ollama#17408).
2. Of several models, the one with the most waiting is served first; a batch for one model is served before the next
   load.
3. One load at a time, and only when nothing runs that could not stay beside the new model. What was believed in memory
   may have left: a look that does not find the model of a request without an answer makes a load of it (`seen`).
4. The promise: nobody starts more than `bound_ns` later than first come, first served would have let him, as
   `toolkit.cache.disciplines.shadow` keeps it: before somebody is let past the oldest, the schedule "this one, then all
   others in order of arrival" is drawn up on paper, behind all that runs. If anybody in it would start too late, or
   anybody who may still come, nobody is let past.

Work is counted as if the host worked on one thing at a time: of n requests that run together, each gets an n-th of the
time. So the paper's schedule is never shorter than what the host does, and the promise holds up to the errors of the
estimates (service and load times are learned) and to evictions by another rule than LRU.

Who is urgent (`priority`) goes first among those who may go; the promise to all others holds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from toolkit.cache.disciplines.queue import Queue
from toolkit.cache.disciplines.shadow import Shadow

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from toolkit.cache.disciplines.base import Waiting
    from toolkit.cache.disciplines.estimates import ServiceEstimates
    from toolkit.cache.disciplines.places import Places


@dataclass(frozen=True, slots=True)
class Start:
    """A request goes now. `loads`: its model is not in memory; the owner reports with `loaded` when it is."""

    request: Waiting
    loads: bool


@dataclass(slots=True)
class _Running:
    request: Waiting
    started_ns: int
    began_work_ns: float | None  # on the clock of shared work; None while its model is being loaded
    answers: bool = False  # something of its answer has come, so its model was there


class Neighbours(Protocol):
    """What is known about which models can be in memory together."""

    def together(self, models: frozenset[str]) -> bool:
        """True if all of them are known to fit at the same time."""
        ...


class HostOrder:
    """See the module. `places` is the empty host on paper, `estimates` are shared with nobody else.

    The owner calls `arrived` in order of arrival, then `next` until it gives None; the same after each `loaded`, `done`
    and `left`. Times do not go back.
    """

    def __init__(
        self, bound_ns: int, places: Places, estimates: ServiceEstimates, neighbours: Neighbours, parallel: int = 1
    ) -> None:
        self._bound_ns = bound_ns
        self._places = places
        self._estimates = estimates
        self._neighbours = neighbours
        self._parallel = parallel
        self._queue = Queue()
        self._shadow = Shadow(places, estimates)
        self._running: dict[int, _Running] = {}
        self._of_model: Counter[str] = Counter()  # how many of each model run
        self._working = 0  # how many of the running do not wait for a load
        self._at_ns = 0
        self._work_ns = 0.0  # what each of the running requests has got, had it run since the beginning

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """How many have started and are not done."""
        return len(self._running)

    @property
    def loading(self) -> dict[str, int]:
        """The models that are being loaded, each with the moment at which that began; the first is the oldest.

        More than one only if some were believed in memory and are not.
        """
        began_ns: dict[str, int] = {}
        if not self._is_loading:
            return began_ns
        for running in self._running.values():
            if running.began_work_ns is None:
                began_ns.setdefault(running.request.model, running.started_ns)
        return began_ns

    def waiting_by_model(self) -> dict[str, int]:
        """How many wait for each model that anybody waits for."""
        return {model: len(same) for model, same in self._queue.by_model()}

    def arrived(self, request: Waiting) -> None:
        """One more waits."""
        self._queue.add(request)
        self._shadow.arrived(request)

    def starts_alone(self, request: Waiting, now_ns: int, resident: Sequence[str]) -> Start | None:
        """`arrived`, and then `next`, in one for who need not wait; None, and nothing is changed, if he may have to.

        That is what nearly all requests are: nobody waits, nothing is being loaded, and the model is there.
        """
        model = request.model
        if self._queue or self._is_loading or model not in resident or not self._has_slot(model):
            return None
        self._work_until(now_ns)
        self._shadow.arrived(request)
        return self._start(request, loads=False)

    def next(self, now_ns: int, resident: Sequence[str]) -> Start | None:
        """Who goes now, None if nobody can. `resident`: the models in memory, least recently used first."""
        self._work_until(now_ns)
        if not self._queue:
            return None
        oldest, ready = self._queue.oldest(), self._ready(resident)
        if ready is not None and (ready is oldest or self._keeps_promise(ready, now_ns, resident)):
            return self._start(ready, loads=False)
        if self._can_go(oldest.model, frozenset(resident)):
            return self._start(oldest, loads=False)
        if self._is_loading:
            return None
        chosen = oldest if ready is not None else self._to_load(oldest, now_ns, resident)
        if chosen.model in resident or not self._is_clear(chosen.model):
            return None  # a slot of its model, or what runs in its place, is waited for; that runs, so it will end
        return self._start(chosen, loads=True)

    def loaded(self, number: int, now_ns: int) -> None:
        """The model of a request that has started is in memory: it is there, or answers. May be said again."""
        self._work_until(now_ns)
        running = self._running.get(number)
        if running is None:
            return
        running.answers = True
        if running.began_work_ns is None:
            for each in self._running.values():
                if each.request.model == running.request.model and each.began_work_ns is None:
                    self._works(each)

    def seen(self, models: Collection[str], asked_ns: int, now_ns: int) -> None:
        """A look at the host, asked for at `asked_ns`, found these models in memory, and no others.

        Whoever has started before, and has nothing of an answer yet, has its model there if the look says so, and
        waits for a load if it does not, whatever was believed.
        """
        self._work_until(now_ns)
        for running in self._running.values():
            if running.answers or running.started_ns > asked_ns:
                continue
            if running.request.model not in models:
                self._waits(running)
            elif running.began_work_ns is None:
                self._works(running)

    def done(self, number: int, now_ns: int, *, answered: bool) -> None:
        """A request that had started is over. Nothing is learned from one that was not answered."""
        self._work_until(now_ns)
        running = self._running.pop(number)
        began_ns, model = running.began_work_ns, running.request.model
        self._working -= began_ns is not None
        self._of_model[model] -= 1
        if not self._of_model[model]:
            del self._of_model[model]
        service_ns = 0 if began_ns is None else round(self._work_ns - began_ns)
        if answered:
            self._estimates.learn(model, service_ns)
        self._shadow.done(number, service_ns)

    def left(self, number: int) -> None:
        """A request that waits has gone away; unknown numbers are ignored."""
        if self._queue.take(number) is not None:
            self._shadow.done(number, 0)

    def wait_ns(self, now_ns: int, resident: Sequence[str]) -> int:
        """What somebody who comes now may have to wait, if all before him are served in order of arrival."""
        self._work_until(now_ns)
        paper, at_ns = self._paper(resident), self._busy_ns(now_ns)
        for request in self._queue:
            at_ns += paper.use(request.model) + self._estimates.guess_ns(request.model)
        return at_ns

    def _start(self, request: Waiting, *, loads: bool) -> Start:
        self._queue.take(request.number)
        self._running[request.number] = running = _Running(request, self._at_ns, None)
        self._of_model[request.model] += 1
        if not loads:
            self._works(running)
        return Start(request, loads)

    def _works(self, running: _Running) -> None:
        """Its model is there."""
        running.began_work_ns = self._work_ns
        self._working += 1

    def _waits(self, running: _Running) -> None:
        """Its model is not there."""
        self._working -= running.began_work_ns is not None
        running.began_work_ns = None

    def _ready(self, resident: Sequence[str]) -> Waiting | None:
        """Who can go without a load: the most urgent; of equals, the oldest for the model with the most waiting."""
        best: tuple[int, int, int] | None = None
        chosen: Waiting | None = None
        here = frozenset(resident)
        for model, same in self._queue.by_model():
            if not self._can_go(model, here):
                continue
            first = min(same.values(), key=_urgency)
            rank = (-first.priority, -len(same), first.number)
            if best is None or rank < best:
                best, chosen = rank, first
        return chosen

    def _to_load(self, oldest: Waiting, now_ns: int, resident: Sequence[str]) -> Waiting:
        """Whose model to load: the fullest batch of those not in memory, if the promise allows it, else the oldest."""
        here, best, chosen = frozenset(resident), None, oldest
        for model, same in self._queue.by_model():
            if model in here:
                continue
            first = min(same.values(), key=_urgency)
            rank = (-first.priority, -len(same), first.number)
            if best is None or rank < best:
                best, chosen = rank, first
        return chosen if chosen is oldest or self._keeps_promise(chosen, now_ns, resident) else oldest

    def _can_go(self, model: str, here: frozenset[str]) -> bool:
        """Whether a request for the model can start without a load, the promise aside."""
        return model in here and self._has_slot(model) and self._may_run(model)

    def _has_slot(self, model: str) -> bool:
        return self._of_model[model] < self._parallel

    def _may_run(self, model: str) -> bool:
        """Whether the model surely stays while the one that is being loaded comes."""
        loading = self.loading
        return not loading or loading.keys() == {model} or self._neighbours.together(self._busy() | {model})

    def _is_clear(self, model: str) -> bool:
        """Whether all that runs can stay while the model is loaded."""
        busy = self._busy()
        return not busy or self._neighbours.together(busy | {model})

    @property
    def _is_loading(self) -> bool:
        return self._working < len(self._running)

    def _busy(self) -> frozenset[str]:
        return frozenset(self._of_model)

    def _work_until(self, now_ns: int) -> None:
        if self._working and now_ns > self._at_ns:
            self._work_ns += (now_ns - self._at_ns) / self._working
        self._at_ns = max(self._at_ns, now_ns)

    def _busy_ns(self, now_ns: int) -> int:
        """How long the host would work on what has started, one thing after the other."""
        left_ns = 0.0
        for running in self._running.values():
            began_ns = running.began_work_ns
            done_ns = 0.0 if began_ns is None else self._work_ns - began_ns
            left_ns += max(0.0, self._estimates.guess_ns(running.request.model) - done_ns)
        for model, began_ns in self.loading.items():
            left_ns += max(0, self._places.load_ns(model) - (now_ns - began_ns))
        return round(left_ns)

    def _paper(self, resident: Sequence[str]) -> Places:
        paper = self._places.holding(resident)
        for model in self.loading:
            paper.use(model)
        return paper

    def _keeps_promise(self, first: Waiting, now_ns: int, resident: Sequence[str]) -> bool:
        paper, free_ns = self._paper(resident), now_ns + self._busy_ns(now_ns)
        return self._shadow.keeps_promise(self._bound_ns, first, self._queue, paper, free_ns)


def _urgency(request: Waiting) -> tuple[int, int]:
    return (-request.priority, request.number)
