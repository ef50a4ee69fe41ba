"""What pinning leaves for the others, against `toolkit.fit` asked directly."""

from __future__ import annotations

import pytest

from tests.ops.provision.host import THREE, config_of
from toolkit.fit.catalogue import published
from toolkit.fit.gpus import gpus_of
from toolkit.fit.report import Question, Wish, report_on
from toolkit.fit.room import Room
from toolkit.fit.spec import Spec, spec_of
from toolkit.ops.provision.company import company_of, weights_of, wish_of
from toolkit.ops.provision.desired import Desired, Recipe, desired_models
from toolkit.ops.provision.render_company import company_json, company_text

ROOM = Room(gpus_of("rtx4090"))
WANTED = desired_models(config_of(THREE))
SPECS: dict[str, Spec] = {
    "qwen2.5:32b": spec_of(published("qwen2.5:32b")),
    "deepseek-coder-v2:16b": spec_of(published("deepseek-coder-v2:16b")),
    "qwen2.5:7b": spec_of(published("qwen2.5:7b")),
    "short:latest": spec_of(published("qwen2.5:7b")),
}


def test_who_can_live_beside_a_pinned_model_is_what_fit_says() -> None:
    company = company_of(["qwen2.5:7b"], WANTED, SPECS, ROOM, Wish(8192))
    assert company is not None
    named = tuple((name, SPECS[name]) for name in ("qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b"))
    (context,) = report_on(Question(named, ROOM, Wish(8192))).contexts
    beside = {name for one in context.sets.both if "qwen2.5:7b" in one for name in one} - {"qwen2.5:7b"}
    assert set(company.beside) == beside == {"deepseek-coder-v2:16b"}
    assert company.apart == ("qwen2.5:32b",)
    assert company.shares == ("short",)
    assert company.pinned_bytes + company.left_bytes == ROOM.total_bytes
    assert 5 << 30 < company.pinned_bytes < 6 << 30


def test_pins_that_do_not_fit_together_are_told() -> None:
    company = company_of(["qwen2.5:32b", "qwen2.5:7b"], WANTED, SPECS, ROOM, Wish(32768))
    assert company is not None
    assert not company.together
    assert "these cannot all stay loaded: qwen2.5:32b, qwen2.5:7b; pin fewer" in company_text(company)


def test_what_is_not_known_is_said() -> None:
    company = company_of(["qwen2.5:7b"], [*WANTED, Desired("odd")], SPECS, ROOM, Wish(8192))
    assert company is not None
    assert company.unknown == ("odd",)
    assert company_of(["odd"], [*WANTED, Desired("odd")], SPECS, ROOM, Wish()) is None
    assert "nothing is known" in company_text(None)
    assert company_json(None) is None


def test_weights_are_followed_through_recipes() -> None:
    chain = [Desired("a"), Desired("b", recipe=Recipe("a", system="B")), Desired("c", recipe=Recipe("b", system="C"))]
    assert weights_of(chain) == {"a:latest": "a:latest", "b:latest": "a:latest", "c:latest": "a:latest"}
    assert weights_of(chain[1:]) == {"b:latest": "a:latest", "c:latest": "a:latest"}


@pytest.mark.parametrize(
    ("settings", "wish"),
    [
        ({}, Wish()),
        ({"OLLAMA_CONTEXT_LENGTH": "0", "OLLAMA_NUM_PARALLEL": "x"}, Wish()),
        (
            {"OLLAMA_CONTEXT_LENGTH": "4096", "OLLAMA_NUM_PARALLEL": "2", "OLLAMA_KV_CACHE_TYPE": "q8_0"},
            Wish(4096, 2, "q8_0"),
        ),
        ({"OLLAMA_MAX_LOADED_MODELS": "2"}, Wish(most_models=2)),
    ],
)
def test_the_servers_settings_decide_what_models_take(settings: dict[str, str], wish: Wish) -> None:
    assert wish_of(settings) == wish
