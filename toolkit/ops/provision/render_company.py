"""What pinning does to the other models, as text for people and as JSON values. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.ops.provision.company import Company

_GIB = 1 << 30


def company_text(company: Company | None) -> str:
    """What pinning does to the others."""
    if company is None:
        return "nothing is known of this model's memory, so nothing can be said about the others (see `hotswap fit`)"
    pinned = " and ".join(company.pinned)
    verb = "takes" if len(company.pinned) == 1 else "take"
    taken, left = company.pinned_bytes / _GIB, company.left_bytes / _GIB
    gpus = ", ".join(company.gpus)
    lines = [f"on {gpus} at a context of {company.num_ctx:,}: {pinned} {verb} {taken:.1f} GiB, {left:.1f} GiB are left"]
    if not company.together:
        lines.append(f"these cannot all stay loaded: {', '.join(company.pinned)}; pin fewer")
    if company.beside:
        lines.append(f"can be loaded beside, one at least: {', '.join(company.beside)}")
    if company.apart:
        lines.append(f"cannot be loaded without pushing a pinned model out, or spilling: {', '.join(company.apart)}")
    if company.shares:
        lines.append(
            f"made of the same weights, so of one runner with it: {', '.join(company.shares)}; "
            "a request to them with other options (num_ctx) loads it anew and ends the pin"
        )
    if company.unknown:
        lines.append(f"nothing is known of: {', '.join(company.unknown)}")
    lines.append(
        "a pin is the last to be evicted, not safe: the server takes it if nothing else makes room, "
        "and a request with a keep_alive of its own ends it"
    )
    return "\n".join(lines)


def company_json(company: Company | None) -> dict[str, Any] | None:
    """The same for machines."""
    return None if company is None else {name: getattr(company, name) for name in company.__slots__}
