"""The file that a recording goes to: a line for each request that has ended, in the system's hands at once."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.workload.traces.jsonl import recognises
from toolkit.workload.traces.logged import line_of

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from toolkit.workload.traces.logged import LoggedRequest

_TAIL_BYTES = 1 << 16


class TraceLog:
    """Appends to a trace; `note` is a sentence about what was found in the file, if anything.

    A line is one write, so a process that is killed (SIGKILL, too) loses nothing that it has said. Only a machine that
    fails can leave half a line, which the next recording into the same file cuts off. A file that was moved away or
    removed (logrotate) is followed by a new one of the same name. Traffic does not stop when the disk is full: `lost`
    counts the lines that could not be written, `trouble` says why.

    Raises:
        UsageError: the file cannot be written, or is something else than a trace.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = os.fspath(path)
        self.note: str | None = None
        self.written = self.lost = 0
        self.trouble: str | None = None
        self._has_half = False
        try:
            self._file, self._mine = self._opened()
        except OSError as error:
            raise UsageError(f"cannot write {path} ({error.strerror}); give another --out") from error
        try:
            self._check()
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def append(self, request: LoggedRequest) -> None:
        """Write a request down; never raises for a file that takes no more."""
        line = line_of(request)
        try:
            self._follow()
            if self._has_half:
                self._cut_half_line(os.fstat(self._file).st_size)
            done = os.write(self._file, line)
        except OSError as error:
            self.lost += 1
            self.trouble = error.strerror
            return
        if done < len(line):  # the disk became full in the middle
            self._has_half = True
            self.lost += 1
            self.trouble = "the disk is full"
        else:
            self.written += 1

    def _follow(self) -> None:
        """Go on in a new file where the one in hand does not have the name any more.

        Asked for each line, so that none goes into a file that is being compressed or was removed.
        """
        try:
            named = os.stat(self._name)  # noqa: PTH116 - a Path takes as long again
        except FileNotFoundError:
            named = None
        if named is None or (named.st_ino, named.st_dev) != self._mine:
            before = self._file
            self._file, self._mine = self._opened()
            self._has_half = False
            os.close(before)

    def _opened(self) -> tuple[int, tuple[int, int]]:
        """The file of the name, made if absent, and which one it is; while it is open no other is given its number."""
        file = os.open(self._name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        mine = os.fstat(file)
        return file, (mine.st_ino, mine.st_dev)

    def _check(self) -> None:
        size = os.fstat(self._file).st_size
        if not size:
            return
        first = os.pread(self._file, _TAIL_BYTES, 0).partition(b"\n")[0].decode("utf-8", "replace")
        if not recognises(first):
            raise UsageError(f"{self.path} holds something else than a trace of this kind; give another --out")
        if os.pread(self._file, 1, size - 1) == b"\n":
            return
        start = self._last_line_start(size)
        try:
            json.loads(os.pread(self._file, size - start, start))
        except ValueError:
            self._cut_half_line(size)
            self.note = f"{self.path} ended in the middle of a line, which was cut off"
        else:
            os.write(self._file, b"\n")  # somebody wrote it by hand

    def _cut_half_line(self, size: int) -> None:
        os.ftruncate(self._file, self._last_line_start(size))
        self._has_half = False

    def _last_line_start(self, size: int) -> int:
        """Where what stands behind the last line end begins."""
        end = size
        while end:
            start = max(0, end - _TAIL_BYTES)
            place = os.pread(self._file, end - start, start).rfind(b"\n")
            if place >= 0:
                return start + place + 1
            end = start
        return 0
