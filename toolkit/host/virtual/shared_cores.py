"""A processor on a heap of events: an alarm for the next thing that happens on it, set anew with each change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.host.virtual.processor import Processor, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.host.virtual.processor import Cores


class SharedCores:
    """Work that takes longer while others compute. `push(t_ns, action, argument)` sets an alarm."""

    __slots__ = ("_alarms", "_now_ns", "_processor", "_push", "threads")

    def __init__(
        self, cores: Cores, push: Callable[[int, Callable[[Any], None], Any], None], now_ns: Callable[[], int]
    ) -> None:
        self._processor = Processor(cores)
        self._push = push
        self._now_ns = now_ns
        self._alarms = 0
        self.threads = cores.threads
        """What a runner that answers wants."""

    def start(self, task: Task) -> None:
        """Begin a piece of work."""
        self._processor.start(task, self._now_ns())
        self._set_alarm()

    def stop(self, key: object) -> None:
        """Give up a piece of work, and the mark that goes with it."""
        now_ns = self._now_ns()
        self._processor.stop((key,), now_ns)
        self._processor.stop(key, now_ns)
        self._set_alarm()

    def _set_alarm(self) -> None:
        """For the processor's next event; alarms that were set before count no more."""
        self._alarms += 1
        due_ns = self._processor.due_ns()
        if due_ns is not None:
            self._push(max(due_ns, self._now_ns()), self._due, self._alarms)

    def _due(self, alarm: int) -> None:
        if alarm != self._alarms:
            return
        ended = self._processor.work(self._now_ns())
        self._set_alarm()
        if ended is not None:
            ended.action(ended.argument)
