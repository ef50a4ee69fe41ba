"""The toolkit's own plain trace: JSON Lines, one request a line, as `docs/traces.md` describes it.

`hotswap record` writes it, and anybody can with a few lines of a script: `at_s` and two numbers of tokens are enough.
"""

from __future__ import annotations

import json
from collections import Counter
from statistics import median_low
from typing import TYPE_CHECKING, Any

from toolkit.config.durations import NS_PER_S
from toolkit.ollama.keep_alive import KeepAliveError, parse_keep_alive
from toolkit.workload.traces.logged import CHAT, EMBED, ERROR, GENERATE, KINDS, OUTCOMES
from toolkit.workload.traces.rows import TraceRow, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolkit.errors import InputError
    from toolkit.workload.traces.rows import TraceText

MARKS = ("at_s", "prompt_tokens", "output_tokens")
"""The fewest keys that a line by hand has; `at_ns` may stand for `at_s`."""
_MOST = 10**19
_CLIENT_ERRORS = range(400, 499)
"""Statuses that say the request itself was wrong; the server's own failures are demand all the same."""
_LENGTHS = frozenset({"num_predict", "stop"})
"""Options that end an answer. It ends at its recorded length when it is played, whatever the made-up texts say."""


def recognises(first_line: str) -> bool:
    """Whether a file that begins so is of this format."""
    return first_line.startswith("{") and ('"at_ns"' in first_line or '"at_s"' in first_line)


def read(source: TraceText) -> tuple[tuple[TraceRow, ...], tuple[str, ...]]:
    """The requests that can be played, in file order, and sentences about the others; blank lines are passed over.

    Raises:
        InputError: a line is not of this format.
    """
    left_out: Counter[str] = Counter()
    found: list[_Line] = []
    for line, value in _objects(source, left_out):
        checked = _Line(source, line, value)
        why = _why_not(value)
        if why is None:
            found.append(checked)
        else:
            left_out[why] += 1
    values = [one.value for one in found]
    usual = _usual_outputs(values)
    rows: list[TraceRow] = []
    guessed = 0
    for one in found:
        output = one.value.get("output_tokens")
        if output is None:
            output = usual.get(one.value.get("model"), usual.get(None))
            guessed += 1
        if output is None:
            left_out["requests without output_tokens, where no other one shows what is usual"] += 1
        else:
            rows.append(one.row(output))
    return tuple(rows), tuple(_notes(rows, values, left_out, guessed if rows else 0))


class _Line:
    """One line's object, with everything checked that can be wrong with it, whether it is played or not.

    Raises:
        InputError: a field is not what it should be.
    """

    __slots__ = ("_at_ns", "_keep_alive_ns", "_line", "_options", "_source", "value")

    def __init__(self, source: TraceText, line: int, value: dict[str, Any]) -> None:
        self._source, self._line, self.value = source, line, value
        self._check()
        self._at_ns = self._read_at_ns()
        self._options = self._read_options()
        self._keep_alive_ns = self._read_keep_alive_ns()

    def _check(self) -> None:
        if ("at_ns" in self.value) == ("at_s" in self.value):
            raise self._wrong("a request has exactly one of at_ns (whole nanoseconds) and at_s (seconds)")
        for name in ("prompt_tokens", "output_tokens", "shared_prefix_tokens", "service_ns"):
            self._count(name)
        self._count("at_ns")
        for name in ("model", "session", "text", "system"):
            if not isinstance(self.value.get(name, ""), str):
                raise self._wrong(f"{name}: found {shown(self.value[name])}; a text")
        for name, allowed in (("kind", KINDS), ("outcome", OUTCOMES)):
            if self.value.get(name, allowed[0]) not in allowed:
                raise self._wrong(f"{name}: found {shown(self.value[name])}; allowed: {', '.join(allowed)}")
        priority = self.value.get("priority", 0)
        if isinstance(priority, bool) or not isinstance(priority, int):
            raise self._wrong(f"priority: found {shown(priority)}; a whole number")

    def row(self, output_tokens: int) -> TraceRow:
        """The line as a row; `output_tokens` where the line itself may have none."""
        value = self.value
        prompt_tokens = max(1, value["prompt_tokens"])
        return TraceRow(
            line=self._line,
            at_ns=self._at_ns,
            prompt_tokens=prompt_tokens,
            output_tokens=max(1, output_tokens),
            model=value.get("model"),
            session=value.get("session"),
            shared_prefix_tokens=min(value.get("shared_prefix_tokens", 0), prompt_tokens),
            service_ns=value.get("service_ns"),
            text=value.get("text", ""),
            system=value.get("system"),
            options=self._options,
            keep_alive_ns=self._keep_alive_ns,
            priority=value.get("priority", 0),
        )

    def _read_at_ns(self) -> int:
        if "at_ns" in self.value:
            return int(self.value["at_ns"])
        seconds = self.value["at_s"]
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _MOST / NS_PER_S:
            raise self._wrong(f"at_s: found {shown(seconds)}; a number of seconds, at least 0")
        return round(seconds * NS_PER_S)

    def _count(self, name: str) -> None:
        number = self.value.get(name, 0)
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= _MOST:
            raise self._wrong(f"{name}: found {shown(number)}; a whole number, at least 0")

    def _read_options(self) -> tuple[tuple[str, Any], ...]:
        options = self.value.get("options", {})
        if not isinstance(options, dict):
            raise self._wrong(f'options: found {shown(options)}; an object, as in {{"num_ctx": 8192}}')
        for name, value in options.items():
            items = value if isinstance(value, list) else (value,)
            if not all(isinstance(each, bool | int | float | str) for each in items):
                raise self._wrong(f"options.{name}: found {shown(value)}; a number, a text, true or false")
        return tuple(
            (name, tuple(value) if isinstance(value, list) else value)
            for name, value in sorted(options.items())
            if name not in _LENGTHS
        )

    def _read_keep_alive_ns(self) -> int | None:
        try:
            return parse_keep_alive(self.value.get("keep_alive"))
        except KeepAliveError as error:
            raise self._wrong(f"keep_alive: found {shown(self.value['keep_alive'])}; {error}") from None

    def _wrong(self, text: str) -> InputError:
        return self._source.error(self._line, text)


