"""The root command: cheap, lazy, and the one place where errors become exit codes."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from toolkit.cli import main as root
from toolkit.cli.lazy import LazyCommand, LazyGroup
from toolkit.errors import HotswapError, Inconclusive, InputError

HEAVY = ("matplotlib", "numpy", "pydantic", "httpx", "yaml", "rich", "starlette", "uvicorn", "re2", "asyncio")


def hotswap(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    code = "from toolkit.cli.main import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, toolkit.cli.main as m\n"
        "m.cli.main(['--help'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "compare" in done.stdout


@pytest.mark.parametrize("entry", root.COMMANDS, ids=lambda entry: entry.name)
def test_the_table_says_what_the_command_says(entry: LazyCommand) -> None:
    """The one-line help stands twice, so that `--help` need not import the command; both must agree."""
    command = entry.load()
    assert command.get_short_help_str(limit=200) == entry.help
    assert command.name == entry.name


def test_an_unknown_command_names_the_nearest() -> None:
    done = hotswap("compar")
    assert done.returncode == 2
    assert "Did you mean 'compare'?" in done.stderr


def test_an_option_before_the_command_is_its_default() -> None:
    seen: dict[str, object] = {}

    @click.command()
    @click.option("--seed", type=int)
    @click.option("--json", "as_json", is_flag=True)
    def inner(seed: int | None, as_json: bool) -> None:
        seen.update(seed=seed, as_json=as_json)

    @click.group(cls=LazyGroup)
    @click.option("--seed", type=int)
    @click.option("--json", "as_json", is_flag=True)
    def outer(**_given: object) -> None:
        pass

    outer.add_command(inner, "inner")
    outer.main(["--seed", "7", "--json", "inner"], standalone_mode=False)
    assert seen == {"seed": 7, "as_json": True}
    outer.main(["--seed", "7", "inner", "--seed", "8"], standalone_mode=False)
    assert seen == {"seed": 8, "as_json": False}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HotswapError("it failed"), 1),
        (InputError("day.yaml:3: no"), 2),
        (Inconclusive("too few"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_become_exit_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command("fails")
    def fails() -> None:
        raise error

    monkeypatch.setitem(root.cli.commands, "fails", fails)
    monkeypatch.setattr(sys, "argv", ["hotswap", "fails"])
    with pytest.raises(SystemExit) as ended:
        root.main()
    assert ended.value.code == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.strip() == (str(error) or "interrupted")
