"""The twin against the recording of the fixtures: what is reached is asserted, half against half."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.measure.figures import Validated, table, validated
from toolkit.config.models import Config
from toolkit.errors import InputError
from toolkit.measure.recording import Recording, read_recording
from toolkit.measure.validate import validate
from toolkit.measure.validation_text import validation_json, validation_text

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.config.twin import TwinSection


@pytest.fixture(scope="module")
def figures(timing: Path) -> Validated:
    return validated(timing)


def test_with_measured_services_the_structure_is_reproduced(recording: Recording, whole: TwinSection) -> None:
    """The same requests cold, the same victims, and by itself the two undone evictions, to a tenth of a second."""
    result = validate(recording, whole, "measured")
    assert result.scores.requests == 247
    assert set(result.scores.cold_differ) <= {172}
    assert result.loads_recorded == 167
    assert result.same_victims >= 162
    assert [(one.number, one.victim) for one in result.undone_recorded] == [(152, "b800"), (249, "b400")]
    assert [(one.number, one.victim) for one in result.undone_told] == [(152, "b800"), (249, "b400")]
    for recorded, told in zip(result.undone_recorded, result.undone_told, strict=True):
        assert abs(recorded.waited_ns - told.waited_ns) < 100_000_000


@pytest.mark.parametrize(
    ("trained", "cold", "reached"),
    [
        ("first-half", 2, (0.03, 0.07, 0.07)),
        ("second-half", 2, (0.15, 0.15, 0.15)),
        ("even", 2, (0.05, 0.08, 0.08)),
        ("odd", 2, (0.05, 0.09, 0.09)),
        ("all", 2, (0.04, 0.08, 0.08)),
    ],
)
def test_one_half_tells_the_other(
    figures: Validated, trained: str, cold: int, reached: tuple[float, float, float]
) -> None:
    """By the calibrated model: requests that differ in being cold, and median errors.

    The first half is the noisy one: other programs ran. Trained on the quiet half, its errors are within what its own
    noise allows, above the targets.
    """
    scores = figures.model[trained].scores
    assert len(scores.cold_differ) <= cold
    for measure, limit in zip(scores.measures, reached, strict=True):
        assert measure.median_ape is not None
        assert measure.median_ape <= limit
        assert measure.median_ape <= measure.limit


def test_the_host_s_neighbours_matter_and_are_read_off_the_load_averages(figures: Validated) -> None:
    told, alone = figures.model["all"], figures.alone
    assert [threads for _, threads in told.background] == [pytest.approx(2.1, abs=0.2), 0.0]
    assert alone.background == ()
    assert len(alone.scores.cold_differ) > len(told.scores.cold_differ)


def test_the_document_has_today_s_table(project_dir: Path, figures: Validated) -> None:
    """Renew it with: make validation."""
    document = (project_dir / "docs" / "validation.md").read_text(encoding="utf-8")
    assert f"<!-- calibrated -->\n{table(figures)}\n<!-- /calibrated -->" in document


def test_the_json_has_what_others_read(recording: Recording, whole: TwinSection) -> None:
    told = validation_json(validate(recording, whole, "measured", "second-half"))
    assert told["requests"] == 124
    assert 0.99 <= told["cold_agreement"] <= 1
    for name in ("swap_latency", "ttft", "e2e"):
        assert {"median_ape", "p95_ape", "noise_floor"} <= set(told[name])
        assert 0 <= told[name]["median_ape"] < told[name]["noise_floor"] < 1
    assert told["service"] == "measured"
    assert told["cold_told_by"] == "log"


def test_the_text_says_how_each_figure_was_made(recording: Recording, whole: TwinSection) -> None:
    text = validation_text(validate(recording, whole, "measured"), "REC", "CFG")
    assert "service measured" in text
    assert "noise floor" in text
    assert "152 (b800, 21.39 s)" in text
    assert max(map(len, text.splitlines())) <= 120


def test_without_a_log_cold_is_told_by_the_wait(timing: Path, tmp_path: Path, whole: TwinSection) -> None:
    for name in ("requests.jsonl", "trace.json"):
        (tmp_path / name).write_bytes((timing / name).read_bytes())
    result = validate(read_recording(tmp_path), whole, "measured")
    assert not result.has_log
    assert "no server.log" in validation_text(result, "REC", "CFG")
    assert result.scores.cold_agreement > 0.95


def test_a_model_that_the_twin_lacks_is_named(recording: Recording) -> None:
    with pytest.raises(InputError, match="the twin has no model 'b150'"):
        validate(recording, Config().twin, "model")
