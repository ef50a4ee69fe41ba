"""Results as a checklist for people, problems first, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from toolkit.ops.doctor.advisories import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.ops.doctor.advisories import Advisory
    from toolkit.ops.doctor.check import Check, Result, Status

MARKS: Final[dict[Status, tuple[str, str]]] = {
    "fail": ("FAIL", "bold red"),
    "warn": ("warn", "yellow"),
    "skipped": ("skip", "dim"),
    "ok": ("ok", "green"),
}
"""Worst first: the order in which results are shown."""
_INDENT: Final = 6
_MANY: Final = 3
"""So many that could not be told for one reason stand each by itself; more of them stand together."""


def exit_code(results: Iterable[Result]) -> int:
    """1 if a check failed, else 0: warnings alone are no failure."""
    return int(any(result.status == "fail" for result in results))


def as_json(results: Iterable[Result]) -> dict[str, Any]:
    """The results, in the order of the checks."""
    return {
        "checks": [
            {
                "id": result.check.id,
                "status": result.status,
                "evidence": result.finding.evidence,
                "why": result.check.why,
                "fix": result.finding.fix,
            }
            for result in results
        ]
    }


def as_text(results: Sequence[Result], *, width: int, color: bool) -> str:
    """The checklist."""
    console = Console(width=width, force_terminal=color, no_color=not color, highlight=False, soft_wrap=False)
    with console.capture() as capture:
        for status in MARKS:
            for alike in _alike([result for result in results if result.status == status]):
                console.print(_entry(alike[0]) if len(alike) <= _MANY else _together(alike))
        console.print(_sum(results))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _alike(results: Sequence[Result]) -> list[list[Result]]:
    """Results of one status, with those together that were skipped for the same reason and have no way to mend it."""
    groups: dict[object, list[Result]] = {}
    for result in results:
        finding = result.finding
        is_plain = result.status == "skipped" and finding.fix is None
        groups.setdefault(finding.evidence if is_plain else result.check.id, []).append(result)
    large = [alike for alike in groups.values() if len(alike) > _MANY]
    return [[result] for result in results if not any(result in alike for alike in large)] + large


def _together(results: Sequence[Result]) -> Group:
    mark, style = MARKS[results[0].status]
    head = Text.assemble((f"{mark:<{_INDENT}}", style), (f"{len(results)} checks", "bold"))
    return Group(head, _indented(results[0].finding.evidence))


def _entry(result: Result) -> Group:
    mark, style = MARKS[result.status]
    finding = result.finding
    lines: list[Text | Padding] = [Text.assemble((f"{mark:<{_INDENT}}", style), (result.check.title, "bold"))]
    lines.append(_indented(finding.evidence))
    if result.status in {"warn", "fail"}:
        lines.append(_indented(f"why: {result.check.why}", "dim"))
    if finding.fix is not None:
        lines.append(_indented(f"fix: {finding.fix}", "cyan"))
    if result.status in {"warn", "fail"}:
        lines.append(Text(""))
    return Group(*lines)


def _indented(text: str, style: str = "") -> Padding:
    return Padding(Text(text, style), (0, 0, 0, _INDENT))


def _sum(results: Sequence[Result]) -> Text:
    counts = {status: sum(result.status == status for result in results) for status in MARKS}
    words = {
        "fail": "failed",
        "warn": "warning" if counts["warn"] == 1 else "warnings",
        "skipped": "could not be told",
        "ok": "ok",
    }
    return Text("\n" + ", ".join(f"{counts[status]} {words[status]}" for status in MARKS if counts[status]))


def checks_table(checks: Iterable[Check]) -> str:
    """The checks as a Markdown table, for the documentation."""
    rows = [
        f"| `{check.id}` | {check.title} | {(check.__doc__ or '').splitlines()[0]} {check.why} |" for check in checks
    ]
    return "\n".join(["| id | title | what is right, and why it matters |", "|----|-------|------|", *rows])


def advisories_table(advisories: Iterable[Advisory]) -> str:
    """The vulnerabilities as a Markdown table, for the documentation."""
    rows = [f"| {one.cve} | {one.what} | {_affected(one)} | {one.sources} |" for one in advisories]
    return "\n".join(["| CVE | what | mended | sources |", "|----|----|----|----|", *rows])


def _affected(advisory: Advisory) -> str:
    if advisory.fixed is not None:
        return dotted(advisory.fixed)
    if advisory.affected_to is not None:
        return f"listed up to {dotted(advisory.affected_to)}"
    return advisory.note
