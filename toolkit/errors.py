"""Every error of the toolkit, in one tree.

    HotswapError                 something the user can understand and mend
    ├── UsageError               the command was asked for something impossible      exit 2
    │   ├── ConfigError          a config file is wrong (carries every problem)     exit 2
    │   └── InputError           a scenario, trace or data file is wrong            exit 2
    ├── HostError                a host did not do what it was asked                exit 1
    │   └── … see toolkit.ollama.errors
    ├── SimulationError          the twin was driven against its rules: a bug of ours   exit 1
    └── Inconclusive             an answer was asked for that the data cannot give  exit 3

A message is one sentence that says what happened, where, and what to do. Only the command line
turns errors into exit codes; the library raises.
"""

from __future__ import annotations

from typing import ClassVar


class HotswapError(Exception):
    """Root of the tree. `exit_code` is what the command line ends with when nobody handles it."""

    exit_code: ClassVar[int] = 1


class UsageError(HotswapError):
    """The request itself is impossible: an unknown strategy, a missing file, two options that exclude each other."""

    exit_code = 2


class ConfigError(UsageError):
    """A config file cannot be used; `problems` holds one `FILE:LINE: …` sentence per mistake, in file order."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InputError(UsageError):
    """A scenario, a trace or another input file cannot be used; the message begins with `FILE:LINE:`."""


class HostError(HotswapError):
    """A host could not be reached, refused, or failed in the middle of something."""


class SimulationError(HotswapError):
    """The twin's scheduler was fed an input that contradicts its state; never the user's fault."""


class Inconclusive(HotswapError):  # noqa: N818 - an answer, not a malfunction
    """The data are too few or too noisy for the answer that was asked for."""

    exit_code = 3


def unreadable(error: OSError | ValueError) -> str:
    """Why a file could not be read, in words for a sentence: no error numbers, and not the path once more."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file; check the path"
    if isinstance(error, IsADirectoryError):
        return "this is a directory, not a file"
    if isinstance(error, PermissionError):
        return "this file may not be read; check its permissions"
    if isinstance(error, UnicodeDecodeError):
        return f"this is no text in UTF-8 (byte {error.start + 1})"
    return str(error.strerror or error) if isinstance(error, OSError) else str(error)
