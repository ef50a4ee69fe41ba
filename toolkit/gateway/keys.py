"""API keys: who may use the gateway. Keys are compared in constant time, and no message or representation holds one."""

from __future__ import annotations

import hashlib
import hmac
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolkit.config.gateway import KeySection

LEAST_CHARACTERS = 16
"""Shorter keys can be guessed over the network."""
_ADMIN = "admin"
_MOST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request is from: the name of its key, never the key. Without keys everybody is `anyone`, and admin."""

    name: str
    is_admin: bool


ANYONE = Caller("anyone", is_admin=True)


@dataclass(frozen=True, slots=True)
class _Key:
    caller: Caller
    digest: bytes = field(repr=False)


class KeyRing:
    """The keys that are known; only their digests are kept."""

    def __init__(self, keys: tuple[tuple[Caller, str], ...] = ()) -> None:
        self._keys = tuple(_Key(caller, _digest(key)) for caller, key in keys)

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the keys."""
        return tuple(key.caller.name for key in self._keys)

    def caller(self, given: str | None) -> Caller | None:
        """Whose key this is; None if nobody's. All keys are compared, each in constant time."""
        if not self._keys:
            return ANYONE
        digest = _digest(given or "")
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key.caller
        return found if given else None


def given_key(headers: Mapping[str, str]) -> str | None:
    """The key of a request: `Authorization: Bearer KEY` or `X-Api-Key: KEY`; names of headers in lower case."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key") or None


def read_keys(section: KeySection, environment: Mapping[str, str]) -> tuple[KeyRing, tuple[str, ...]]:
    """The keys that the config names, and warnings.

    A line (in the environment also a comma) ends an entry: `NAME KEY` or `NAME KEY admin`; `#` begins a comment.

    Raises:
        UsageError: the file cannot be read, the variable is not set, or an entry is wrong. No message holds a key.
    """
    keys: list[tuple[Caller, str]] = []
    warnings: list[str] = []
    if section.file is not None:
        path = Path(section.file)
        try:
            text, mode = path.read_text(encoding="utf-8"), path.stat().st_mode
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not a text file"
            raise UsageError(f"the keys cannot be read from {path} ({reason}); correct gateway.keys.file") from None
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            warnings.append(f"{path} holds keys and can be read by others; chmod 600 {path}")
        keys += _entries(text.splitlines(), str(path))
    if section.env is not None:
        value = environment.get(section.env, "")
        if not value.strip():
            raise UsageError(f"the config takes the gateway's keys from ${section.env}, which is not set; set it first")
        keys += _entries(value.replace(",", "\n").splitlines(), f"${section.env}")
    if (section.file or section.env) and not keys:
        raise UsageError(f"there is no key in {section.file or '$' + str(section.env)}; add a line `NAME KEY`")
    names = [caller.name for caller, _ in keys]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two keys have the name {twice!r}; give each its own")
    return KeyRing(tuple(keys)), tuple(warnings)


def _entries(lines: list[str], where: str) -> Iterator[tuple[Caller, str]]:
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if not 1 < len(words) <= _MOST_WORDS or words[2:] not in ([], [_ADMIN]):
            raise UsageError(f"{where}, entry {number}: write NAME KEY, or NAME KEY admin")
        name, key = words[:2]
        if len(key) < LEAST_CHARACTERS or not key.isascii():
            raise UsageError(
                f"{where}, entry {number}: the key of {name!r} has fewer than {LEAST_CHARACTERS} characters, or some "
                "outside ASCII; make one with `openssl rand -hex 24`"
            )
        yield Caller(name, is_admin=words[2:] == [_ADMIN]), key


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
