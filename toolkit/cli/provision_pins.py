"""The work of `hotswap provision plan` and `pin`: what is to be done, and what pinned models leave for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.config.durations import FOREVER_NS
from toolkit.errors import UsageError
from toolkit.ops.provision.company import company_of, wish_of
from toolkit.ops.provision.desired import model_key
from toolkit.ops.provision.observed import look
from toolkit.ops.provision.render import plan_json, plan_text
from toolkit.ops.provision.render_company import company_json, company_text
from toolkit.ops.provision.specs import specs_of

if TYPE_CHECKING:
    from toolkit.cli.provision_session import ProvisionSession
    from toolkit.ollama.client import OllamaClient
    from toolkit.ops.provision.company import Company
    from toolkit.ops.provision.plan import Plan


def run_pin(session: ProvisionSession, models: tuple[str, ...], gpus: str | None) -> None:
    """Load with a keep_alive of -1, one after the other, then tell."""
    wanted = session.wanted
    chosen = session.named(models) or tuple(model.name for model in wanted.models if model.pin)
    if not chosen:
        raise UsageError("nothing to pin: name models, or mark some with `pin: true` in the config")
    room = session.room(gpus)

    async def work(client: OllamaClient) -> Company | None:
        for name in chosen:
            await client.load(name, keep_alive_ns=FOREVER_NS, options=session.options(name))
        observed = await look(client, wanted.models)
        loaded = observed.find_running(chosen[0])
        wish = wish_of(session.settings(), loaded.context_length if loaded is not None else None)
        return company_of(chosen, wanted.models, await specs_of(client, wanted.models, observed), room, wish)

    company = session.run(work)
    text = f"{', '.join(chosen)}: loaded for ever\n{company_text(company)}"
    session.show(text, {"host": session.place, "pinned": list(chosen), "company": company_json(company)})


def run_plan(session: ProvisionSession) -> None:
    """What `apply` would do; and if the config pins models, what these would leave for the others."""
    wanted = session.wanted
    pinned = tuple(model.name for model in wanted.models if model.pin)

    async def work(client: OllamaClient) -> tuple[Plan, Company | None]:
        observed = await look(client, wanted.models)
        if not pinned or not session.config.twin.gpus:
            return wanted.plan(observed), None
        specs = await specs_of(client, wanted.models, observed)
        wish = wish_of(session.settings(), _declared_num_ctx(session, pinned[0]))
        return wanted.plan(observed), company_of(pinned, wanted.models, specs, session.room(None), wish)

    plan, company = session.run(work)
    about_pins = f"\n\nonce pinned: {company_text(company)}" if company is not None else ""
    value = {**plan_json(plan, session.place), "pinned": company_json(company)}
    session.show(plan_text(plan, session.place) + about_pins, value)


def _declared_num_ctx(session: ProvisionSession, name: str) -> int | None:
    """The context that a model will be loaded with, as far as the config says: its requests', else its recipe's."""
    recipe = next(model.recipe for model in session.wanted.models if model.key == model_key(name))
    said = {**dict(recipe.parameters if recipe else ()), **(session.options(name) or {})}.get("num_ctx")
    return said if isinstance(said, int) else None
