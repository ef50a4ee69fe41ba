"""Which of the host's models answers each request of a trace.

Traces name other people's models, or none. A map turns a trace's names into names the host knows, or deals out names
where the trace has none, and says in a sentence what it did, because every result depends on it.
"""

from __future__ import annotations

import difflib
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Protocol

from toolkit.errors import InputError
from toolkit.workload.streams import stream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.workload.traces.rows import TraceRow

UNNAMED = "(unnamed)"
"""What a trace's empty model name becomes where names are kept."""


class MappingError(ValueError):
    """A map does not fit a trace; `line` is the trace's line that shows it."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, slots=True)
class Assignment:
    """One host model for each row, and sentences about how they were chosen."""

    models: tuple[str, ...]
    notes: tuple[str, ...]


class ModelMap(Protocol):
    """A rule that gives every row of a trace a model of the host."""

    def assign(self, rows: Sequence[TraceRow], seed: int) -> Assignment:
        """Choose for all rows at once.

        Raises:
            MappingError: the rule does not fit this trace.
        """
        ...


@dataclass(frozen=True, slots=True)
class KeepNames:
    """The host has exactly the trace's models, under their names there; an empty name is `(unnamed)`."""

    def assign(self, rows: Sequence[TraceRow], seed: int) -> Assignment:  # noqa: ARG002 - nothing is left to chance
        """The trace's own names."""
        models = tuple(name or UNNAMED for name in _trace_names(rows))
        return Assignment(models, (f"The trace's {len(set(models))} model names are kept as they are.",))


@dataclass(frozen=True, slots=True)
class ByRank:
    """The trace's models, most asked for first, each to the host model that has the fewest requests so far.

    The first trace model goes to the first host model, the second to the second; from then on the load is evened out.
    Folding many models into few hides changes between those that fall together. Even shares keep the most of them: of
    the Alibaba trace's 78 names folded into three, 57.9 % of consecutive requests still change model (74.9 % in the
    trace), against 53.8 % dealt out in turn, and 48.4 % with one for the first, one for the second and one for all
    others.
    """

    host_models: tuple[str, ...]

    def assign(self, rows: Sequence[TraceRow], seed: int) -> Assignment:  # noqa: ARG002 - nothing is left to chance
        """Fold the trace's names; ties of frequency go by name, ties of load to the host model named first."""
        if not self.host_models:
            raise MappingError(1, "the config names no models to map the trace's to; add them under llm.models")
        names = _trace_names(rows)
        load = dict.fromkeys(self.host_models, 0)
        chosen: dict[str, str] = {}
        for name, count in sorted(Counter(names).items(), key=lambda each: (-each[1], each[0])):
            chosen[name] = min(load, key=lambda host: load[host])
            load[chosen[name]] += count
        models = tuple(chosen[name] for name in names)
        shares = ", ".join(f"{host} {count / len(rows):.1%}" for host, count in load.items())
        mapped = f"The trace's {len(chosen)} models are mapped by rank to {len(load)}: {shares} of the requests."
        return Assignment(models, (mapped, _changes(names, models)))


