"""The work of `hotswap provision warm` and `unload`: what is in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.config.durations import format_duration
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.cli.provision_session import ProvisionSession
    from toolkit.ollama.client import OllamaClient


def run_warm(session: ProvisionSession, models: tuple[str, ...]) -> None:
    """Load with the keep_alive of the config's requests."""
    chosen, keep_alive_ns = session.named(models), session.config.llm.cache.keep_alive_ns
    if keep_alive_ns == 0:
        raise UsageError("the config's keep_alive is 0, so nothing can be kept warm; set llm.cache.type or keep_alive")

    async def work(client: OllamaClient) -> None:
        for name in chosen:
            await client.load(name, keep_alive_ns=keep_alive_ns, options=session.options(name))

    session.run(work)
    kept = "for ever" if keep_alive_ns < 0 else f"for {format_duration(keep_alive_ns)} after its last request"
    session.show(f"{', '.join(chosen)}: loaded, stays {kept}", {"host": session.place, "warm": list(chosen)})


def run_unload(session: ProvisionSession, models: tuple[str, ...]) -> None:
    """Ask models to go. Any model may be named, also one that the config does not know."""

    async def work(client: OllamaClient) -> None:
        for name in models:
            await client.unload(name)

    session.run(work)
    text = f"{', '.join(models)}: asked to go; a busy one goes after its requests"
    session.show(text, {"host": session.place, "asked": list(models)})
