"""The recording of the fixtures, and what it is calibrated to; each is made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.config.models import Config
from toolkit.config.positions import read_yaml_model
from toolkit.errors import ConfigError
from toolkit.measure.command import Calibrated, calibrated
from toolkit.measure.recording import Recording, read_recording

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.config.twin import TwinSection


@pytest.fixture(scope="session")
def timing(project_dir: Path) -> Path:
    """The directory."""
    return project_dir / "tests" / "fixtures" / "timing"


@pytest.fixture(scope="session")
def recording(timing: Path) -> Recording:
    """Its traffic."""
    return read_recording(timing)


@pytest.fixture(scope="session")
def calibration(timing: Path) -> Calibrated:
    """The whole of it."""
    return calibrated(timing, "all", 0, None)


@pytest.fixture(scope="session")
def whole(calibration: Calibrated) -> TwinSection:
    """The twin that is calibrated on all of it."""
    return section_of(calibration.config)


def section_of(text: str) -> TwinSection:
    """The twin of a config's text."""
    return read_yaml_model(text.encode(), "calibrated", Config, error=ConfigError).value.twin
