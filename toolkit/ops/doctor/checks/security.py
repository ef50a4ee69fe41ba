"""Who else can get at it?"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from toolkit.ops.doctor.advisories import ADVISORIES, CHECKED, Advisory, dotted
from toolkit.ops.doctor.check import Check, Finding, fail, ok, skipped, warn

if TYPE_CHECKING:
    from toolkit.ops.doctor.evidence import Evidence

UPDATE: Final = "on the host: curl -fsSL https://ollama.com/install.sh | sh"
_OK_STATUS: Final = range(200, 300)


class Exposed(Check):
    """The API is reachable from this machine only, or asks for a key."""

    id = "exposed"
    title = "Reachable by others"
    why = (
        "Ollama has no authentication: whoever reaches the port can use, delete and replace models. "
        "Some 175,000 hosts were found open in January 2026."
    )

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`. Told from the address that was asked and the config's OLLAMA_HOST; no other one is tried."""
        reach = evidence.reach
        bound = bound_to(evidence.wishes.setting("OLLAMA_HOST"))
        if is_loopback(reach.host):
            if bound is None or is_loopback(bound):
                return ok(f"{reach.host} is this machine")
            return warn(f"the config says OLLAMA_HOST={bound}: it listens for other machines too", _closed(evidence))
        if reach.credentials and reach.open_without is False:
            return ok(f"{reach.host} asks for a key")
        found = f"{reach.url} answers without a key"
        if is_public(reach.host):
            return fail(
                f"{found}, on a public address", f"close port 11434 in the firewall now; then {_closed(evidence)}"
            )
        return warn(f"{found}: everybody on its network can use, delete and replace models", _closed(evidence))


class Origins(Check):
    """Web pages of foreign origins are refused."""

    id = "origins"
    title = "Foreign web pages"
    why = "With OLLAMA_ORIGINS=* every page that somebody on the network opens can use, delete and replace models."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`. A GET of the version with a foreign Origin header changes nothing; a closed server says 403."""
        command = evidence.wishes.set_command("OLLAMA_ORIGINS", "https://my.example")
        fix = f"name the pages that may: {command}"
        answer = evidence.origin
        if answer is not None and answer.status in _OK_STATUS and answer.allowed is not None:
            return fail(f"a foreign Origin was answered with Access-Control-Allow-Origin: {answer.allowed}", fix)
        origins = (evidence.wishes.setting("OLLAMA_ORIGINS") or "").split(",")
        if any(origin.strip() in {"*", "http://*", "https://*"} for origin in origins):
            return fail("the config says OLLAMA_ORIGINS=" + ",".join(origins), fix)
        if answer is None:
            return skipped("the request with a foreign Origin was not answered")
        return ok(f"a foreign Origin is answered with {answer.status}")


class Vulnerabilities(Check):
    """The version has no published vulnerability that an update mends."""

    id = "vulnerabilities"
    title = "Published vulnerabilities"
    why = "Most of them need no login: reaching the port is enough to read the server's memory or to crash it."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`. Open ones (no fixed version known) are a warning only where others can reach the host."""
        version = evidence.version
        if version is None or version.numbers is None:
            return skipped("the version does not tell")
        hits = [advisory for advisory in ADVISORIES if advisory.affects(version.numbers)]
        closed = [advisory for advisory in hits if not advisory.is_open]
        if closed:
            named = "; ".join(f"{hit.cve} ({hit.what}; {_mended(hit)}; {hit.sources})" for hit in closed)
            return fail(f"{version.text} has {len(closed)} of {CHECKED}'s table: {named}", UPDATE)
        still = "; ".join(f"{hit.cve} ({hit.what}; {hit.note}; {hit.sources})" for hit in hits)
        if still and not is_loopback(evidence.reach.host):
            return warn(f"{version.text}: {still}", "let nobody but trusted users reach /api/create and /api/blobs")
        remark = f"; open, and harmless while only you can upload models: {still}" if still else ""
        return ok(f"{version.text} has none that a newer version mends (table of {CHECKED}){remark}")


def _mended(advisory: Advisory) -> str:
    if advisory.fixed is not None:
        return f"mended in {dotted(advisory.fixed)}"
    return f"listed up to {dotted(advisory.affected_to)}" if advisory.affected_to else "open"


def _closed(evidence: Evidence) -> str:
    command = evidence.wishes.set_command("OLLAMA_HOST", "127.0.0.1")
    return f"{command}, and a proxy that asks for a key where others need it"


def bound_to(ollama_host: str | None) -> str | None:
    """The address part of OLLAMA_HOST (`0.0.0.0:11434`, `http://[::]:80`); None if it is unset or only a port."""
    text = (ollama_host or "").rpartition("://")[2].partition("/")[0]
    if text.startswith("["):
        return text[1:].partition("]")[0]
    if text.count(":") > 1:
        return text
    return text.partition(":")[0] or None


def is_loopback(host: str) -> bool:
    """Whether only this machine can mean itself by that name."""
    address = _address(host)
    return (
        host.lower() == "localhost" or host.lower().endswith(".localhost") if address is None else address.is_loopback
    )


def is_public(host: str) -> bool:
    """Whether it is an address of the public internet; a name may be anything, and counts as none."""
    address = _address(host)
    return address is not None and address.is_global


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        return None
