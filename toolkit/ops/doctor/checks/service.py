"""Is it there, and does it have what the config says?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from toolkit.ops.doctor.check import Check, Finding, fail, ok, skipped, warn
from toolkit.ops.doctor.wording import NS_PER_S, listed, span

if TYPE_CHECKING:
    from toolkit.ops.doctor.evidence import Evidence

OLDEST_KNOWN: Final = (0, 24, 0)
NEWEST_KNOWN: Final = (0, 33)
"""Release lines whose scheduler was read: v0.24, and v0.30 to v0.33."""
_EMBEDDED: Final = "the embedded default names models that need not be yours"
_SHORT_DIGEST: Final = 12


class Reachable(Check):
    """The host answers."""

    id = "reachable"
    title = "The host answers"
    why = "Nothing else can be told of a host that does not answer."
    needs_host: ClassVar[bool] = False

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        reach = evidence.reach
        if reach.problem is None:
            return ok(f"{reach.url} answered in {span(reach.took_ns)}")
        if reach.is_other:
            return fail(reach.problem, "give the address that Ollama listens on (--host URL, or llm.base_url)")
        return fail(reach.problem, "on the host: systemctl status ollama, or start it with: ollama serve")


class VersionKnown(Check):
    """The server's release line is one whose rules are known."""

    id = "version"
    title = "Version and scheduler"
    why = "Which model is evicted, and when there is room, changed between release lines; forecasts follow one of them."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        version = evidence.version
        if version is None:
            return skipped("the host tells no version")
        profile = evidence.profile.name
        if version.numbers is None:
            found = f"{version.text!r} is no release; the rules of {profile} are assumed"
            return warn(found, "run a released version, then: hotswap doctor")
        if version.numbers < OLDEST_KNOWN:
            found = f"{version.text} is older than any release whose rules are known; those of {profile} are assumed"
            return warn(found, "on the host: curl -fsSL https://ollama.com/install.sh | sh")
        if version.numbers[:2] > NEWEST_KNOWN:
            newest = ".".join(str(number) for number in NEWEST_KNOWN)
            found = f"{version.text} is newer than {newest}; the rules of {profile} are assumed"
            return warn(found, "compare a few swaps with what the twin says: hotswap swap, then hotswap validate")
        return ok(f"{version.text}, scheduler profile {profile}")


class ModelsPresent(Check):
    """Every model of the config is on the host."""

    id = "models-present"
    title = "The config's models are there"
    why = "A request for a model that is not there is answered with 404; it is not fetched by itself."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        names = list(dict.fromkeys(wish.name for wish in evidence.wishes.declared))
        if evidence.installed is None:
            return skipped("the host does not list its models")
        missing = [name for name in names if evidence.of_installed(name) is None]
        if not missing:
            return ok(f"all {len(names)} of them: {', '.join(names)}" if names else "the config names none")
        if evidence.wishes.embedded:
            return skipped(f"{listed(missing)} not found, but {_EMBEDDED}", "hotswap doctor --config FILE")
        return fail(
            f"{listed(missing)} not found among {len(evidence.installed)} models", _pulls(missing, evidence.wishes.file)
        )


def _pulls(names: list[str], file: str) -> str:
    pulls = "; ".join(f"ollama pull {name}" for name in names)
    return f"hotswap provision apply --config {file}, or on the host: {pulls}"


class Digests(Check):
    """Models that the config pins to a digest have it."""

    id = "digests"
    title = "Digests as pinned"
    why = "A tag can be pushed anew: another digest is another model, with other answers, speed and size."

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`."""
        pinned = [(wish, wish.digest) for wish in evidence.wishes.declared if wish.digest is not None]
        if not pinned:
            return ok("the config pins no digest")
        differing, unknown = [], []
        for wish, digest in pinned:
            model = evidence.of_installed(wish.name)
            if model is None:
                unknown.append(wish.name)
            elif not _bare(model.digest).startswith(_bare(digest)):
                found, wanted = _bare(model.digest)[:_SHORT_DIGEST], _bare(digest)[:_SHORT_DIGEST]
                differing.append(f"{wish.name} is {found}, not {wanted}")
        if differing:
            fix = f"hotswap provision apply --config {evidence.wishes.file}, or write the new digest there"
            return fail("; ".join(differing), fix)
        if unknown:
            return skipped(f"{listed(unknown)} not there")
        return ok(f"all {len(pinned)} as pinned")


def _bare(digest: str) -> str:
    return digest.removeprefix("sha256:").lower()


def _seconds(keep_alive_ns: int) -> str:
    return "-1" if keep_alive_ns < 0 else f"{keep_alive_ns // NS_PER_S}s"


class V1KeepAlive(Check):
    """Nobody counts on a keep_alive that goes to `/v1`."""

    id = "v1-keep-alive"
    title = "keep_alive on /v1"
    why = (
        "/v1/chat/completions drops keep_alive and num_ctx silently; the model keeps the duration that it had (5 min)."
    )
    needs_host: ClassVar[bool] = False

    def find(self, evidence: Evidence) -> Finding:
        """See `Check`. Told from the address and the release line; no recorded release of either line differs."""
        addresses = (evidence.wishes.base_url, evidence.wishes.url)
        url = next((one.rstrip("/") for one in addresses if one.rstrip("/").endswith("/v1")), None)
        if url is None:
            return ok("base_url names the native API")
        keep = span(evidence.wishes.keep_alive_ns) if evidence.wishes.keep_alive_ns >= 0 else "for ever"
        found = f"the address is {url}: an OpenAI client that uses it cannot ask for the config's keep_alive ({keep})"
        native = url.removesuffix("/v1")
        server = evidence.wishes.set_command("OLLAMA_KEEP_ALIVE", _seconds(evidence.wishes.keep_alive_ns))
        return warn(found, f"send chats to {native}/api/chat; for clients that cannot: {server}")