def _objects(source: TraceText, left_out: Counter[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line's object. A last line without its end, which a failing machine leaves, is passed over if broken."""
    lines = source.text.split("\n")
    for line, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            value = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            if line == len(lines) and line > 1:
                left_out["a last line that is not whole"] += 1
                return
            raise source.error(line, f"found {shown(text)}; each line of a jsonl trace is one JSON object") from None
        if not isinstance(value, dict):
            raise source.error(line, f"found {shown(value)}; each line of a jsonl trace is one JSON object")
        yield line, {name: each for name, each in value.items() if each is not None}


def _refuse(name: str) -> float:
    raise ValueError(name)


def _why_not(value: dict[str, Any]) -> str | None:
    """What a request is that is not played, in words; None if it is played."""
    kind = value.get("kind", CHAT)
    if kind == EMBED:
        return "embeddings, which are not played"
    if kind not in {CHAT, GENERATE}:
        return "calls that only load or unload a model, which is the strategy's part"
    if value.get("outcome") == ERROR and value.get("status") in _CLIENT_ERRORS:
        return "requests that the server refused because they were wrong"
    if "prompt_tokens" not in value:
        return "requests without prompt_tokens"
    return None


def _usual_outputs(values: Sequence[dict[str, Any]]) -> dict[str | None, int]:
    """The median length of answers: of each model's, and under None of all."""
    lengths: dict[str | None, list[int]] = {}
    for value in values:
        if "output_tokens" in value:
            lengths.setdefault(None, []).append(value["output_tokens"])
            if "model" in value:
                lengths.setdefault(value["model"], []).append(value["output_tokens"])
    return {name: median_low(each) for name, each in lengths.items()}


def _notes(
    rows: Sequence[TraceRow], values: Sequence[dict[str, Any]], left_out: Counter[str], guessed: int
) -> Iterator[str]:
    for why, count in left_out.items():
        yield f"Left out of the trace ({count}): {why}."
    if guessed:
        yield f"Played with the median length of their model's answers, because they got none: {guessed} requests."
    known = [value["cold"] for value in values if isinstance(value.get("cold"), bool)]
    if known:
        hits = f"{known.count(False)} of {len(known)} answered requests"
        yield f"When it was recorded, {hits} found their model in memory."
    estimated = sum(bool(value.get("estimated")) for value in values)
    if estimated:
        yield f"Estimated tokens, because nobody counted them: {estimated} requests."
    if any(row.keep_alive_ns is not None for row in rows):
        yield "The trace's own keep_alive is not played: the strategy decides it."
