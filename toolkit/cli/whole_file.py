"""A command's result as a file: there whole or not at all, and what stood there before stays until then."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from toolkit.errors import UsageError
from toolkit.replacing import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


class UnwrittenError(UsageError):
    """A result could not be written to its file."""


def write_whole(path: Path, text: str, option: str = "--out") -> None:
    """Write a text; `option` is what names the file. Raises UnwrittenError."""
    with writing_whole(path, option) as file:
        file.write(text)


@contextmanager
def writing_whole(path: Path, option: str = "--out") -> Iterator[TextIO]:
    """The file to write piece by piece; it takes its name at the end. Raises UnwrittenError."""
    try:
        with _opened(path) as file:
            yield file
    except OSError as error:
        raise unwritten(path, error, option) from error


def unwritten(path: Path, error: OSError, option: str = "--out") -> UnwrittenError:
    """What is said of a file that could not be written."""
    text = f"{path}: cannot be written ({error.strerror}); give another {option}, or make room or rights there"
    return UnwrittenError(text)


def _opened(path: Path) -> AbstractContextManager[TextIO]:
    target = path.resolve()
    if target.exists() and not target.is_file():
        return target.open("w", encoding="utf-8", errors="backslashreplace", newline="")  # a pipe, a device
    return _beside(target)


@contextmanager
def _beside(target: Path) -> Iterator[TextIO]:
    with (
        replacing(target) as partial,
        partial.open("x", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        yield file
