"""A file is there whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.replacing import replace_with, replacing

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_whole_takes_the_name(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)  # as long as a name may be
    target.write_bytes(b"old")
    replace_with(target, b"new")
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_what_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        _break_off(target)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_in_the_way_is_an_error_and_stays(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    (target / "within").mkdir(parents=True)
    with pytest.raises(OSError, match="folder"):
        replace_with(target, b"new")
    assert list(tmp_path.iterdir()) == [target]


def _break_off(target: Path) -> None:
    with replacing(target) as partial:
        partial.write_bytes(b"half")
        raise KeyboardInterrupt
