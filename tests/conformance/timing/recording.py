"""Ten minutes of mixed traffic on a real server, as recorded: its requests, and what its log says it did with them.

Times are integer nanoseconds since the trace's own zero. The log's lines carry milliseconds.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

NS_PER_S = 1_000_000_000
MODEL_BY_BLOB = {
    "2c23cb1c77a6": "m1",
    "13df5c2afe5d": "b50",
    "70553027f502": "b150",
    "65e48842ff85": "b400",
    "21f7d3f3d86a": "b800",
    "36ab00dae4ae": "b1500",
    "0200562f2856": "embed",
}
WITHOUT_KEEP_ALIVE = {"v1", "unload"}
"""Kinds of request that never carry it, whatever their row says."""
WITH_NUM_CTX = {"generate", "chat", "load"}


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it was sent, and its answer. `kind` is the recording's word for it."""

    number: int
    model: str
    kind: str
    keep_alive: Any
    num_ctx: int | None
    sent_ns: int
    headers_ns: int
    end_ns: int
    counters: Mapping[str, Any]
    load_average: float
    """Of the machine, over the minute before; it has two cores."""

    @property
    def wait_ns(self) -> int | None:
        """What the server itself says it took until the runner was in hand; None for `/v1`, which does not say it.

        A load call has no counters either, but its answer comes at that very moment.
        """
        if self.kind == "load":
            return self.headers_ns - self.sent_ns
        waited: int | None = self.counters.get("load_duration")
        return waited


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
    """A process from its start to its end, and the evictions that made room for it. None: not in the log any more."""

    model: str
    num_ctx: int
    start_ns: int
    ready_ns: int | None = None
    stop_ns: int | None = None
    gone_ns: int | None = None
    evictions: tuple[Eviction, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """Requests in the order of their arrival, processes in the order of their start, `/api/ps` by the second."""

    requests: tuple[Sent, ...]
    lives: tuple[Life, ...]
    looks: tuple[tuple[int, frozenset[str]], ...]
    max_loaded: int


def read_recording(directory: Path) -> Recording:
    """Read the recorded trace of a folder."""
    about = json.loads((directory / "trace.json").read_text())
    zero_ns = round(about["t0_unix"] * NS_PER_S)
    rows = [json.loads(line) for line in (directory / "requests.jsonl").read_text().splitlines()]
    looks = json.loads((directory / "ps_1s.json").read_text())
    with (directory / "server.log").open() as log:
        lives = read_lives(log, zero_ns)
    return Recording(
        tuple(sorted((_sent(row) for row in rows), key=lambda request: request.number)),
        tuple(lives),
        tuple((_ns(look["t"]), _names(look["models"])) for look in looks),
        int(about["env"]["OLLAMA_MAX_LOADED_MODELS"]),
    )


def _sent(row: Mapping[str, Any]) -> Sent:
    kind = row["kind"]
    return Sent(
        number=row["i"],
        model=row["model"],
        kind=kind,
        keep_alive=None if kind in WITHOUT_KEEP_ALIVE else row["keep_alive"],
        num_ctx=row["num_ctx"] if kind in WITH_NUM_CTX else None,
        sent_ns=_ns(row["sent"]),
        headers_ns=_ns(row["headers"]),
        end_ns=_ns(row["end"]),
        counters=row["response"],
        load_average=row["loadavg1"],
    )


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def _names(rows: Iterable[Any]) -> frozenset[str]:
    return frozenset((row if isinstance(row, str) else row["name"]).removesuffix(":latest") for row in rows)


# The log ------------------------------------------------------------------------------------------------------

_TIME = re.compile(r"time=(\S+)Z ")
_START = re.compile(r'msg="starting llama-server".*sha256-(\w{12}).* -c (\d+) ')
_PID = re.compile(r"pid=(\d+)")
_NAME = re.compile(r"runner\.name=([^:\s]+)")


def read_lives(log: Iterable[str], zero_ns: int) -> list[Life]:
    """The processes of a server's log, with the evictions that went before each of them."""
    reader = _LogReader()
    for at_ns, line in _timed(log, zero_ns):
        reader.line(at_ns, line)
    return reader.lives


def _timed(log: Iterable[str], zero_ns: int) -> Iterator[tuple[int, str]]:
    for line in log:
        found = _TIME.match(line)
        if found:
            at = datetime.fromisoformat(f"{found[1]}+00:00")
            yield round(at.timestamp() * 1000) * 1_000_000 - zero_ns, line


class _LogReader:
    """Follows the log; knows that loads are serial, so that evictions belong to the next process to start."""

    def __init__(self) -> None:
        self.lives: list[Life] = []
        self._by_pid: dict[str, Life] = {}
        self._chosen: list[Eviction] = []
        self._reload = False

    def line(self, at_ns: int, line: str) -> None:
        started = _START.search(line)
        if started:
            life = Life(MODEL_BY_BLOB[started[1]], int(started[2]), at_ns, evictions=tuple(self._chosen))
            self.lives.append(life)
            self._chosen = []
        elif "finished setting up" in line:
            # The loop may have started the next process before this line was written.
            life = next(one for one in reversed(self.lives) if one.model == _name(line))
            life.ready_ns = at_ns
            self._by_pid[_pid(line)] = life
        elif 'msg="stopping llama-server"' in line:
            self._by_pid[_pid(line)].stop_ns = at_ns
        elif 'msg="llama-server stopped"' in line:
            self._by_pid[_pid(line)].gone_ns = at_ns
        elif "msg=reloading" in line:
            self._reload = True
        elif "resetting model to expire immediately" in line:
            busy = "refCount=0" not in line
            self._chosen.append(Eviction(at_ns, _name(line), busy=busy, reload=self._reload, undone=False))
            self._reload = False
        elif "runner with non-zero duration has gone idle" in line:
            self._note_idle(_name(line))

    def _note_idle(self, model: str) -> None:
        """A victim that becomes idle with a duration again: somebody has overwritten the 0."""
        if self._chosen and self._chosen[-1].victim == model:
            last = self._chosen[-1]
            self._chosen[-1] = Eviction(last.at_ns, last.victim, busy=last.busy, reload=last.reload, undone=True)


def _pid(line: str) -> str:
    found = _PID.search(line)
    assert found is not None, line
    return found[1]


def _name(line: str) -> str:
    found = _NAME.search(line)
    assert found is not None, line
    return found[1]
