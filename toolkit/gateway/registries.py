"""Where a host may be sent for a model. Pure.

The name of a model is `[[registry/]team/]model[:tag]`, and a host that is to pull it asks the registry that the name
says. A client could so have it ask any machine that it reaches (server-side request forgery): a metadata service, a
neighbour's console. So a registry is a name of the public DNS, without a port, or one that the config allows; and
`insecure`, which lets a registry's answer lead elsewhere (CVE-2026-5530), is never passed on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from toolkit.gateway.refusal import Refusal, Why

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_TRANSFER_FIELDS: Final = ("model", "name", "stream")
_MOST_PARTS: Final = 3
_PUBLIC: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")
"""The last part is letters, so no notation of an address is one."""
_PRIVATE_ENDS: Final = (".local", ".localhost", ".internal", ".intranet", ".lan", ".home", ".corp", ".localdomain")
_TRANSFERS: Final = frozenset({"/api/pull", "/api/push"})


class Registries:
    """`allowed` are further registries, as they stand in names of models (`registry.lan:5000`)."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._allowed = frozenset(name.lower() for name in allowed)

    def kept(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What a host gets of the body of a write. Raises Refusal if it would be sent somewhere it must not go."""
        if path in _TRANSFERS:
            return self.transfer(body)
        if body.get("remote_host"):
            raise Refusal(Why.BAD_REQUEST, "remote_host: models of other servers are not made through the gateway")
        if isinstance(body.get("from"), str):
            self.check(body["from"])
        return dict(body)

    def transfer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What a host gets of a pull or push: the model's name, and whether its progress is wanted."""
        for field in ("model", "name"):
            if isinstance(body.get(field), str):
                self.check(body[field])
        return {field: body[field] for field in _TRANSFER_FIELDS if field in body}

    def check(self, name: str) -> None:
        """Raise Refusal for the name of a model that leads to an address of the client's choice."""
        if "://" in name:
            raise _wrong("it holds no scheme: write registry/team/model:tag")
        if not name.isascii() or not name.isprintable() or set(name) & set(" \\%?#"):
            raise _wrong("it is letters, digits and any of . _ : @ / -")
        parts = name.split("/")
        if name and (len(parts) > _MOST_PARTS or any(not part.strip(".") for part in parts)):
            raise _wrong("it is registry/team/model:tag at most, and no part of it is empty or dots")
        if len(parts) == _MOST_PARTS and not self._is_allowed(parts[0].lower()):
            text = "its registry is no public host name; if the host may ask it, add it to gateway.registries"
            raise _wrong(text)

    def _is_allowed(self, registry: str) -> bool:
        if registry in self._allowed:
            return True
        return _PUBLIC.fullmatch(registry) is not None and not registry.endswith(_PRIVATE_ENDS)


def _wrong(text: str) -> Refusal:
    return Refusal(Why.BAD_REQUEST, f"model: {text}")
