"""Which models the server keeps beside which, as the twin answers it."""

from __future__ import annotations

from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from toolkit.config.loading import load_config
from toolkit.config.models import Config
from toolkit.config.twin import TwinSection
from toolkit.fit.together import Household
from toolkit.host.equal import equal_twin
from toolkit.host.from_config import twin_from_config
from toolkit.host.room import TwinRoom
from toolkit.host.twin import build
from toolkit.host.virtual import PRELOAD, Ask

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from toolkit.host.twin_spec import TwinSpec
    from toolkit.host.virtual import RequestRecord

HOUR_NS = 3600 * 1_000_000_000

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


def loaded_one_by_one(spec: TwinSpec, options: Mapping[str, Mapping[str, object]], order: tuple[str, ...]) -> bool:
    """The second witness: the twin itself loads the models, an hour apart. True if nobody had to leave."""
    host, _ = build(spec, "witness")
    evicted: list[str] = []

    def note(record: RequestRecord) -> None:
        evicted.extend(record.victims)

    for place, name in enumerate(order):
        ask = Ask(name, name, PRELOAD, keep_alive=-1, options=tuple(options.get(name, {}).items()))
        host.at(place * HOUR_NS, partial(host.submit, ask, on_done=note))
    host.run(len(order) * HOUR_NS)
    return not evicted and {row.name for row in host.ps()} == set(order)


CARDS = {
    "one": [{"memory": "24GiB"}],
    "shared": [{"memory": "24GiB", "free": "17GiB"}],
    "two": [{"memory": "24GiB"}, {"memory": "16GiB"}],
    "integrated": [{"memory": "48GiB", "library": "Metal", "integrated": True}],
    "old": [{"memory": "24GiB", "compute": 5.2}],
    "none": [],
}


@pytest.mark.parametrize("cards", CARDS)
@pytest.mark.parametrize("profile", ["v0.32", "v0.24"])
@pytest.mark.parametrize(
    ("env", "options"),
    [
        ({}, {}),
        ({"OLLAMA_CONTEXT_LENGTH": "8192", "OLLAMA_NUM_PARALLEL": "4", "OLLAMA_KV_CACHE_TYPE": "q8_0"}, {}),
        ({"OLLAMA_SCHED_SPREAD": "1", "OLLAMA_MAX_LOADED_MODELS": "2"}, {"num_ctx": 4096}),
        ({"OLLAMA_FLASH_ATTENTION": "0", "OLLAMA_GPU_OVERHEAD": "2000000000"}, {"num_ctx": 16384, "num_batch": 2048}),
        ({}, {"num_ctx": 4096, "num_gpu": 12}),
        ({}, {"num_ctx": 4096, "main_gpu": 0}),
    ],
)
def test_what_fits_together_is_what_the_twin_keeps(
    cards: str, profile: str, env: dict[str, str], options: dict[str, object]
) -> None:
    section = TwinSection.model_validate({"gpus": CARDS[cards], "profile": profile, "env": env})
    spec = twin_from_config(section)
    names = tuple(model.spec.name for model in spec.models)
    asked = dict.fromkeys(names, options)
    room = TwinRoom(spec, asked)
    for size in (1, 2, 3):
        for order in permutations(names, size):
            residents = [next(one for one in room.residents([name])) for name in order]
            most = spec_most(room)
            mine = size <= most and Household(residents, room.room).loads(residents, believed=True)
            assert mine == loaded_one_by_one(spec, asked, order), order


def spec_most(room: TwinRoom) -> int:
    """How many models the server keeps at most."""
    return room.room.rules.max_loaded(room.room.specs(), room.room.settings)


def test_what_a_process_takes_is_what_fit_says_it_takes(project_dir: Path) -> None:
    """The gap between what a process holds and what it says is CUDA's own: the driver sees it, `/api/ps` does not."""
    config = load_config(project_dir / "config" / "ollama-vm.yaml", {}).config
    spec = twin_from_config(config.twin)
    host, _ = build(spec, "any")
    name = "qwen2.5:7b"
    host.submit(Ask("r", name, PRELOAD, keep_alive=-1, options=(("num_ctx", 4096),)))
    host.run(HOUR_NS)
    (row,) = host.ps()
    (held,) = host.machine.held_bytes(host.now_ns)
    model = spec.model(name)
    assert model is not None
    assert abs(held - row.vram_bytes - Config().twin.process.vram_bytes) < 20_000, "logs have two decimals of MiB"
    assert row.total_bytes == row.vram_bytes
