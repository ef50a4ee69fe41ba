"""Files for the context: what is in the folder and a text, and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toolkit.gateway.context.folder import MOST_BYTES, WORKSPACE_FILES, Folder

if TYPE_CHECKING:
    from pathlib import Path


def told(folder: Path, names: tuple[str, ...] | None = WORKSPACE_FILES) -> dict[str, str]:
    """Each file's text, or the reason of its refusal after an exclamation mark."""
    parts = Folder(folder, 100, names).parts()
    return {part.name: part.text if part.refused is None else f"!{part.refused}" for part in parts}


def test_the_three_files_in_their_order_and_only_those(tmp_path: Path) -> None:
    for name in ("TOOLS.md", "AGENTS.md", "OTHER.md"):
        (tmp_path / name).write_text(f"text of {name}\r\n")
    assert list(told(tmp_path).items()) == [("AGENTS.md", "text of AGENTS.md\n"), ("TOOLS.md", "text of TOOLS.md\n")]


def test_memory_is_every_markdown_file_but_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.md", "a.md", ".secret.md", "c.txt"):
        (tmp_path / name).write_text(name)
    assert list(told(tmp_path, None)) == ["a.md", "b.md"]


def test_a_file_is_read_again_when_it_changes_and_only_then(tmp_path: Path) -> None:
    file, folder = tmp_path / "SOUL.md", Folder(tmp_path, 100, WORKSPACE_FILES)
    file.write_text("one")
    (first,) = folder.parts()
    assert folder.parts() == (first,)
    assert folder.parts()[0] is first
    file.write_text("two")
    os.utime(file, ns=(1, 1))
    assert folder.parts()[0].text == "two"
    file.unlink()
    assert folder.parts() == ()


def test_a_link_to_a_neighbour_is_followed_and_no_other(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out.md"
    inside.mkdir()
    outside.write_text("secret")
    (inside / "real.md").write_text("rules")
    (inside / "AGENTS.md").symlink_to("real.md")
    (inside / "SOUL.md").symlink_to("../out.md")
    (inside / "TOOLS.md").symlink_to(outside)
    seen = told(inside)
    assert seen["AGENTS.md"] == "rules"
    assert seen["SOUL.md"] == seen["TOOLS.md"] == "!a symbolic link that leads out of its folder"
    (inside / "real.md").unlink()
    (inside / "real.md").symlink_to("../out.md")
    assert told(inside)["AGENTS.md"] == "!a symbolic link to a symbolic link"
    assert "secret" not in str(told(inside, ("../out.md", "..", "/etc/hostname", "")))


def test_what_is_no_text_is_refused_and_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "AGENTS.md")
    (tmp_path / "SOUL.md").mkdir()
    (tmp_path / "TOOLS.md").write_bytes(b"caf\xe9")
    assert told(tmp_path) == {
        "AGENTS.md": "!no file, but a folder, a device or a pipe",
        "SOUL.md": "!no file, but a folder, a device or a pipe",
        "TOOLS.md": "!byte 3 is not UTF-8",
    }
    (tmp_path / "huge.md").write_bytes(b"x" * (MOST_BYTES + 1))
    (tmp_path / "zero.md").write_bytes(b"a\0b")
    (tmp_path / "mark.md").write_bytes(b"\xef\xbb\xbfok")
    assert told(tmp_path, ("huge.md", "zero.md", "mark.md")) == {
        "huge.md": "!262,145 bytes; at most 262,144 are read",
        "zero.md": "!it has zero bytes; no text",
        "mark.md": "ok",
    }


def test_a_folder_that_is_not_there_is_a_reason_and_no_failure(tmp_path: Path) -> None:
    (part,) = Folder(tmp_path / "none", 100).parts()
    assert part.refused is not None
    assert "No such file" in part.refused
