"""`hotswap calibrate` and `hotswap validate` as they are typed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from toolkit.cli.calibrate import PARTS as CALIBRATED_PARTS
from toolkit.cli.calibrate import calibrate
from toolkit.cli.validate import PARTS as VALIDATED_PARTS
from toolkit.cli.validate import validate
from toolkit.errors import HotswapError
from toolkit.measure.parts import PARTS

if TYPE_CHECKING:
    from pathlib import Path


def test_both_commands_and_json(project_dir: Path, tmp_path: Path) -> None:
    timing, out = project_dir / "tests" / "fixtures" / "timing", tmp_path / "twin.yaml"
    made = CliRunner().invoke(calibrate, ["--recording", str(timing), "--out", str(out), "--json"])
    assert made.exit_code == 0, made.output
    summary = json.loads(made.stdout)
    assert summary["host"]["cores"]["value"] == 2
    assert summary["models"]["b1500"]["borrowed"]
    arguments = ["--config", str(out), "--recording", str(timing), "--service", "measured"]
    told = CliRunner().invoke(validate, [*arguments, "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["requests"] == 247
    shown = CliRunner().invoke(validate, arguments)
    assert "same requests cold" in shown.stdout


@pytest.mark.parametrize("command", [calibrate, validate], ids=["calibrate", "validate"])
def test_a_directory_that_is_none_is_named(tmp_path: Path, command: object) -> None:
    arguments = ["--recording", str(tmp_path / "nowhere"), "--quiet"]
    if command is calibrate:
        failure = CliRunner().invoke(calibrate, [*arguments, "--out", str(tmp_path / "x.yaml")]).exception
    else:
        failure = CliRunner().invoke(validate, arguments).exception
    assert isinstance(failure, HotswapError)
    assert failure.exit_code == 2
    assert "nowhere" in str(failure)


def test_the_options_name_the_parts_that_there_are() -> None:
    """They are written out, so that `--help` need not load numpy."""
    assert CALIBRATED_PARTS == VALIDATED_PARTS == PARTS
