"""The work of `hotswap provision pin`, `warm` and `unload`: what is in memory, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.config.durations import FOREVER_NS, format_duration
from toolkit.errors import UsageError
from toolkit.ops.provision.company import company_of, wish_of
from toolkit.ops.provision.desired import model_key
from toolkit.ops.provision.observed import look
from toolkit.ops.provision.render_company import company_json, company_text
from toolkit.ops.provision.specs import specs_of

if TYPE_CHECKING:
    from toolkit.cli.provision_session import ProvisionSession
    from toolkit.ollama.client import OllamaClient
    from toolkit.ops.provision.company import Company


def run_pin(session: ProvisionSession, models: tuple[str, ...], gpus: str | None) -> None:
    """Load with a keep_alive of -1, one after the other, then tell."""
    wanted = session.wanted
    chosen = session.named(models) or tuple(model.name for model in wanted.models if model.pin)
    if not chosen:
        raise UsageError("nothing to pin: name models, or mark some with `pin: true` in the config")
    room = session.room(gpus)

    async def work(client: OllamaClient) -> Company | None:
        for name in chosen:
            await client.load(name, keep_alive_ns=FOREVER_NS, options=_options(session, name))
        observed = await look(client, wanted.models)
        loaded = observed.find_running(chosen[0])
        wish = wish_of(session.settings(), loaded.context_length if loaded is not None else None)
        return company_of(chosen, wanted.models, await specs_of(client, wanted.models, observed), room, wish)

    company = session.run(work)
    text = f"{', '.join(chosen)}: loaded for ever\n{company_text(company)}"
    session.show(text, {"host": session.place, "pinned": list(chosen), "company": company_json(company)})


def run_warm(session: ProvisionSession, models: tuple[str, ...]) -> None:
    """Load with the keep_alive of the config's requests."""
    chosen, keep_alive_ns = session.named(models), session.config.llm.cache.keep_alive_ns
    if keep_alive_ns == 0:
        raise UsageError("the config's keep_alive is 0, so nothing can be kept warm; set llm.cache.type or keep_alive")

    async def work(client: OllamaClient) -> None:
        for name in chosen:
            await client.load(name, keep_alive_ns=keep_alive_ns, options=_options(session, name))

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


def _options(session: ProvisionSession, name: str) -> dict[str, Any] | None:
    """The options of the model's requests: loaded with others, its first request would load it again."""
    entries = session.config.llm.models.values()
    found = next((dict(entry.options) for entry in entries if model_key(entry.name) == model_key(name)), {})
    return found or None
