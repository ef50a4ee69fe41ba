"""Which models the server would keep beside which: asked of the twin itself, so that no rule is written twice."""

from __future__ import annotations

from functools import partial
from itertools import combinations, permutations
from typing import TYPE_CHECKING

from toolkit.host.twin import build
from toolkit.host.virtual import PRELOAD, Ask, RequestRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from toolkit.host.twin import TwinSpec
    from toolkit.host.virtual import VirtualHost

LOAD_APART_NS = 3600 * 1_000_000_000
"""Long enough that one load is over before the next is asked for."""
ALL_ORDERS_UP_TO = 4
"""So many residents are tried in every order; more only by size, both ways (memory rules depend on little else)."""

Options = tuple[tuple[str, object], ...]


class TwinRoom:
    """Answers `fits(wanted, resident)` by loading models into an empty twin; remembers its answers.

    `options` are the runner options that requests for a model carry. A model that the twin does not have fits nowhere.
    """

    def __init__(self, spec: TwinSpec, options: Mapping[str, Mapping[str, object]]) -> None:
        self._spec = spec
        self._options: dict[str, Options] = {name: tuple(given.items()) for name, given in options.items()}
        self._known: dict[tuple[str, frozenset[str]], bool] = {}

    def fits(self, wanted: str, resident: frozenset[str]) -> bool:
        """True if the server would load `wanted` while all of `resident` stay, in some order of having loaded those."""
        key = (wanted, resident)
        if key not in self._known:
            names = {*resident, wanted}
            there = all(self._spec.model(name) is not None for name in names)
            self._known[key] = there and any(self._stays_whole((*order, wanted)) for order in self._orders(resident))
        return self._known[key]

    def largest_sets(self, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """The sets of models that can live together and to which none can be added, larger ones first."""
        found: list[frozenset[str]] = []
        for size in range(len(names), 0, -1):
            for chosen in combinations(sorted(set(names)), size):
                together = frozenset(chosen)
                if any(together <= larger for larger in found):
                    continue
                if any(self.fits(last, together - {last}) for last in chosen):
                    found.append(together)
        return tuple(tuple(sorted(together)) for together in found)

    def context_of(self, name: str) -> int | None:
        """The context (tokens a slot) that a runner of the model gets; None if the twin does not have the model."""
        if self._spec.model(name) is None:
            return None
        host, _ = build(self._spec, "room")
        host.at(0, partial(self._load, host, name, None))
        host.run(LOAD_APART_NS)
        return next((row.num_ctx for row in host.ps()), None)

    def _orders(self, resident: frozenset[str]) -> Iterator[tuple[str, ...]]:
        by_size = sorted(resident, key=lambda name: (self._file_bytes(name), name))
        if len(by_size) <= ALL_ORDERS_UP_TO:
            yield from permutations(by_size)
        else:
            yield tuple(by_size)
            yield tuple(reversed(by_size))

    def _file_bytes(self, name: str) -> int:
        model = self._spec.model(name)
        return model.spec.file_bytes if model else 0

    def _load(self, host: VirtualHost, name: str, on_done: Callable[[RequestRecord], None] | None) -> None:
        ask = Ask(name, name, PRELOAD, keep_alive=-1, options=self._options.get(name, ()))
        host.submit(ask, on_done=on_done)

    def _stays_whole(self, order: tuple[str, ...]) -> bool:
        host, _ = build(self._spec, "room")
        evicted: list[str] = []

        def note(record: RequestRecord) -> None:
            evicted.extend(record.victims)

        for place, name in enumerate(order):
            host.at(place * LOAD_APART_NS, partial(self._load, host, name, note))
        host.run(len(order) * LOAD_APART_NS)
        return not evicted and {row.name for row in host.ps()} == set(order)
