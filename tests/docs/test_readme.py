"""What the README promises is there: its files, its commands, every command of the toolkit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toolkit.cli.main import COMMANDS

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = ("scenarios", "reports", "toolkit/host")
PAGES = [
    PROJECT / "README.md",
    PROJECT / "CHANGELOG.md",
    *sorted(PROJECT.glob("docs/*.md")),
    *(PROJECT / folder / "README.md" for folder in FOLDERS),
]
README = (PROJECT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_stands_in_the_readme(command: str) -> None:
    assert f"hotswap {command}" in README


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z]+)\b", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_file_that_a_command_of_the_readme_names_exists() -> None:
    for path in re.findall(r"\b((?:scenarios|config|tests)/[\w./-]+\.\w+)", README):
        assert (PROJECT / path).exists(), path
