"""Where an installed model differs from its recipe, base included."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.ops.provision.made import made
from toolkit.ops.provision.desired import Recipe
from toolkit.ops.provision.drift import drift, shown_values

if TYPE_CHECKING:
    from toolkit.ops.provision.observed import Made

PROMPT = "{{ .Prompt }}"
BASE = made((("stop", "<a>"), ("stop", "<b>"), ("temperature", "0.7")), "base speaks", PROMPT)
RECIPE = Recipe("base", (("num_ctx", 8192), ("temperature", 0.5)), "Be short.")
AS_DECLARED = (("num_ctx", "8192"), ("stop", "<b>"), ("stop", "<a>"), ("temperature", "0.50"))


def test_what_the_recipe_does_not_say_is_the_bases() -> None:
    assert drift(RECIPE, made(AS_DECLARED, "Be short.", PROMPT), BASE) == ()
    only_template = Recipe("base", template="{{ .System }}")
    assert drift(only_template, made(BASE.parameters, "base speaks", "{{ .System }}"), BASE) == ()


@pytest.mark.parametrize(
    ("recipe", "found", "says"),
    [
        (RECIPE, made(AS_DECLARED[1:], "Be short.", PROMPT), "num_ctx is not set, not 8192"),
        (RECIPE, made(AS_DECLARED, "Be long.", PROMPT), "its system text differs"),
        (RECIPE, made(AS_DECLARED, "Be short.", "other"), "its template differs"),
        (RECIPE, made(AS_DECLARED, "Be short.", PROMPT, "/blobs/b"), "other weights than base has now"),
        (Recipe("base", system="Be short."), made(AS_DECLARED, "Be short.", PROMPT), "num_ctx is 8192, not not set"),
        (
            Recipe("base", (("stop", ("10",)),)),
            made((("stop", "1_0"), BASE.parameters[2]), "base speaks", PROMPT),
            "1_0",
        ),
        (
            Recipe("base", (("stop", ("<c>",)),)),
            made(BASE.parameters, "base speaks", PROMPT),
            "stop is <a> and <b>, not <c>",
        ),
    ],
)
def test_each_difference_is_named(recipe: Recipe, found: Made, says: str) -> None:
    assert says in "; ".join(drift(recipe, found, BASE))


parameters = st.dictionaries(
    st.sampled_from(["num_ctx", "temperature", "stop", "use_mmap", "seed"]),
    st.one_of(st.integers(-10, 10**6), st.floats(0, 2), st.booleans(), st.lists(st.text(max_size=5)).map(tuple)),
)


@given(parameters, st.one_of(st.none(), st.text(min_size=1)), st.randoms())
@example({"stop": ("NAN", "1_0")}, None, random.Random(1))
def test_what_a_creation_would_make_has_no_drift(
    given_parameters: dict[str, object], system: str | None, rng: object
) -> None:
    """The server merges as it says: a parameter of the request takes the place of all lines of the base's."""
    recipe = Recipe("base", tuple(sorted(given_parameters.items())), system)  # type: ignore[arg-type]  # as the config has them
    kept = [(name, value) for name, value in BASE.parameters if name not in given_parameters]
    own = [(name, line) for name, value in recipe.parameters for line in shown_values(value)]
    lines = kept + own
    rng.shuffle(lines)  # type: ignore[attr-defined]  # st.randoms has no better type
    assert drift(recipe, made(tuple(lines), system or "base speaks", PROMPT), BASE) == ()
