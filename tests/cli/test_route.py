"""`hotswap route`, as a user types it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from toolkit.cli.main import cli
from toolkit.errors import ConfigError, HotswapError, InputError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
llm:
  models: {primary: "big:32b", code: "coder:16b", fast: "small:7b"}
  routing:
    rules:
      - {pattern: "^summar", model: "other:3b"}
      - {pattern: "^.{0,10}$", model: "small:7b"}
"""


def hotswap(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner(env={"HOTSWAP_CONFIG": None}).invoke(cli, arguments, input=stdin)


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "host.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return str(file)


def test_json_has_exactly_four_keys(config: str) -> None:
    done = hotswap("route", "--config", config, "--json", "--", "hello")
    assert json.loads(done.stdout) == {
        "model": "small:7b",
        "role": "fast",
        "reason": "rule 2: ^.{0,10}$",
        "rule": 2,
    }
    assert done.stderr == ""
    assert done.exit_code == 0


def test_a_line_for_people(config: str) -> None:
    assert hotswap("route", "--config", config, "Where is the bug?").stdout == (
        "coder:16b (code): code heuristic: the word 'bug'\n"
    )
    assert hotswap("route", "--config", config, "summarise").stdout == "other:3b: rule 1: ^summar\n"


def test_options_may_stand_before_the_command_and_words_need_no_quotes(config: str) -> None:
    done = hotswap("--config", config, "--json", "route", "find", "the", "bug", "please")
    assert json.loads(done.stdout)["role"] == "code"
    assert json.loads(done.stdout)["rule"] is None


def test_a_text_that_begins_with_a_dash_stands_behind_two(config: str) -> None:
    assert hotswap("route", "--config", config, "--", "-x").stdout.startswith("small:7b")


@pytest.mark.parametrize("options", [(), ("--json",)])
@pytest.mark.parametrize(
    ("arguments", "stdin", "what"),
    [
        ((), "", "stdin"),
        (("-",), " \n\n", "stdin"),
        (("",), "a bug", "TEXT"),
        ((" ", "\t"), None, "TEXT"),
    ],
)
def test_no_prompt_is_no_question(
    config: str, options: tuple[str, ...], arguments: tuple[str, ...], stdin: str | None, what: str
) -> None:
    done = hotswap("route", "--config", config, *options, "--", *arguments, stdin=stdin)
    assert isinstance(done.exception, UsageError)
    assert str(done.exception).startswith(f"there is no prompt to route, {what} is empty: give a TEXT")
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [(), ("-",)])
@pytest.mark.parametrize("stdin", ["0123456789", "0123456789\n", "0123456789\r\n"])
def test_stdin_without_its_last_line_end(config: str, arguments: tuple[str, ...], stdin: str) -> None:
    assert "rule 2" in hotswap("route", "--config", config, *arguments, stdin=stdin).stdout


def test_only_one_line_end_is_dropped(config: str) -> None:
    assert "rule 2" not in hotswap("route", "--config", config, stdin="0123456\n\n").stdout


def test_bytes_that_are_no_text_are_routed_all_the_same(config: str) -> None:
    assert hotswap("route", "--config", config, stdin=b"\xff\xfe there is a bug").stdout.startswith("coder:16b")


def test_without_a_config_the_embedded_default_routes() -> None:
    assert json.loads(hotswap("route", "--json", "hi").stdout)["role"] == "fast"


def test_the_users_own_file_routes_as_written(project_dir: Path) -> None:
    file = str(project_dir / "config" / "ollama-vm.yaml")
    assert json.loads(hotswap("route", "--config", file, "--json", "debug this").stdout) == {
        "model": "deepseek-coder-v2:16b",
        "role": "code",
        "reason": "rule 1: (code|function|implement|debug|class|def |fn )",
        "rule": 1,
    }


def test_labelled_prompts_give_accuracy_and_confusion(config: str, tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    rows = [("hi", "fast"), ("why the bug in here?", "code"), ("summarise it", "fast"), ("tell me a joke", "primary")]
    file.write_text("".join(json.dumps({"text": t, "label": label}) + "\n" for t, label in rows), encoding="utf-8")
    done = hotswap("route", "--config", config, "--eval", str(file))
    assert done.stdout.splitlines() == [
        "2 of 4 prompts went where they belong: 50.0% (95 % interval 15.0% to 85.0%)",
        "",
        "belongs to  primary  code  fast  other:3b  (went to)",
        "primary           0     0     1         0",
        "code              0     1     0         0",
        "fast              0     0     1         1",
        "other:3b          0     0     0         0",
        "",
        f"{file}:3: belongs to fast, went to other:3b: rule 1: ^summar",
        f"{file}:4: belongs to primary, went to fast: shorter than 100 characters",
    ]
    data = json.loads(hotswap("route", "--config", config, "--eval", str(file), "--json").stdout)
    assert (data["prompts"], data["correct"], data["accuracy"]) == (4, 2, 0.5)
    assert data["labels"] == ["primary", "code", "fast", "other:3b"]
    assert data["confusion"] == [[0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]]
    assert data["mistakes"][0]["where"] == f"{file}:3"


def test_a_long_list_of_mistakes_is_cut(config: str, tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text('{"text": "hi", "label": "code"}\n' * 25, encoding="utf-8")
    lines = hotswap("route", "--config", config, "--eval", str(file)).stdout.splitlines()
    assert lines[-1] == "and 5 more; --json lists them all"
    assert sum(line.startswith(str(file)) for line in lines) == 20


def test_mistakes_of_the_user_are_usage_errors(config: str, tmp_path: Path) -> None:
    """The root command turns each into one line on stderr and exit code 2."""
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"text": "hi", "label": "fast"}\n{"text": "hi"}\n', encoding="utf-8")
    cases: list[tuple[tuple[str, ...], type[HotswapError], str]] = [
        (("--eval", "x", "text"), UsageError, "not both"),
        (("--eval", "nowhere.jsonl"), UsageError, "nowhere.jsonl: "),
        (("--eval", str(tmp_path)), UsageError, "readable JSON Lines"),
        (("--eval", "a\0b"), UsageError, "readable JSON Lines"),
        (("--eval", str(broken)), InputError, f"{broken}:2: no 'label'"),
        (("--config", "nowhere.yaml", "hi"), ConfigError, "nowhere.yaml"),
    ]
    for arguments, kind, said in cases:
        with_config = () if "--config" in arguments else ("--config", config)
        done = hotswap("route", *with_config, *arguments)
        assert type(done.exception) is kind, (arguments, done.exception)
        assert said in str(done.exception)
        assert kind.exit_code == 2
        assert done.stdout == ""
