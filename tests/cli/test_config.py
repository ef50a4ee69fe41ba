from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner, Result

from toolkit.cli.config import config
from toolkit.cli.main import COMMANDS
from toolkit.cli.main import cli as root
from toolkit.errors import HotswapError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.cli.lazy import LazyCommand


def run(*arguments: str, **environment: str) -> Result:
    """The command as the root runs it, which makes exit codes of the toolkit's errors."""
    result = CliRunner().invoke(config, arguments, env={"HOTSWAP_CONFIG": None, **environment})
    assert result.exception is None or isinstance(result.exception, HotswapError | SystemExit), result.exception
    return result


def failure(*arguments: str, **environment: str) -> HotswapError:
    error = run(*arguments, **environment).exception
    assert isinstance(error, HotswapError)
    return error


@pytest.fixture
def users_file(project_dir: Path) -> str:
    return str(project_dir / "config" / "ollama-vm.yaml")


@pytest.fixture
def broken(tmp_path: Path) -> str:
    path = tmp_path / "broken.yaml"
    path.write_text("llm:\n  cach: {}\n  base_url: x\n")
    return str(path)


def test_check_says_ok_and_which_address_is_used(users_file: str) -> None:
    result = run("check", users_file)
    assert result.exit_code == 0
    note, ok = result.stdout.splitlines()
    assert note.startswith(f"{users_file}:15: llm.base_url: /v1 at the end is understood")
    assert ok == f"{users_file}: ok (3 models, 2 routing rules, cache ram, at most 3 loaded)"
    assert result.stderr == ""


def test_check_quietly_says_nothing(users_file: str) -> None:
    assert run("check", "--quiet", users_file).output == ""


def test_check_gives_one_message_a_mistake(broken: str) -> None:
    error = failure("check", broken)
    assert error.exit_code == 2
    assert [line.split(" ")[0] for line in str(error).splitlines()] == [f"{broken}:2:", f"{broken}:3:"]


def test_check_shows_warnings(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("llm: {models: {primary: 'qwen2.5:32b', code: 'qwen2.5:7b'}}")
    first = run("check", str(path)).stdout.splitlines()[0]
    assert first == (
        f"{path}:1: llm.models: no model has the role 'fast'; what would go there goes to 'primary' (warning)"
    )


def test_check_as_json(users_file: str, broken: str) -> None:
    good = json.loads(run("check", "--json", users_file).stdout)
    assert (good["ok"], good["problems"], len(good["notes"])) == (True, [], 1)
    result = run("check", "--json", broken)
    bad = json.loads(result.stdout)
    assert (bad["ok"], len(bad["problems"])) == (False, 2)
    assert isinstance(result.exception, HotswapError)


def test_check_finds_its_file_by_option_and_environment(users_file: str, broken: str) -> None:
    assert run("check", "--config", users_file).exit_code == 0
    assert run("check", HOTSWAP_CONFIG=users_file).exit_code == 0
    assert run("check", users_file, HOTSWAP_CONFIG=broken).exit_code == 0
    assert "no file is named" in str(failure("check"))


def test_check_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "no.yaml")
    assert str(failure("check", missing)) == f"{missing}:1: there is no such file; check the path"
    assert str(failure("check", str(tmp_path))).startswith(f"{tmp_path}:1: this is a directory")


def test_show_without_a_file_is_the_embedded_default() -> None:
    result = run("show")
    assert result.exit_code == 0
    assert result.stdout.startswith("# the embedded default\nllm:\n")
    values = [line for line in result.stdout.splitlines()[1:] if "  # " in line]
    assert len(values) > 50
    assert all(line.endswith("# default") for line in values)


def test_show_says_where_values_come_from_and_masks_secrets(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("host:\n  bearer_env: MY_TOKEN\n")
    environment = {"MY_TOKEN": "hunter2"}
    for result in (run("show", str(path), **environment), run("show", HOTSWAP_CONFIG=str(path), **environment)):
        assert f"# {path}:2" in result.stdout
        assert "($MY_TOKEN, set)" in result.stdout
        assert "hunter2" not in result.output
    data = json.loads(run("show", "--json", "--config", str(path), **environment).stdout)
    assert data["secrets"] == {"Authorization": {"variable": "MY_TOKEN", "state": "set", "value": "***"}}
    assert data["origins"]["host.headers.Authorization"] == "$MY_TOKEN"


def test_show_of_a_broken_file_is_the_same_error_as_check(broken: str) -> None:
    assert str(failure("show", broken)) == str(failure("check", broken))


def through_root(*arguments: str) -> Result:
    """The whole command line, with the global options on either side."""
    return CliRunner().invoke(root, arguments, env={"HOTSWAP_CONFIG": None})


def test_set_stands_on_either_side_and_the_later_one_decides() -> None:
    shown = through_root("--set", "llm.cache.type=ssd", "config", "show", "--set", "twin.jitter=0", "--json")
    data = json.loads(shown.stdout)
    assert (data["config"]["llm"]["cache"]["type"], data["config"]["twin"]["jitter"]) == ("ssd", 0)
    assert data["origins"]["llm.cache.type"] == data["origins"]["twin.jitter"] == "--set"
    both = through_root("--set", "llm.cache.type=ssd", "config", "show", "--set", "llm.cache.type=none")
    assert "type: none" in both.stdout


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_command_takes_set(entry: LazyCommand) -> None:
    """Before and behind it; only commands that take a config say so in their help."""
    command = entry.load()
    leaves = command.commands.values() if isinstance(command, click.Group) else [command]
    for leaf in leaves:
        (option,) = [each for each in leaf.params if isinstance(each, click.Option) and "--set" in each.opts]
        takes_config = any("--config" in each.opts and not getattr(each, "hidden", False) for each in leaf.params)
        assert option.hidden is not takes_config
        assert option.multiple


def test_a_wrong_set_is_a_usage_error_in_one_sentence() -> None:
    error = through_root("--set", "llm.cache", "config", "show").exception
    assert isinstance(error, UsageError)
    assert str(error) == "--set 'llm.cache': write KEY.PATH=VALUE, for example --set llm.cache.type=ssd"
