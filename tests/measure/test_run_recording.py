"""A run of `hotswap replay` is material for calibration and validation, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from toolkit.cli.replay import replay
from toolkit.config.loading import load_config
from toolkit.errors import UsageError
from toolkit.measure.command import calibrated
from toolkit.measure.outcomes import LOADED, outcomes_of
from toolkit.measure.traffic import read_traffic
from toolkit.measure.validate import validate
from toolkit.replay.runfile import read_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def run_directory(project_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An afternoon on the default twin, whose speeds are known."""
    directory = tmp_path_factory.mktemp("run")
    scenario = str(project_dir / "scenarios" / "coding-afternoon.yaml")
    arguments = [scenario, "--strategy", "ram", "--out", str(directory), "--no-store", "--quiet"]
    done = CliRunner().invoke(replay, arguments)
    assert done.exit_code == 0, done.output
    return directory


def test_who_was_cold_is_seen_by_the_waits_alone(run_directory: Path) -> None:
    recording = read_traffic(run_directory)
    cold = sum(outcome.found in LOADED for outcome in outcomes_of(recording).values())
    assert cold == sum(record.temperature in LOADED for record in read_run(run_directory).records)


def test_the_twin_s_own_speeds_come_out_again(run_directory: Path, project_dir: Path, tmp_path: Path) -> None:
    """What conversations had in the prefix cache is kept out of the fit: it would look like a faster machine."""
    base = load_config(project_dir / "config" / "twin.yaml", {})
    made = tmp_path / "made.yaml"
    made.write_text(calibrated(run_directory, "all", 0, base).config, encoding="utf-8")
    twin = load_config(made, {}).config.twin
    for name in ("deepseek-coder-v2:16b", "qwen2.5:7b"):
        fitted, true = twin.model(name), base.config.twin.model(name)
        assert fitted is not None
        assert true is not None
        assert fitted.decode_tok_per_s == pytest.approx(true.decode_tok_per_s, rel=0.06)
        assert fitted.prefill_tok_per_s == pytest.approx(true.prefill_tok_per_s, rel=0.15)
    scores = validate(read_traffic(run_directory), twin, "model").scores
    assert scores.cold_agreement > 0.97
    assert scores.e2e.median_ape is not None
    assert scores.e2e.median_ape < 0.08


def test_without_a_config_nothing_says_how_large_the_models_are(run_directory: Path) -> None:
    with pytest.raises(UsageError, match="how large"):
        calibrated(run_directory, "all", 0, None)
