"""The tag of a call's first run: there from the beginning, so that a run that is killed has it, too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.store.examples import LIVE, RUN
from toolkit.experiment.shelf import Shelf
from toolkit.store import open_store

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_has_its_tag_while_it_is_played(tmp_path: Path) -> None:
    with open_store(tmp_path / "runs.db") as store:
        shelf = Shelf(store, "nightly")
        with shelf.recording(tmp_path / "out", "ram", 0, LIVE):
            assert store.find("nightly").id == shelf.ids[0]
            assert store.find("nightly").state == "recording"


def test_only_the_first_run_of_a_call_has_it(tmp_path: Path) -> None:
    with open_store(tmp_path / "runs.db") as store:
        shelf = Shelf(store, "nightly")
        shelf.add([RUN, replace(RUN, repetition=3)])
        assert [row.tags for row in store.repeats("nightly")] == [("nightly",), ()]
