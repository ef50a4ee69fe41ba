"""The bytes of a YAML file, made into text or into one clear problem.

Only UTF-8 is read, with or without a byte order mark. What else people hand in by mistake (UTF-16 from an editor,
Latin-1 from an old machine, a model or an archive instead of its description) is recognised and named.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE_BYTES = 4 << 20
"""Far above any file written by a person (thousands of prompts), far below what would hurt."""

_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_NOT_YAML_TEXT = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""Compiled where it is needed: that takes longer than all else that is done to a small file."""
_CONTROL_BYTE = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE_BREAK = re.compile(rb"\r\n|\r|\n")


class Problem(NamedTuple):
    """One mistake: the 1-based line it stands on, and a sentence without file and line. Sorts in file order."""

    line: int
    text: str


class SourceError(Exception):
    """The file cannot be made into text; `problem` says why. Never leaves this package."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


def read_source(path: Path) -> bytes:
    """Read at most `MAX_FILE_BYTES`.

    Raises:
        SourceError: the file is missing, unreadable, a directory or too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise SourceError(Problem(1, "there is no such file; check the path")) from None
    except IsADirectoryError:
        raise SourceError(Problem(1, "this is a directory; name the YAML file in it")) from None
    except PermissionError:
        raise SourceError(Problem(1, "this file may not be read; check its permissions")) from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(Problem(1, f"this file cannot be read: {reason}")) from None
    if len(data) > MAX_FILE_BYTES:
        raise SourceError(Problem(1, f"the file is larger than {MAX_FILE_BYTES >> 20} MiB; is it the right file?"))
    return data


def decode_source(data: bytes) -> str:
    """Decode UTF-8 and drop a byte order mark.

    Raises:
        SourceError: another encoding, or not text at all; the problem names the line of the first wrong byte.
    """
    for mark, name in _WIDE_MARKS:
        if data.startswith(mark):
            raise SourceError(Problem(1, f"the file is encoded as {name}; save it as UTF-8"))
    if _looks_like_utf16(data):
        raise SourceError(Problem(1, "the file looks like UTF-16; save it as UTF-8"))
    body = data.removeprefix(codecs.BOM_UTF8)
    control = _CONTROL_BYTE.search(body)
    if control is not None:
        raise SourceError(
            Problem(
                _line_at(body, control.start()),
                f"byte 0x{control[0][0]:02x} does not occur in text; this is a binary file, not YAML",
            )
        )
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = body[error.start]
        guess = f" (in Latin-1 it would be '{chr(byte)}')" if byte >= 0xA0 else ""  # noqa: PLR2004 - Latin-1's letters
        raise SourceError(
            Problem(_line_at(body, error.start), f"byte 0x{byte:02x} is not UTF-8{guess}; save the file as UTF-8")
        ) from None
    strange = None if text.isascii() else re.search(_NOT_YAML_TEXT, text)
    if strange is not None:
        line = _line_at(body, len(text[: strange.start()].encode()))
        raise SourceError(Problem(line, f"character U+{ord(strange[0]):04X} may not stand in YAML; remove it"))
    return text


def _looks_like_utf16(data: bytes) -> bool:
    """Text of mostly ASCII letters in UTF-16 without a mark has a null in every second byte."""
    head = data[:200]
    least = 8
    return len(head) >= least and (not any(head[1::2]) or not any(head[0::2])) and any(head)


def _line_at(data: bytes, offset: int) -> int:
    return 1 + len(_LINE_BREAK.findall(data[:offset]))
