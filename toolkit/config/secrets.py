"""Headers whose values come from the environment, kept out of every message, log and representation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.config.host import HostSection


@dataclass(frozen=True, slots=True)
class SecretHeaders:
    """Headers to send. `names` may be shown; `pairs` may not, and is not part of the representation."""

    names: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...] = field(repr=False)


def secret_variables(host: HostSection) -> Mapping[str, str]:
    """The environment variable behind each header, `Authorization` for the bearer token."""
    named = dict(host.headers_env)
    if host.bearer_env is not None:
        named["Authorization"] = host.bearer_env
    return named


def secret_headers(host: HostSection, environment: Mapping[str, str]) -> SecretHeaders:
    """The headers of a host, with their values.

    Raises:
        UsageError: a variable is not set, or its value cannot stand in a header. The message holds no value.
    """
    pairs = []
    for header, variable in secret_variables(host).items():
        value = environment.get(variable, "").strip()
        if not value:
            raise UsageError(f"the config takes the header {header} from ${variable}, which is not set; set it first")
        if not value.isascii() or not value.isprintable():
            raise UsageError(f"${variable} holds characters that cannot stand in the header {header}; set it anew")
        bearer = host.bearer_env == variable and header == "Authorization"
        pairs.append((header, f"Bearer {value}" if bearer else value))
    return SecretHeaders(tuple(header for header, _ in pairs), tuple(pairs))
