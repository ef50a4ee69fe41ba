"""The single values of a config as its models' fields: written with units, held as integers, shown with units again.

Each type reads what stands in the file, complains in words of its own, and serialises to what could stand there.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, PlainSerializer, PlainValidator

from toolkit.config.durations import FOREVER_NS, NS_PER_S, format_duration, parse_duration_ns
from toolkit.config.section import own_words
from toolkit.config.units import format_rate, format_size, parse_rate_bytes_per_s, parse_size_bytes

_MODEL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,254}")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,254}")
_SSH_TARGET = re.compile(r"(?:ssh://)?(?:[A-Za-z0-9_.][A-Za-z0-9_.-]*@)?[A-Za-z0-9_.\[][A-Za-z0-9_.:%\[\]-]*")
_DIGEST = re.compile(r"(?:sha256[:-])?([0-9a-f]{64})")
_MOST_SECONDS = 9_223_372_036
_MOST_PORT = 65_535
_LEAST_BARE_NUMBER = 1 << 20  # `memory: 24` is not meant to be 24 bytes


def _seconds_or_duration_ns(value: Any) -> int:
    """A Go duration, or a number of seconds; negative stays negative."""
    if isinstance(value, str):
        return parse_duration_ns(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MOST_SECONDS:
        raise ValueError("a duration is written like 30m, 1h30m or 1500ms, or as a number of seconds")
    return round(value * NS_PER_S)


def _timeout_ns(value: Any) -> int | None:
    timeout_ns = _seconds_or_duration_ns(value)
    if timeout_ns == 0:
        raise ValueError("a timeout of 0 would fail every request; write -1 for no limit")
    return None if timeout_ns < 0 else timeout_ns


def _keep_alive_ns(value: Any) -> int:
    keep_alive_ns = _seconds_or_duration_ns(value)
    return FOREVER_NS if keep_alive_ns < 0 else keep_alive_ns


def _delay_ns(value: Any) -> int:
    delay_ns = _seconds_or_duration_ns(value)
    if delay_ns < 0:
        raise ValueError("a delay is at least 0s")
    return delay_ns


def _any_size_bytes(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < 1 << 63:
            raise ValueError("a size is between 0 and 8 EiB")
        return value
    if not isinstance(value, str):
        raise ValueError("a size is written like 24GiB or 8.9GB, or as a whole number of bytes")  # noqa: TRY004 - pydantic reports ValueError only
    return parse_size_bytes(value)


def _size_bytes(value: Any) -> int:
    size_bytes = _any_size_bytes(value)
    if isinstance(value, int) and 0 < size_bytes < _LEAST_BARE_NUMBER:
        raise ValueError("the unit is missing; a size is written like 24GiB, 8.9GB or 512MiB")
    return size_bytes


def _positive_size_bytes(value: Any) -> int:
    size_bytes = _size_bytes(value)
    if size_bytes == 0:
        raise ValueError("this size is more than 0")
    return size_bytes


def _rate_bytes_per_s(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and _LEAST_BARE_NUMBER <= value < 1 << 63:
        return value
    if not isinstance(value, str):
        raise ValueError("a speed is written like 25GB/s, or as a whole number of bytes a second")  # noqa: TRY004 - pydantic reports ValueError only
    return parse_rate_bytes_per_s(value)


def _model_name(value: Any) -> str:
    if not isinstance(value, str) or not _MODEL_NAME.fullmatch(value):
        raise ValueError("a model's name is written like qwen2.5:7b or registry/team/model:tag")
    return value


def _environment_name(value: Any) -> str:
    if not isinstance(value, str) or not _ENVIRONMENT_NAME.fullmatch(value):
        raise own_words(
            "this is no name of an environment variable; write the variable's name here, the secret into its value"
        )
    return value


def _header_name(value: str) -> str:
    if not _HEADER_NAME.fullmatch(value):
        raise ValueError("a header's name has no blanks, colons or brackets")
    return value


def _base_url(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("an address is written like http://192.168.1.10:11434")  # noqa: TRY004 - as above
    text = value.strip()
    if "@" in text:
        raise own_words("the address holds a user or a password; take them out and use host.bearer_env")
    if "://" not in text:
        raise ValueError(f"the scheme is missing; write http://{text.lstrip('/')}")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"this is no address: a port is a number up to {_MOST_PORT}, IPv6 stands in [ ]") from None
    if parts.scheme not in {"http", "https"}:
        raise ValueError("an address begins with http:// or https://")
    if not parts.hostname or any(char.isspace() for char in text) or port == 0:
        raise ValueError("an address is written like http://192.168.1.10:11434")
    if parts.query or parts.fragment:
        raise own_words("the address holds a ? or #; an Ollama host has neither in its address")
    return text


def is_ssh_target(text: str) -> bool:
    """Whether it is `user@host`, `ssh://user@host:port` or a name; nothing that ssh could take for an option."""
    return _SSH_TARGET.fullmatch(text) is not None


def _ssh_target(value: Any) -> str:
    if not isinstance(value, str) or not is_ssh_target(value):
        raise ValueError("an ssh target is written like user@host, ssh://user@host:2222, or a name of ~/.ssh/config")
    return value


def _digest(value: Any) -> str:
    match = _DIGEST.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a digest is 64 hexadecimal digits, as `ollama list --no-trunc` or /api/tags shows it")
    return match[1]


def digest_of_name(name: str) -> str:
    """The stand-in digest of a model whose real one is not known: the sha256 of its name, in hex."""
    return hashlib.sha256(name.encode()).hexdigest()


def _shown_timeout(timeout_ns: int | None) -> str | int:
    return -1 if timeout_ns is None else format_duration(timeout_ns)


def _shown_keep_alive(keep_alive_ns: int) -> str | int:
    return -1 if keep_alive_ns < 0 else format_duration(keep_alive_ns)


TimeoutNs = Annotated[int | None, PlainValidator(_timeout_ns), PlainSerializer(_shown_timeout)]
"""More than 0 ns; None is no limit, written as any negative number."""
KeepAliveNs = Annotated[int, PlainValidator(_keep_alive_ns), PlainSerializer(_shown_keep_alive)]
"""At least 0 ns, or `FOREVER_NS`, written as any negative number or duration."""
DelayNs = Annotated[int, PlainValidator(_delay_ns), PlainSerializer(format_duration)]
"""At least 0 ns."""
AnySizeBytes = Annotated[int, PlainValidator(_any_size_bytes), PlainSerializer(format_size)]
SizeBytes = Annotated[int, PlainValidator(_size_bytes), PlainSerializer(format_size)]
PositiveSizeBytes = Annotated[int, PlainValidator(_positive_size_bytes), PlainSerializer(format_size)]
RateBytesPerS = Annotated[int, PlainValidator(_rate_bytes_per_s), PlainSerializer(format_rate)]
ModelName = Annotated[str, PlainValidator(_model_name)]
EnvironmentName = Annotated[str, PlainValidator(_environment_name)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
BaseUrl = Annotated[str, PlainValidator(_base_url)]
SshTarget = Annotated[str, PlainValidator(_ssh_target)]
Digest = Annotated[str, PlainValidator(_digest)]


def canonical_model_name(name: str) -> str:
    """The name with the tag that Ollama takes for granted: `mistral` is `mistral:latest`."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def model_key(name: str) -> str:
    """What all spellings of a model's name have in common: a server finds it whatever their case, and by its full name.

    `Mistral`, `mistral:LATEST` and `registry.ollama.ai/library/mistral` are one. Source: the recorded answers to names
    in several spellings; each part counts without case, the tag, too.
    """
    key = canonical_model_name(name).lower().rpartition("://")[2].removeprefix("registry.ollama.ai/")
    return key.removeprefix("library/") if key.count("/") == 1 else key
