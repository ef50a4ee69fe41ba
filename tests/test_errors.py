"""Why a file cannot be read, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.errors import unreadable

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "says"),
    [("gone", "there is no such file; check the path"), (".", "this is a directory, not a file"),
     ("gone/x", "there is no such file; check the path"), ("latin", "this is no text in UTF-8 (byte 3)"),
     ("latin/x", "Not a directory")],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_told_without_numbers_and_paths(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "latin").write_bytes(b"ab\xe4")
    told = ""
    try:
        (tmp_path / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told = unreadable(error)
    assert told == says
