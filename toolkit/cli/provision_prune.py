"""The work of `hotswap provision prune`: show, ask, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from toolkit.ops.provision.observed import look
from toolkit.ops.provision.prune import prune
from toolkit.ops.provision.render import size_text

if TYPE_CHECKING:
    from toolkit.cli.provision_session import ProvisionSession


def run_prune(session: ProvisionSession, *, yes: bool) -> bool:
    """Whether all that was agreed to is gone."""
    wanted = session.wanted
    due = wanted.plan(session.run(lambda client: look(client, wanted.models))).prunable
    if not due:
        session.show(f"{session.place}: nothing to prune", {"host": session.place, "removed": []})
        return True
    lines = [f"  {action.name}  {size_text(action.size_bytes)}" for action in due]
    click.echo("\n".join([f"not named by the config, on {session.place}:", *lines]), err=True)
    if not session.agreed(f"Remove {'these' if len(due) > 1 else 'it'} for good?", yes=yes):
        session.show("nothing was removed", {"host": session.place, "removed": []})
        return True
    agreed = frozenset(action.name for action in due)
    removed = session.run(lambda client: prune(client, wanted, agreed))
    text = "\n".join(
        f"- {one.name} {f'FAILED: {one.problem}' if one.problem else 'removed'}"
        f"{'; it stays loaded until it is unloaded or expires' if one.stays_loaded else ''}"
        for one in removed
    )
    rows = [{name: getattr(one, name) for name in one.__slots__} for one in removed]
    session.show(text, {"host": session.place, "removed": rows})
    return all(one.problem is None for one in removed)
