"""A recording of a real server: the requests that it got, how it answered, and what its log says it did.

A recording is a directory with `requests.jsonl` (one line a request) and, where there is more, `server.log`,
`trace.json` (settings of the server), `ps_1s.json` (`/api/ps` once a second) and `swap_matrix.csv` (see
`toolkit.measure.matrix`). docs/calibration.md has the format. Times are integer nanoseconds since the recording's zero.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.errors import InputError, unreadable
from toolkit.measure.server_log import Life, read_lives

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NS_PER_S = 1_000_000_000
REQUESTS, LOG, TRACE, LOOKS = "requests.jsonl", "server.log", "trace.json", "ps_1s.json"
WITHOUT_KEEP_ALIVE = {"v1", "unload"}
"""Kinds of request that never carry it, whatever their row says."""
WITH_NUM_CTX = {"generate", "chat", "load"}
KINDS = {"generate", "chat", "v1", "load", "unload", "embed"}
SUCCESS = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it was sent, and its answer. `kind` is one of `KINDS`.

    Tokens are those of the counters (of the usage block for `/v1`); None where there are none.
    """

    number: int
    model: str
    kind: str
    keep_alive: Any
    num_ctx: int | None
    sent_ns: int
    headers_ns: int
    first_byte_ns: int
    end_ns: int
    answered: bool
    """With status 200; of others only the arrival counts."""
    counters: Mapping[str, Any]
    load_average: float | None
    """Of the machine, over the minute before the end."""
    listed_before: frozenset[str] | None
    """What `/api/ps` listed just before."""
    continued_tokens: int = 0
    """Of the prompt, what was said before in its conversation: the runner may still have it in its cache."""
    session: str | None = None

    @property
    def wait_ns(self) -> int | None:
        """What the server itself says it took until the runner was in hand; None for `/v1`, which does not say it.

        A load call has no counters either, but its answer comes at that very moment.
        """
        if self.kind == "load":
            return self.headers_ns - self.sent_ns
        waited: int | None = self.counters.get("load_duration")
        return waited

    @property
    def answers(self) -> bool:
        """Whether it asks for an answer, and does not only load or unload."""
        return self.kind not in {"load", "unload"}

    @property
    def prompt_tokens(self) -> int | None:
        """Tokens of the prompt, those from the prefix cache included."""
        return self._tokens("prompt_eval_count", "prompt_tokens")

    @property
    def output_tokens(self) -> int | None:
        """Tokens of the answer; 0 for an embedding."""
        return 0 if self.kind == "embed" else self._tokens("eval_count", "completion_tokens")

    def _tokens(self, counter: str, usage: str) -> int | None:
        value: Any = (self.counters.get("usage") or {}).get(usage) if self.kind == "v1" else self.counters.get(counter)
        return value if isinstance(value, int) else None


@dataclass(frozen=True, slots=True)
class Recording:
    """Requests in the order of their arrival, processes in the order of their start, `/api/ps` by the second.

    `has_log`: without the server's log nothing is known of processes, and `lives` is empty.
    """

    requests: tuple[Sent, ...]
    lives: tuple[Life, ...]
    looks: tuple[tuple[int, frozenset[str]], ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    has_log: bool = True

    @property
    def max_loaded(self) -> int:
        """The server's OLLAMA_MAX_LOADED_MODELS; 0 is its own default."""
        return int(self.environment.get("OLLAMA_MAX_LOADED_MODELS", "0"))


def read_recording(directory: Path) -> Recording:
    """Read the recorded traffic of a directory.

    Raises:
        InputError: there is no `requests.jsonl`, or a file is not what it should be; the message says which line.
    """
    rows = _rows(directory / REQUESTS)
    requests = tuple(sorted((_sent(place, row) for place, row in rows), key=lambda request: request.number))
    if not requests:
        raise InputError(f"{directory / REQUESTS}: there is no request in it")
    about = _json(directory / TRACE) or {}
    zero_ns = _zero_ns(about, rows)
    looks = _json(directory / LOOKS) or []
    log = directory / LOG
    has_log = log.is_file()
    lives: list[Life] = []
    if has_log:
        with log.open(encoding="utf-8", errors="replace") as lines:
            lives = read_lives(lines, zero_ns)
    return Recording(
        requests,
        tuple(lives),
        tuple((_ns(look["t"]), _names(look["models"])) for look in looks),
        {str(key): str(value) for key, value in (about.get("env") or {}).items()},
        has_log=has_log,
    )


def _rows(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {unreadable(error)}; a recording is a directory with requests.jsonl") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}:{number}: not a JSON object ({error})") from error
            rows.append((f"{path}:{number}", row))
    return rows


def _sent(place: str, row: Mapping[str, Any]) -> Sent:
    try:
        kind = row["kind"]
        if kind not in KINDS:
            raise InputError(f"{place}: a request of kind {kind!r}; known are {', '.join(sorted(KINDS))}")
        before = row.get("ps_before")
        return Sent(
            number=row["i"],
            model=row["model"],
            kind=kind,
            keep_alive=None if kind in WITHOUT_KEEP_ALIVE else row.get("keep_alive"),
            num_ctx=row.get("num_ctx") if kind in WITH_NUM_CTX else None,
            sent_ns=_ns(row["sent"]),
            headers_ns=_ns(row["headers"]),
            first_byte_ns=_ns(row["first_byte"] if row.get("first_byte") is not None else row["headers"]),
            end_ns=_ns(row["end"]),
            answered=row.get("status", SUCCESS) == SUCCESS,
            counters=row["response"] or {},
            load_average=row.get("loadavg1"),
            listed_before=None if before is None else _names(before),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{place}: not a request of a recording ({error!r}); see docs/calibration.md") from error


def _zero_ns(about: Mapping[str, Any], rows: list[tuple[str, Mapping[str, Any]]]) -> int:
    """The recording's zero in Unix time, by `trace.json` or by a request that has both times."""
    if "t0_unix" in about:
        return _ns(about["t0_unix"])
    row = next((row for _, row in rows if "sent_unix" in row), None)
    return 0 if row is None else _ns(row["sent_unix"] - row["sent"])


def _json(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as JSON: {unreadable(error)}") from error


def _ns(seconds: float) -> int:
    return round(float(seconds) * NS_PER_S)  # `float` first: a text times a billion is a very long text


def _names(rows: Iterable[Any]) -> frozenset[str]:
    return frozenset((row if isinstance(row, str) else row["name"]).removesuffix(":latest") for row in rows)
