"""The examples of docs/mock.md and docs/faults.md run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toolkit.host.faults.plan import KINDS, kind_of, load_faults

DOCS = Path(__file__).resolve().parents[3] / "docs"


def blocks(file: str, language: str) -> list[str]:
    text = (DOCS / file).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize(
    "code", [block for file in ("mock.md", "faults.md") for block in blocks(file, "python") if "def test_" not in block]
)
def test_an_example_runs(code: str) -> None:
    exec(compile(code, "docs", "exec"), {})  # noqa: S102 - the documentation's own words


def test_the_first_example_is_five_lines_long() -> None:
    body = blocks("mock.md", "python")[0].partition("\n\n")[2]
    assert len(body.strip().splitlines()) == 5


def test_every_fault_has_an_example_that_can_be_read(tmp_path: Path) -> None:
    shown = set()
    for block in blocks("faults.md", "yaml"):
        file = tmp_path / "faults.yaml"
        file.write_text(block, encoding="utf-8")
        shown |= {kind_of(fault) for fault in load_faults(file).faults}
    assert shown == {name for name, _ in KINDS}
