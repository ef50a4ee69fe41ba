"""What the log of a real server (v0.32, debug level) says: which process ran when, and what had to go before it.

Times are integer nanoseconds since a zero of the caller's; the log's lines carry milliseconds. Lines that say nothing
of processes are passed over, so a log may be trimmed to the scheduler's lines and those of start and stop.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from toolkit.config.units import parse_size_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Eviction:
    """A victim that the server chose; `busy` if it had requests, `undone` if it became idle and stayed all the same."""

    at_ns: int
    victim: str
    busy: bool
    reload: bool
    undone: bool


@dataclass(slots=True)
class Life:
    """A process from its start to its end, and the evictions that made room for it. None: not in the log any more.

    `blob` is the beginning of the file's sha256. `size_bytes` and `vram_bytes` are what the server noted of it, to the
    precision of the log (a tenth of a MiB), once it was up. `recovery_s` is how long its GPU memory took to come back.
    """

    model: str
    num_ctx: int
    start_ns: int
    blob: str
    ready_ns: int | None = None
    stop_ns: int | None = None
    gone_ns: int | None = None
    evictions: tuple[Eviction, ...] = ()
    size_bytes: int | None = None
    vram_bytes: int | None = None
    parallel: int | None = None
    threads: int | None = None
    """num_thread, if the process was started with one."""
    recovery_s: float | None = None


def read_lives(log: Iterable[str], zero_ns: int) -> list[Life]:
    """The processes of a log in the order of their starts, with the evictions that went before each of them."""
    reader = _LogReader()
    for at_ns, line in _timed(log, zero_ns):
        reader.line(at_ns, line)
    names = {life.blob: life.model for life in reader.lives if life.model}
    for life in reader.lives:
        life.model = life.model or names.get(life.blob, life.blob)
    return reader.lives


_TIME = re.compile(r"time=(\d{4}-\d\d-\d\dT\S+) ")
_START = re.compile(r'msg="starting llama-server".*sha256[-:](\w{12,64}).* -c (\d+) ')
_THREADS = re.compile(r" -t (\d+) ")
_PID = re.compile(r"pid=(\d+)")
_NAME = re.compile(r"runner\.name=(\S+)")
_BLOB = re.compile(r"blob=(?:\S*sha256[-:])?(\w{12})")
_PARALLEL = re.compile(r"runner\.parallel=(\d+)")
_SIZE = re.compile(r'runner\.size="([^"]+)"')
_VRAM = re.compile(r'runner\.vram="([^"]+)"')
_RECOVERED = re.compile(r"free memory converged after ([0-9.]+) seconds")
_BLOB_DIGITS = 12


def _timed(log: Iterable[str], zero_ns: int) -> Iterator[tuple[int, str]]:
    for line in log:
        found = _TIME.match(line)
        if found:
            at = datetime.fromisoformat(found[1])
            yield round(at.timestamp() * 1000) * 1_000_000 - zero_ns, line


class _LogReader:
    """Follows the log; knows that loads are serial, so that evictions belong to the next process to start."""

    def __init__(self) -> None:
        self.lives: list[Life] = []
        self._by_pid: dict[str, Life] = {}
        self._chosen: list[Eviction] = []
        self._reload = False
        self._last_gone: Life | None = None

    def line(self, at_ns: int, line: str) -> None:
        started = _START.search(line)
        if started:
            life = Life("", int(started[2]), at_ns, started[1][:_BLOB_DIGITS], evictions=tuple(self._chosen))
            threads = _THREADS.search(line)
            life.threads = int(threads[1]) if threads else None
            self.lives.append(life)
            self._chosen = []
        elif "finished setting up" in line:
            self._ready(at_ns, line)
        elif 'msg="stopping llama-server"' in line:
            self._mark(line, "stop_ns", at_ns)
        elif 'msg="llama-server stopped"' in line:
            self._last_gone = self._mark(line, "gone_ns", at_ns)
        elif "msg=reloading" in line:
            self._reload = True
        elif "resetting model to expire immediately" in line:
            busy = "refCount=0" not in line
            self._chosen.append(Eviction(at_ns, name_in(line), busy=busy, reload=self._reload, undone=False))
            self._reload = False
        elif "runner with non-zero duration has gone idle" in line:
            self._note_idle(name_in(line))
        elif self._last_gone is not None:
            recovered = _RECOVERED.search(line)
            if recovered:
                self._last_gone.recovery_s = float(recovered[1])

    def _ready(self, at_ns: int, line: str) -> None:
        """The loop may have started the next process before this line was written, so the blob decides."""
        blob = _BLOB.search(line)
        waiting = [life for life in self.lives if life.ready_ns is None and blob and life.blob == blob[1]]
        if not waiting:
            return
        life = waiting[-1]
        life.model, life.ready_ns = name_in(line), at_ns
        life.size_bytes, life.vram_bytes = _bytes_in(line, _SIZE), _bytes_in(line, _VRAM)
        parallel = _PARALLEL.search(line)
        life.parallel = int(parallel[1]) if parallel else None
        pid = _PID.search(line)
        if pid:
            self._by_pid[pid[1]] = life

    def _mark(self, line: str, field: str, at_ns: int) -> Life | None:
        pid = _PID.search(line)
        life = self._by_pid.get(pid[1]) if pid else None
        if life is not None:
            setattr(life, field, at_ns)
        return life

    def _note_idle(self, model: str) -> None:
        """A victim that becomes idle with a duration again: somebody has overwritten the 0."""
        if self._chosen and self._chosen[-1].victim == model:
            last = self._chosen[-1]
            self._chosen[-1] = Eviction(last.at_ns, last.victim, busy=last.busy, reload=last.reload, undone=True)


def name_in(line: str) -> str:
    """The model that a line of the log speaks of; empty if it names none."""
    found = _NAME.search(line)
    return found[1].removesuffix(":latest") if found else ""


def _bytes_in(line: str, pattern: re.Pattern[str]) -> int | None:
    found = pattern.search(line)
    return parse_size_bytes(found[1].replace(" ", "")) if found else None