@dataclass(frozen=True, slots=True)
class Explicit:
    """A host model for each of the trace's names, as the user wrote them down; the empty name is written `""`."""

    names: Mapping[str, str]

    def assign(self, rows: Sequence[TraceRow], seed: int) -> Assignment:  # noqa: ARG002 - nothing is left to chance
        """Look every name up; a name without a host model is an error at its first line."""
        models: list[str] = []
        for row, name in zip(rows, _trace_names(rows), strict=True):
            if name not in self.names:
                close = difflib.get_close_matches(name, self.names, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise MappingError(row.line, f"the map has no host model for {name!r}; add one{hint}")
            models.append(self.names[name])
        mapped = f"The trace's {len({row.model for row in rows})} models are mapped to {len(set(models))} as given."
        return Assignment(tuple(models), (mapped, _changes(_trace_names(rows), models)))


@dataclass(frozen=True, slots=True)
class SeededMix:
    """Models dealt out by chance in given shares: one for a whole session where the trace has them, else per request.

    For traces that name no model. What a trace does say about models is ignored.
    """

    shares: tuple[tuple[str, float], ...]

    def assign(self, rows: Sequence[TraceRow], seed: int) -> Assignment:
        """Draw from the stream `models` of the seed, in the order of first appearance."""
        rng = stream(seed, "models")
        hosts = [name for name, _ in self.shares]
        cumulative = list(accumulate(share for _, share in self.shares))
        of_session: dict[str, str] = {}
        models: list[str] = []
        for row in rows:
            model = None if row.session is None else of_session.get(row.session)
            if model is None:
                model = hosts[bisect_right(cumulative, rng.random() * cumulative[-1])]
                if row.session is not None:
                    of_session[row.session] = model
            models.append(model)
        unit = "session" if of_session else "request"
        wanted = ", ".join(f"{name} {share / cumulative[-1]:.0%}" for name, share in self.shares)
        ignored = " (its own model names are ignored)" if rows[0].model is not None else ""
        note = f"The models are not the trace's{ignored}: drawn for each {unit} with seed {seed}, as {wanted}."
        return Assignment(tuple(models), (note,))


@dataclass(frozen=True, slots=True)
class KeepOrDeal:
    """The names of a trace that was made for this host, as they are; rows without a name are dealt out in shares.

    `known` turns roles and names into the host's models, and `llama3` is `llama3:latest`, as the server has it. A name
    that is not known stays: the host will say whether it has it.
    """

    shares: tuple[tuple[str, float], ...]
    known: Mapping[str, str]

    def assign(self, rows: Sequence[TraceRow], seed: int) -> Assignment:
        """Names first; whoever has none gets one as with `SeededMix`."""
        unnamed = [row for row in rows if not row.model]
        dealt = SeededMix(self.shares).assign(unnamed, seed) if unnamed else None
        if dealt is not None and not self.shares:
            raise MappingError(unnamed[0].line, "no model stands here, and the config names none under llm.models")
        names = iter(dealt.models if dealt else ())
        models = tuple(self._known(row.model) if row.model else next(names) for row in rows)
        notes = () if dealt is None else (f"{len(unnamed)} requests name no model.", *dealt.notes)
        return Assignment(models, notes)

    def _known(self, name: str) -> str:
        return self.known.get(name) or self.known.get(f"{name}:latest") or name


def parse_mix(text: str, known: Mapping[str, str]) -> SeededMix:
    """Read `primary=0.5,code=0.3,fast=0.2`; `known` turns roles and names into host models. Shares need not sum to 1.

    Raises:
        InputError: another form, an unknown or repeated name, or no share above 0.
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.rpartition("="))
        if not equals or not name:
            raise InputError(f"found {part.strip()!r}; a mix is written like primary=0.5,code=0.3,fast=0.2")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
            raise InputError(f"the mix names {name!r}, which the config does not; {hint}")
        if known[name] in shares:
            raise InputError(f"the mix names {known[name]!r} twice; give each model one share")
        shares[known[name]] = _share(name, number)
    if not any(shares.values()):
        raise InputError("all shares of the mix are 0; give at least one model a share above 0")
    return SeededMix(tuple((name, share) for name, share in shares.items() if share))


def _share(name: str, number: str) -> float:
    try:
        share = float(number)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1e9:  # noqa: PLR2004 - also refuses NaN and infinity
        raise InputError(f"the share of {name!r} is {number!r}; write a number, at least 0, as in {name}=0.5")
    return share


def _trace_names(rows: Sequence[TraceRow]) -> list[str]:
    """The trace's own names; an error if the format has none."""
    names = [row.model for row in rows if row.model is not None]
    if len(names) != len(rows):
        line = next(row.line for row in rows if row.model is None)
        what = "this trace names no models" if not names else "this request names no model"
        advice = "say which share each host model gets, as with --mix primary=0.5,code=0.3,fast=0.2"
        raise MappingError(line, f"{what}; {advice}")
    return names


def _changes(names: Sequence[str], models: Sequence[str]) -> str:
    before, after = (_change_share(each) for each in (names, models))
    return f"Consecutive requests change model {before:.1%} of the time in the trace, {after:.1%} after the mapping."


def _change_share(models: Sequence[str]) -> float:
    changes = sum(one != other for one, other in pairwise(models))
    return changes / max(1, len(models) - 1)
