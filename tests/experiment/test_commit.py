"""The commit of a checkout, read from its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.experiment.commit import toolkit_commit

if TYPE_CHECKING:
    from pathlib import Path

HASH = "0123456789abcdef0123456789abcdef01234567"


def test_a_branch_a_packed_branch_and_a_bare_commit(tmp_path: Path) -> None:
    git = tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert toolkit_commit(tmp_path) is None
    (git / "packed-refs").write_text(f"# pack-refs\n{HASH} refs/heads/main\n")
    assert toolkit_commit(tmp_path) == HASH
    (git / "refs/heads/main").write_text(HASH[::-1] + "\n")
    assert toolkit_commit(tmp_path) == HASH[::-1]
    (git / "HEAD").write_text(HASH + "\n")
    assert toolkit_commit(tmp_path) == HASH


def test_a_worktree(tmp_path: Path) -> None:
    git = tmp_path / "main/.git"
    own = git / "worktrees/other"
    own.mkdir(parents=True)
    (git / "refs/heads").mkdir(parents=True)
    (git / "refs/heads/other").write_text(HASH)
    (own / "HEAD").write_text("ref: refs/heads/other\n")
    (own / "commondir").write_text("../..\n")
    tree = tmp_path / "other"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    assert toolkit_commit(tree) == HASH


def test_no_checkout_and_nonsense(tmp_path: Path) -> None:
    assert toolkit_commit(tmp_path) is None
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text("what?\n")
    assert toolkit_commit(tmp_path) is None
