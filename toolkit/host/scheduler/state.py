"""What both sides of the scheduler share: the loaded set, the gate, the mailboxes, and the effects collected so far."""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.host.scheduler.effects import Effect, SetTimer, Timer
from toolkit.host.scheduler.keep_alive import FOREVER_NS
from toolkit.host.scheduler.mailboxes import Notice, NoticeBox, SignalBox

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.host.scheduler.memory import MemoryReader
    from toolkit.host.scheduler.profile import Profile
    from toolkit.host.scheduler.requests import Request, Runner
    from toolkit.host.scheduler.settings import Settings
    from toolkit.host.scheduler.specs import GpuSpec


class Observer(Protocol):
    """Somebody who writes down what happens. Nothing is built for him unless he is there."""

    def event(self, now_ns: int, name: str, **fields: Any) -> None:
        """Something of the table in `toolkit.host.trace.events` happened; runners and requests come as objects."""

    def touched(self, now_ns: int, runner: Runner) -> None:
        """The runner's reference count, duration or timer was handled."""


class HostState:
    """Mutable, shared, and passive; `core`, `pending` and `completion` act on it."""

    __slots__ = (
        "completion_idle", "ends", "gate", "gpus", "let_go", "line", "loaded", "max_loaded", "memory", "notices",
        "observer", "out", "pending_receives", "profile", "queue", "runner_waiters", "settings", "signals", "started",
    )  # fmt: skip

    def __init__(
        self,
        gpus: tuple[GpuSpec, ...],
        settings: Settings,
        memory: MemoryReader,
        profile: Profile,
        observer: Observer | None,
    ) -> None:
        self.gpus = gpus
        self.settings = settings
        self.memory = memory
        self.profile = profile
        self.observer = observer
        self.max_loaded = profile.max_loaded(gpus, settings)
        self.loaded: dict[str, Runner] = {}
        self.gate: Runner | None = None
        """The runner whose process is just ending; while there is one, nobody may look at the loaded set."""
        self.line: deque[Callable[[int], None]] = deque()
        """Who waits at the gate, in order. It lets one through at a time: as long as anybody is in the line, whoever
        comes later stands behind him, even if the gate is open by now."""
        self.let_go: deque[Callable[[int], None]] = deque()
        """Who waited for a runner that is free again, in order."""
        self.runner_waiters: deque[tuple[Runner, Callable[[int], None]]] = deque()
        self.queue: deque[Request] = deque()
        self.ends: deque[Request] = deque()
        """Ends of requests that the completion side has not handled yet."""
        self.notices = NoticeBox(settings.max_queue)
        self.signals = SignalBox(settings.max_queue)
        self.completion_idle = True
        self.pending_receives = True
        """Whether the pending loop would take a signal at once."""
        self.started = 0
        """Processes started so far."""
        self.out: list[Effect] = []

    def note(self, now_ns: int, name: str, **fields: Any) -> None:
        """Tell the observer; callers on the fast path ask for one first."""
        if self.observer is not None:
            self.observer.event(now_ns, name, **fields)

    def touched(self, now_ns: int, runner: Runner) -> None:
        """Tell the observer that a runner's state was handled."""
        if self.observer is not None:
            self.observer.touched(now_ns, runner)

    def arm(self, runner: Runner, now_ns: int) -> None:
        """Start or restart the keep-alive timer. Only the earliest time needs a SetTimer; later ones are found then."""
        due_ns = min(now_ns + runner.session_ns, FOREVER_NS)
        runner.timer_due_ns = runner.expires_at_ns = due_ns
        if runner.wake_ns is None or runner.wake_ns > due_ns:
            self.wake_at(runner, due_ns)

    def wake_at(self, runner: Runner, due_ns: int) -> None:
        """Have the driver wake us for the runner's timer; for ever needs no waking."""
        if due_ns < FOREVER_NS:
            runner.wake_ns = due_ns
            self.out.append(SetTimer(due_ns, Timer("expiry", runner, due_ns)))

    def post(self, notice: Notice, *, holds: bool) -> None:
        """Leave a notice for the completion side. `holds`: until it is in, nobody else gets at the runner."""
        if not self.notices.post(notice, receiver_idle=self.completion_idle and not self.ends) and holds:
            notice.runner.held = True

    @property
    def way_is_free(self) -> bool:
        """Whether one may look at the loaded set without standing in line."""
        return self.gate is None and not self.line

    def pass_gate(self, action: Callable[[int], None], now_ns: int) -> bool:
        """Do something with the loaded set in sight: now if the way is free (True), or when one's turn comes."""
        if self.way_is_free:
            action(now_ns)
            return True
        self.line.append(action)
        return False

    def enter(self, runner: Runner) -> None:
        """Put a runner into the loaded set, at the lowest free place."""
        taken = {other.place for other in self.loaded.values()}
        runner.place = next(place for place in count() if place not in taken)
        self.loaded[runner.key] = runner

    def when_released(self, runner: Runner, action: Callable[[int], None]) -> None:
        """Do something once nobody holds the runner any more."""
        self.runner_waiters.append((runner, action))

    def release(self, runner: Runner) -> None:
        """Its notice went in, or it was looked at, or it is gone: whoever waited for the runner may go on, in turn."""
        runner.held = False
        waiting, self.runner_waiters = self.runner_waiters, deque()
        for held, action in waiting:
            if held is runner:
                self.let_go.append(action)
            else:
                self.runner_waiters.append((held, action))
