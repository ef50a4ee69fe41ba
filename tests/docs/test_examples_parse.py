"""Every command that a page, a scenario or a --help shows is one that the program takes: names, options, values."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from toolkit.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [
    path
    for pattern in ("README.md", "docs/*.md", "*/README.md", "toolkit/host/README.md", "config/*.yaml")
    for path in sorted(PROJECT.glob(pattern))
]
EXAMPLE = re.compile(r"^(?:.*\| )?(?:\.venv/bin/)?hotswap (.*)$")
NOTE = re.compile(r"\s{2,}.*$|\s+#.*$")
VARIABLE = re.compile(r"\$\w+")
PLACEHOLDER = re.compile(r"…|\.\.\.")


def examples(text: str) -> Iterator[str]:
    """The arguments of each example: an indented or fenced line, without what stands beside it; variables are 1."""
    fenced = False
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        fenced ^= line.startswith("```")
        if not fenced and not line.startswith((" ", "#")):
            continue
        found = EXAMPLE.match(line.strip().removeprefix("#").strip().removeprefix("$ "))
        if found is not None:
            said = VARIABLE.sub("1", NOTE.sub("", found[1]))
            if not PLACEHOLDER.search(said):
                yield said


def split(said: str) -> list[str]:
    """As a shell takes it: up to the first pipe, redirection or `&`."""
    lexer = shlex.shlex(said, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words = []
    for word in lexer:
        if set(word) <= set("|&;<>"):
            break
        words.append(word)
    return words


def refused(said: str) -> str | None:
    """Why the program would not take it; None if it would. Nothing is run."""
    command: click.Command = cli
    context = click.Context(cli, info_name="hotswap")
    words = split(said)
    while isinstance(command, click.Group):
        if not words:
            return f"{command.name} needs a command"
        inner = command.get_command(context, words[0])
        if inner is None:
            return f"no command {words[0]!r}"
        command, words = inner, words[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    try:
        command.make_context(command.name, words, parent=context.parent)
    except click.exceptions.Exit:  # --help
        return None
    except click.UsageError as problem:
        return problem.format_message()
    return None


def commands(group: click.Group, context: click.Context) -> Iterator[click.Command]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield command
        if isinstance(command, click.Group):
            yield from commands(command, context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_example_of_a_page_is_taken(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    problems = {said: refused(said) for said in examples(page.read_text(encoding="utf-8"))}
    assert {said: problem for said, problem in problems.items() if problem} == {}


@pytest.mark.parametrize("command", [*commands(cli, click.Context(cli))], ids=lambda command: str(command.name))
def test_every_example_of_a_help_is_taken(command: click.Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    problems = {said: refused(said) for said in examples(command.help or "")}
    assert {said: problem for said, problem in problems.items() if problem} == {}


def test_a_wrong_option_a_wrong_command_and_a_wrong_value_are_found() -> None:
    assert refused("gate a b --nope") is not None
    assert refused("no-such-command") is not None
    assert refused("swap --repeat 0") is not None
    assert list(examples("    .venv/bin/hotswap gate a b   # beside it")) == ["gate a b"]
    assert split("compare x.yaml --set 'a[0].b=1' | head") == ["compare", "x.yaml", "--set", "a[0].b=1"]
