"""Maps from a trace's models to the host's."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import InputError
from toolkit.workload.traces import ByRank, Explicit, KeepNames, ModelMap, SeededMix, load_trace, parse_mix
from toolkit.workload.traces.models import MappingError
from toolkit.workload.traces.rows import TraceRow

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "traces"
ROLES = {"primary": "big", "code": "coder", "fast": "small", "big": "big"}


def row(model: str | None, session: str | None = None, line: int = 2) -> TraceRow:
    return TraceRow(line, 0, 1, 1, model, session, 0, None)


def assign(models: ModelMap, names: str) -> str:
    """A trace whose models are single letters, mapped to models of one letter."""
    return "".join(models.assign([row(name) for name in names], seed=1).models)


def test_by_rank_gives_the_most_frequent_first_and_then_evens_out() -> None:
    assert assign(ByRank(("x", "y", "z")), "aaaabbbccd") == "xxxxyyyzzz"
    assert assign(ByRank(("x", "y")), "aaaabbbccd") == "xxxxyyyyyx"
    assert assign(ByRank(("x", "y", "z")), "ba") == "yx"


@given(names=st.text("abcdefgh", min_size=1, max_size=60), hosts=st.integers(1, 5))
def test_by_rank_is_a_function_of_the_name_and_uses_every_host_it_can(names: str, hosts: int) -> None:
    host_models = tuple("vwxyz"[:hosts])
    mapped = assign(ByRank(host_models), names)
    assert len({(one, other) for one, other in zip(names, mapped, strict=True)}) == len(set(names))
    assert len(set(mapped)) == min(hosts, len(set(names)))
    load = Counter(mapped)
    heaviest_trace_model = max(Counter(names).values())
    assert max(load.values()) - min(load[host] for host in host_models) <= heaviest_trace_model


def test_by_rank_says_what_was_mapped_how() -> None:
    notes = ByRank(("x", "y")).assign([row(name) for name in "aaaabbbccd"], seed=1).notes
    assert notes == (
        "The trace's 4 models are mapped by rank to 2: x 50.0%, y 50.0% of the requests.",
        "Consecutive requests change model 33.3% of the time in the trace, 22.2% after the mapping.",
    )


def test_an_explicit_map_needs_every_name_also_the_empty_one() -> None:
    models = Explicit({"M5": "x", "M6": "y", "M8": "y", "": "z"})
    plan = load_trace(FIXTURES / "alibaba_genai.csv", "alibaba-genai", models=models, seed=1)
    assert [request.model for request in plan.requests] == ["x", "y", "x", "z", "y", "x"]
    with pytest.raises(InputError, match=r"alibaba_genai\.csv:5: the map has no host model for ''; add one$"):
        load_trace(FIXTURES / "alibaba_genai.csv", "alibaba-genai", models=Explicit({"M5": "x", "M6": "y"}), seed=1)


@pytest.mark.parametrize("models", [KeepNames(), ByRank(("x",)), Explicit({"a": "x"})])
def test_a_trace_without_models_needs_a_mix(models: ModelMap) -> None:
    with pytest.raises(InputError, match=r"azure\.csv:2: this trace names no models; say which share"):
        load_trace(FIXTURES / "azure.csv", "azure", models=models, seed=1)


def test_by_rank_needs_a_host_model() -> None:
    with pytest.raises(MappingError, match="the config names no models"):
        assign(ByRank(()), "a")


def test_a_mix_deals_out_its_shares_and_keeps_a_session_together() -> None:
    mix = SeededMix((("x", 5.0), ("y", 3.0), ("z", 2.0)))
    alone = mix.assign([row(None)] * 20_000, seed=3)
    shares = {name: round(count / 20_000, 2) for name, count in Counter(alone.models).items()}
    assert shares == {"x": 0.5, "y": 0.3, "z": 0.2}
    assert alone.notes == (
        "The models are not the trace's: drawn for each request with seed 3, as x 50%, y 30%, z 20%.",
    )
    together = mix.assign([row(None, f"s{each % 40}") for each in range(400)], seed=3)
    assert len(set(zip((each % 40 for each in range(400)), together.models, strict=True))) == 40
    assert (
        mix.assign([row(None)] * 50, seed=3).models == alone.models[:50] != mix.assign([row(None)] * 50, seed=4).models
    )


def test_a_mix_is_read_by_role_or_name() -> None:
    assert parse_mix("primary=0.5, code=0.3,fast=0", ROLES) == SeededMix((("big", 0.5), ("coder", 0.3)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a mix is written like"),
        ("primary", "a mix is written like"),
        ("primary=x", "the share of 'primary' is 'x'"),
        ("primary=-1", "the share of 'primary' is '-1'"),
        ("primary=nan", "the share of 'primary' is 'nan'"),
        ("primry=1", "the mix names 'primry', which the config does not; did you mean 'primary'"),
        ("primary=1,big=1", "the mix names 'big' twice"),
        ("primary=0", "all shares of the mix are 0"),
    ],
)
def test_a_wrong_mix_is_explained(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_mix(text, ROLES)
    assert message in str(caught.value)
