"""Files of the workspace and of the memory, read safely, and again when they change.

What stands in these folders goes to models, so nothing else may: a name never leads out of its folder (no `..`, no
symbolic link but one to a neighbour), a device or a pipe is not waited for, a file that is huge or no text is refused.
A refusal is part of the context's report; it never fails an answer.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.gateway.context.parts import HeadPart

if TYPE_CHECKING:
    from pathlib import Path

WORKSPACE_FILES = ("AGENTS.md", "SOUL.md", "TOOLS.md")
MOST_BYTES = 1 << 18
MOST_FILES = 64
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
_Stamp = tuple[int, ...]


class RefusedError(Exception):
    """A file that may not be used; the message says why."""


@dataclass(frozen=True, slots=True)
class _Read:
    stamp: _Stamp
    part: HeadPart


class Folder:
    """One folder; `names` are the files that are read, None for every *.md file in alphabetical order.

    Each file has the whole budget; what they take together is limited where they are composed.
    """

    def __init__(self, path: Path, budget_tokens: int, names: tuple[str, ...] | None = None) -> None:
        self.path = path
        self._budget_tokens = budget_tokens
        self._names = names
        self._known: dict[str, _Read] = {}

    def parts(self) -> tuple[HeadPart, ...]:
        """The files as they are now; those that have not changed are not read again."""
        try:
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            return (self._refused(self.path.name, f"the folder {self.path}: {error.strerror}"),)
        try:
            names = self._names if self._names is not None else _markdown(folder)
            read = [self._part(folder, name) for name in names]
        finally:
            os.close(folder)
        return tuple(part for part in read if part is not None)

    def _part(self, folder: int, name: str) -> HeadPart | None:
        """The file of this name, None if there is none."""
        try:
            file = _opened(folder, name)
        except FileNotFoundError:
            return None
        except (OSError, RefusedError) as error:
            self._known.pop(name, None)
            return self._refused(name, error.strerror or "" if isinstance(error, OSError) else str(error))
        try:
            return self._read(file, name)
        except RefusedError as error:
            return self._refused(name, str(error))
        finally:
            os.close(file)

    def _read(self, file: int, name: str) -> HeadPart:
        about = os.fstat(file)
        _check(about)
        stamp = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
        known = self._known.get(name)
        if known is None or known.stamp != stamp:
            known = _Read(stamp, HeadPart(name, _text(file), self._budget_tokens))
            self._known[name] = known
        return known.part

    def _refused(self, name: str, reason: str) -> HeadPart:
        return HeadPart(name, "", self._budget_tokens, refused=reason)


def _opened(folder: int, name: str) -> int:
    """The file of the folder, or the neighbour that a link of this name leads to. Raises OSError or RefusedError."""
    if os.sep in name or name in {"", ".", ".."}:
        raise RefusedError("a name of another folder")
    try:
        return os.open(name, _FLAGS, dir_fd=folder)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    target = os.readlink(name, dir_fd=folder)
    if os.sep in target or target in {".", ".."}:
        raise RefusedError("a symbolic link that leads out of its folder")
    try:
        return os.open(target, _FLAGS, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise RefusedError("a symbolic link to a symbolic link") from None
        raise


def _check(about: os.stat_result) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise RefusedError("no file, but a folder, a device or a pipe")
    if about.st_size > MOST_BYTES:
        raise RefusedError(f"{about.st_size:,} bytes; at most {MOST_BYTES:,} are read")


def _text(file: int) -> str:
    """The file's text. It may have grown since it was looked at, so only so much is read."""
    data = b""
    while len(data) <= MOST_BYTES:
        more = os.read(file, MOST_BYTES + 1 - len(data))
        if not more:
            break
        data += more
    if len(data) > MOST_BYTES:
        raise RefusedError(f"it grows; at most {MOST_BYTES:,} bytes are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(f"byte {error.start} is not UTF-8") from None
    if "\0" in text:
        raise RefusedError("it has zero bytes; no text")
    return text.replace("\r\n", "\n")


def _markdown(folder: int) -> tuple[str, ...]:
    """Names of *.md files, hidden ones left out, at most `MOST_FILES`."""
    names = (entry.name for entry in os.scandir(folder))
    return tuple(sorted(name for name in names if name.endswith(".md") and not name.startswith("."))[:MOST_FILES])
