"""The verdict for machines and for the pages of a CI: JSON, JUnit XML, Markdown, and text that benchstat reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from toolkit.gate.table import HEADINGS, cells
from toolkit.gate.wording import change, conclusion, needed, reasons
from toolkit.report.wording import plain

if TYPE_CHECKING:
    from toolkit.gate.judge import Judgement, Line
    from toolkit.gate.side import Side


def as_json(judgement: Judgement) -> dict[str, Any]:
    """Return the document of `--json`; values in the metric's own unit, changes as shares (0.05 = 5 %).

    For metrics of kind `share`, `change` and `ci` are differences in points (0.05 = 5 points). Absent is null.
    """
    return {
        "verdict": judgement.verdict,
        "metrics": {line.series.name: _metric(line) for line in judgement.lines},
        "base": judgement.base,
        "new": judgement.new,
        "effect": judgement.rule.effect,
        "alpha": judgement.rule.alpha,
        "level": judgement.rule.level,
        "circumstances": {key: [left, right] for key, left, right in judgement.shown},
        "notes": list(judgement.notes),
    }


def _metric(line: Line) -> dict[str, Any]:
    finding, size = line.finding, line.size
    estimate, bounds = _change(line)
    return {
        "verdict": finding.verdict,
        "base": finding.base,
        "new": finding.new,
        "change": estimate,
        "ci": bounds,
        "p": finding.p,
        "unit": line.series.unit,
        "kind": line.series.kind,
        "better": line.series.better,
        "samples": [finding.base_count, finding.new_count],
        "by_run": finding.by_run,
        "correlation_time": finding.correlation.time,
        "why": finding.why or None,
        "needed": {"change": size.change, "to_see": size.to_see, "to_clear": size.to_clear},
    }


def _change(line: Line) -> tuple[float | None, list[float] | None]:
    shift = line.finding.shift
    if shift is not None:
        return shift.change.estimate, [shift.change.low, shift.change.high]
    return (0.0, [0.0, 0.0]) if line.finding.verdict == "same" else (None, None)


def junit(judgement: Judgement) -> str:
    """Return a test suite with one case a metric: worse fails, inconclusive is skipped with its reason."""
    lines = judgement.lines
    count = {name: sum(line.finding.verdict == name for line in lines) for name in ("worse", "inconclusive")}
    suite = ET.Element(
        "testsuite", name="hotswap gate", tests=str(len(lines)), failures=str(count["worse"]), errors="0",
        skipped=str(count["inconclusive"]),
    )  # fmt: skip
    for line in lines:
        case = ET.SubElement(suite, "testcase", classname="hotswap.gate", name=plain(line.series.name))
        row = ", ".join(f"{name} {text}" for name, text in zip(HEADINGS[1:], cells(line)[1:], strict=True))
        if line.finding.verdict == "worse":
            ET.SubElement(case, "failure", message=f"worse: {change(line)}").text = row
        elif line.finding.verdict == "inconclusive":
            ET.SubElement(case, "skipped", message=plain(f"inconclusive: {line.finding.why}"))
        ET.SubElement(case, "system-out").text = f"{row}\n{plain(needed(line))}".strip()
    ET.indent(suite)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suite, encoding="unicode")}\n'


def markdown(judgement: Judgement) -> str:
    """Return a job summary for GitHub: verdict, table, notes."""
    head = f"## hotswap gate\n\n**{_escaped(conclusion(judgement))}**\n\n"
    named = f"`{_code(judgement.base)}` → `{_code(judgement.new)}`\n\n"
    rows = [HEADINGS, ("---", *["---:"] * (len(HEADINGS) - 2), "---")]
    rows += [tuple(map(_escaped, cells(line))) for line in judgement.lines]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    shown = [f"{key}: {left}" if left == right else f"{key}: {left} → {right}" for key, left, right in judgement.shown]
    notes = "".join(f"- {_escaped(sentence)}\n" for sentence in [*shown, *reasons(judgement)])
    return head + named + table + (f"\n{notes}" if notes else "")


def benchstat(base: Side, new: Side) -> str:
    """Return both sides in Go's benchmark format, one line a sample; `benchstat -col side FILE` compares them."""
    units = {_unit(series.unit): series.better for side in (base, new) for series in side.series if series.samples}
    lines = [f"Unit {unit} better={better}" for unit, better in units.items()]
    for name, side in (("base", base), ("new", new)):
        lines += ["", f"side: {name}", f"source: {plain(side.label)}"]
        lines += [f"{_key(key)}: {plain(text)}" for key, text in (*side.facts, *side.shown)]
        for series in side.series:
            called = series.name.removesuffix(f" {series.unit}").removeprefix("Benchmark")
            unit = _unit(series.unit)
            lines += [f"Benchmark{_go_name(called)} 1 {sample:.9g} {unit}" for sample in series.samples]
    return "".join(f"{line}\n" for line in lines)


def _key(key: str) -> str:
    return key.lower().replace(" ", "-")


def _unit(unit: str) -> str:
    return {"ns": "ns/op", "s": "sec/op"}.get(unit, unit.replace(" ", ""))


def _go_name(name: str) -> str:
    name = "".join(character if character.isprintable() and not character.isspace() else "_" for character in name)
    return name[:1].upper() + name[1:]


def _escaped(text: str) -> str:
    """Nothing in a foreign name may act as Markdown or HTML."""
    special = "\\`*_[]<>|&#"
    return "".join(f"\\{character}" if character in special else character for character in plain(text))


def _code(text: str) -> str:
    return plain(text).replace("`", "'")
