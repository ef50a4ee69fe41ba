"""What `hotswap gate` does: from options to sides, from a judgement to what is printed and written."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from toolkit.cli.whole_file import write_whole
from toolkit.config.durations import DurationError, parse_duration_ns
from toolkit.errors import UsageError
from toolkit.gate.alike import check_history
from toolkit.gate.choice import Choice
from toolkit.gate.history import history_json, history_of, history_text, in_time
from toolkit.gate.judge import EXIT_CODES, judge
from toolkit.gate.renderings import as_json, benchstat, junit, markdown
from toolkit.gate.rerun import Collector
from toolkit.gate.sources import open_each, open_side
from toolkit.gate.table import text_of
from toolkit.gate.wording import needed
from toolkit.stats.decide import Rule
from toolkit.workload.plan import Slo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.gate.judge import Judgement
    from toolkit.gate.side import Side

TWO = 2


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of the command."""

    sides: tuple[str, ...]
    choice: Choice
    rule: Rule
    allowed: tuple[str, ...]
    given: Mapping[str, Any]

    @classmethod
    def of(cls, sides: tuple[str, ...], given: dict[str, Any]) -> Self:
        """Check what was asked. Raises UsageError for a wrong number of sides or a wrong value."""
        refs = sides if given["baseline"] is None else (given["baseline"], *sides)
        least, most = (1, None) if given["history"] else (1, 1) if given["plan"] else (TWO, TWO)
        if len(refs) < least or (most is not None and len(refs) > most):
            wanted = "at least one run" if most is None else "one side" if most == 1 else "BASE and NEW"
            raise UsageError(f"{wanted} must be given, not {len(refs)}; see hotswap gate --help")
        choice = Choice(given["metrics"], tuple(_slo(text) for text in given["slos"]))
        return cls(refs, choice, Rule(effect=given["effect"]), given["allow"], given)

    @property
    def history(self) -> bool:
        """Whether runs in a row were given."""
        return bool(self.given["history"])

    @property
    def plan(self) -> bool:
        """Whether only sample sizes are wanted."""
        return bool(self.given["plan"])

    def note(self, sentence: str) -> None:
        """Say something on stderr, unless told to be quiet."""
        if not self.given["quiet"]:
            click.echo(sentence, err=True)


def run_gate(asked: Asked) -> int:
    """Compare two sides; returns the exit code."""
    base, new = (open_side(ref, asked.choice, os.environ) for ref in asked.sides)
    if asked.given["rerun"]:
        base, new, judgement = _rerun(asked, base, new)
    else:
        judgement = _judged(asked, base, new, asked.rule)
    _show(asked, as_json(judgement), text_of(judgement))
    try:
        _write(asked, base, new, judgement)
    except OSError as error:  # not 1, which a CI takes for a regression
        raise UsageError(f"{error.filename}: cannot be written ({error.strerror}); name another file") from error
    return EXIT_CODES[judgement.verdict]


def run_plan(asked: Asked) -> int:
    """Compare a side with itself, which tells how well two sides of its size could be told apart."""
    side = open_side(asked.sides[0], asked.choice, os.environ)
    judgement = judge(side, side, asked.rule, allowed=asked.allowed, change=asked.given["change"])
    document = {name: metric["needed"] for name, metric in as_json(judgement)["metrics"].items()}
    lines = [needed(line) or f"{line.series.name}: {line.finding.why or 'never varies'}" for line in judgement.lines]
    _show(asked, {"base": side.label, "metrics": document}, "\n".join(lines))
    return 0


def run_history(asked: Asked) -> int:
    """Find changes in a row of runs."""
    sides = [side for ref in asked.sides for side in open_each(ref, asked.choice, os.environ)]
    for note in check_history(sides, asked.allowed):
        asked.note(note)
    history = history_of(in_time(sides), asked.rule)
    _show(asked, history_json(history), history_text(history))
    return 0


def _show(asked: Asked, document: object, text: str) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False) if asked.given["as_json"] else text)


def _judged(asked: Asked, base: Side, new: Side, rule: Rule) -> Judgement:
    return judge(base, new, rule, allowed=asked.allowed, change=asked.given["change"])


def _write(asked: Asked, base: Side, new: Side, judgement: Judgement) -> None:
    given = asked.given
    summary = given["summary"] or os.environ.get("GITHUB_STEP_SUMMARY")
    if given["junit"]:
        write_whole(given["junit"], junit(judgement), "--junit")
    if given["benchstat"]:
        write_whole(given["benchstat"], benchstat(base, new), "--benchstat")
    if summary:  # a job's steps share the file
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown(judgement))


def _rerun(asked: Asked, base: Side, new: Side) -> tuple[Side, Side, Judgement]:
    budget_ns = _duration_ns(asked.given["budget"], "--budget")
    with tempfile.TemporaryDirectory(prefix="hotswap-gate-") as folder:
        measure = partial(_measure, asked, Path(folder))
        collector = Collector(partial(_judged, asked), measure, time.monotonic_ns, budget_ns)
        collected = collector.until_decided(base, new, asked.rule)
    if collected.judgement.verdict == "inconclusive":
        asked.note(f"still inconclusive after {collected.looks - 1} more measurements within {asked.given['budget']}")
    return collected.base, collected.new, collected.judgement


def _measure(asked: Asked, folder: Path, number: int) -> tuple[Side | None, Side]:
    if "{side}" not in asked.given["rerun"]:
        return None, _measured_side(asked, folder, "new", number)
    base = _measured_side(asked, folder, "base", number)
    return base, _measured_side(asked, folder, "new", number)


def _measured_side(asked: Asked, folder: Path, side: str, number: int) -> Side:
    """Run the user's command; what it printed is for people, what it wrote to {out} is the measurement."""
    out = folder / f"{side}-{number}"
    command = asked.given["rerun"]
    for key, text in (("{out}", shlex.quote(str(out))), ("{side}", side), ("{n}", str(number))):
        command = command.replace(key, text)
    asked.note(f"measuring: {command}")
    done = subprocess.run(command, shell=True, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S602 - it is the user's own command line
    if not asked.given["quiet"]:
        click.echo(done.stdout, err=True, nl=False)
    if done.returncode:
        # Not 1, which a CI takes for a regression.
        raise UsageError(f"--rerun: {command} ended with {done.returncode}; its own words are above")
    if not out.exists():
        raise UsageError(f"--rerun: {command} wrote nothing to {{out}} ({out}); say where the result goes")
    return open_side(str(out), asked.choice, os.environ)


def _slo(text: str) -> Slo:
    metric, sign, limit = text.partition("=")
    if metric not in {"ttft", "e2e"} or not sign:
        raise UsageError(f"--slo {text}: write ttft=2s or e2e=30s")
    return Slo(metric, _duration_ns(limit, "--slo"), 1.0)


def _duration_ns(text: str, option: str) -> int:
    try:
        return parse_duration_ns(text)
    except DurationError as error:
        raise UsageError(f"{option} {text}: {error}") from error
