"""Which models the server keeps beside which, as the twin answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.host.equal import equal_twin
from toolkit.host.room import TwinRoom

if TYPE_CHECKING:
    from toolkit.host.twin import TwinSpec

NAMES = ("big", "code", "fast")


def small_context(num_ctx: int) -> dict[str, dict[str, object]]:
    """The same explicit context for all models."""
    return {name: {"num_ctx": num_ctx} for name in NAMES}


def test_at_the_automatic_context_no_two_models_live_together(small_twin: TwinSpec) -> None:
    room = TwinRoom(small_twin, {})
    assert room.largest_sets(NAMES) == (("big",), ("code",), ("fast",))
    assert [room.context_of(name) for name in NAMES] == [32768, 32768, 32768]


def test_a_small_context_makes_room(small_twin: TwinSpec) -> None:
    room = TwinRoom(small_twin, small_context(4096))
    assert room.largest_sets(NAMES) == (("code", "fast"), ("big",))
    assert room.fits("fast", frozenset({"code"}))
    assert not room.fits("big", frozenset({"fast"}))


def test_every_model_loads_on_an_empty_host(small_twin: TwinSpec) -> None:
    room = TwinRoom(small_twin, {})
    assert all(room.fits(name, frozenset()) for name in NAMES)


def test_a_model_the_host_lacks_fits_nowhere(small_twin: TwinSpec) -> None:
    room = TwinRoom(small_twin, {})
    assert not room.fits("unheard-of", frozenset())
    assert room.context_of("unheard-of") is None


def test_the_textbook_host_has_as_many_places_as_it_was_given(small_twin: TwinSpec) -> None:
    spec = equal_twin(["a", "b", "c", "d"], 3, small_twin.speeds, "v0.32", "0.32.15")
    room = TwinRoom(spec, {})
    assert room.fits("c", frozenset({"a", "b"}))
    assert not room.fits("d", frozenset({"a", "b", "c"}))
