"""Of which commit this toolkit is, read from the files of a checkout: starting git costs more than a short run."""

from __future__ import annotations

from pathlib import Path

_HASH_DIGITS = 40


def toolkit_commit(root: Path | None = None) -> str | None:
    """The commit that the checkout at `root` (by default this one) stands on; None where there is no checkout."""
    dot_git = (root or Path(__file__).resolve().parents[2]) / ".git"
    try:
        git = _linked(dot_git) if dot_git.is_file() else dot_git
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return _if_hash(head)
        return _resolved(git, head.removeprefix("ref: "))
    except (OSError, UnicodeDecodeError):
        return None


def _linked(dot_git: Path) -> Path:
    """A worktree has a file in place of the folder; it names the folder."""
    target = Path(dot_git.read_text(encoding="utf-8").removeprefix("gitdir: ").strip())
    return target if target.is_absolute() else dot_git.parent / target


def _resolved(git: Path, ref: str) -> str | None:
    """The commit of a branch: a small file, or a line of `packed-refs`; a worktree keeps both elsewhere."""
    common = git / "commondir"
    home = git / common.read_text(encoding="utf-8").strip() if common.is_file() else git
    for place in (git, home):
        if (place / ref).is_file():
            return _if_hash((place / ref).read_text(encoding="utf-8").strip())
    for line in (home / "packed-refs").read_text(encoding="utf-8").splitlines():
        value, _, name = line.partition(" ")
        if name == ref:
            return _if_hash(value)
    return None


def _if_hash(text: str) -> str | None:
    return text if len(text) == _HASH_DIGITS and set(text) <= set("0123456789abcdef") else None
