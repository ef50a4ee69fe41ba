"""The workflow in docs/ci.md is YAML, and what it calls exists: commands, their options, files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from toolkit.cli.main import cli

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "ci.md").read_text(encoding="utf-8")
CALLS = re.findall(r"hotswap (\w+) ([^\n]*)", PAGE)


def workflow() -> dict[str, Any]:
    block = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    document = yaml.safe_load(block[1])
    assert isinstance(document, dict)
    return document


def test_every_step_does_something_and_the_gate_is_one_of_them() -> None:
    steps = workflow()["jobs"]["gate"]["steps"]
    assert all(("run" in step) != ("uses" in step) for step in steps)
    assert sum("hotswap gate" in step.get("run", "") for step in steps) == 1


@pytest.mark.parametrize(("name", "rest"), CALLS)
def test_every_option_that_the_page_gives_exists(name: str, rest: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    known = {spelling for parameter in command.params for spelling in parameter.opts}
    assert set(re.findall(r"(?<=\s)--[a-z-]+", f" {rest}")) <= known


def test_every_file_that_the_page_names_exists() -> None:
    for path in re.findall(r"\b(?:scenarios|tests|docs)/[\w./-]+", PAGE):
        assert (PROJECT / path).exists(), path
    assert (PROJECT / ".ci" / "benchmarks").exists()
