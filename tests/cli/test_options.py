"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from toolkit.cli.main import cli
from toolkit.cli.options import SpanParam

HOUR_NS = 3600 * 10**9
NOBODY = "http://127.0.0.1:1"
SCENARIO = str(Path(__file__).parents[2] / "scenarios" / "swap-storm.yaml")


@pytest.mark.parametrize(("text", "hours"), [("7d", 168), ("1d", 24), ("90m", 1.5), ("1h30m", 1.5), ("36h", 36)])
def test_a_time_back_is_a_duration_or_days(text: str, hours: float) -> None:
    assert SpanParam().convert(text, None, None) == hours * HOUR_NS


@pytest.mark.parametrize(
    ("text", "words"), [("0s", "leaves nothing"), ("-1h", "leaves nothing"), ("7", "as in 7d"), ("1.5d", "as in 7d")]
)
def test_other_times_are_refused_with_what_to_write(text: str, words: str) -> None:
    with pytest.raises(click.BadParameter, match=words):
        SpanParam().convert(text, None, None)


def said(file: Path, *command: str) -> str:
    """What a command says of its config on stderr; that it then fails for want of a host or a model is no matter."""
    return CliRunner().invoke(cli, [*command, "--config", str(file)]).stderr


@pytest.fixture
def of_other_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config with a model that its twin lacks and a variable that no server knows, alone in the working directory."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "host.yaml"
    lines = (
        f"llm: {{base_url: '{NOBODY}', models: {{primary: 'zephyr:7b'}}}}",
        "host: {settings: {OLLAMA_NUM_PARALEL: 2}}",
    )
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "command",
    [
        ("doctor", "--watch-for", "0s"),
        ("provision", "plan"),
        ("swap",),
        ("vram",),
        ("chat", "hello"),
        ("replay", SCENARIO, "--host", "config", "--no-store"),
    ],
)
def test_what_the_twin_lacks_is_not_said_where_a_host_is_asked(of_other_models: Path, command: tuple[str, ...]) -> None:
    words = said(of_other_models, *command)
    assert "the server does not know this variable" in words
    assert "the twin does not have" not in words


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("sessions", "list"), ("--host", NOBODY)),
        (("config", "check"), ("--host", NOBODY)),
        (("runs", "tag"), ("--json",)),
        (("gate",), ("--seed", "1")),
        (("doctor",), ("--seed", "1")),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(command: tuple[str, ...], option: tuple[str, ...]) -> None:
    """It would seem to have been obeyed. Before the command it is for all, as in an alias."""
    refused = CliRunner().invoke(cli, [*command, *option])
    assert refused.exit_code == 2
    assert f"No such option '{option[0]}'" in refused.stderr
    assert CliRunner().invoke(cli, [*option, *command, "--help"]).exit_code == 0


def test_no_option_is_suggested_that_would_do_nothing() -> None:
    assert "--host" not in CliRunner().invoke(cli, ["sessions", "list", "--hots", "x"]).stderr
    assert "--host" in CliRunner().invoke(cli, ["context", "show", "latest", "--hots", "x"]).stderr


def test_what_every_command_obeys_may_stand_behind_each() -> None:
    for flag in ("--quiet", "--no-color"):
        assert CliRunner().invoke(cli, ["runs", "list", flag, "--help"]).exit_code == 0


@pytest.mark.parametrize("command", [("replay", SCENARIO, "--no-store"), ("lab", "no.yaml")])
def test_what_the_twin_lacks_is_said_where_it_plays(of_other_models: Path, command: tuple[str, ...]) -> None:
    assert "llm.models.primary: the twin does not have 'zephyr:7b'; add it to" in said(of_other_models, *command)
