"""A result that cannot be written says so, and costs nobody the one before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolkit.cli.whole_file import UnwrittenError, write_whole, writing_whole


def test_a_text_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 120)  # 240 bytes: no room for much of an addition to the name
    for text in ("one\n", "zwei\n"):
        write_whole(path, text)
        assert (path.read_text(encoding="utf-8"), list(tmp_path.iterdir())) == (text, [path])


def test_what_was_there_stays_if_writing_ends_early(tmp_path: Path) -> None:
    path = tmp_path / "twin.yaml"
    path.write_text("good", encoding="utf-8")

    def broken_off() -> None:
        with writing_whole(path) as file:
            file.write("half of it")
            raise OSError(28, "No space left on device")

    with pytest.raises(
        UnwrittenError, match=r"twin\.yaml: cannot be written \(No space left on device\); give another --out"
    ):
        broken_off()
    assert (path.read_text(encoding="utf-8"), list(tmp_path.iterdir())) == ("good", [path])


def test_a_link_is_followed_and_a_device_is_written_to(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    link.symlink_to(real)
    write_whole(link, "text")
    assert (real.read_text(encoding="utf-8"), link.is_symlink()) == ("text", True)
    write_whole(Path(os.devnull), "text")
    with pytest.raises(UnwrittenError, match=r"/dev/full: cannot be written \(No space left on device\)"):
        write_whole(Path("/dev/full"), "text")


@pytest.mark.parametrize("where", [".", "not/there.yaml"])
def test_no_file_can_be_there(tmp_path: Path, where: str) -> None:
    with pytest.raises(UnwrittenError, match="cannot be written"):
        write_whole(tmp_path / where, "text")
