"""How specs are read: what is written comes back, what is not understood is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.cache.spec import Parameters, Spec, parse_spec, split_specs
from toolkit.errors import UsageError

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
PLAIN = st.from_regex(r"[a-z0-9.:_-]{1,8}", fullmatch=True)


def specs(depth: int = 2) -> st.SearchStrategy[Spec]:
    values = PLAIN if not depth else PLAIN | specs(depth - 1).map(lambda spec: spec.text)
    return st.builds(Spec, NAMES, st.dictionaries(NAMES, values, max_size=3).map(lambda given: tuple(given.items())))


@given(specs())
def test_what_is_written_is_read_back(spec: Spec) -> None:
    assert parse_spec(spec.text) == spec


@given(st.lists(specs(), max_size=4))
def test_a_list_is_split_outside_of_brackets_only(listed: list[Spec]) -> None:
    assert split_specs(", ".join(spec.text for spec in listed)) == tuple(listed)


def test_white_space_and_empty_brackets_mean_nothing() -> None:
    assert parse_spec(" lru ( ) ") == Spec("lru")
    assert parse_spec("gdsf( cost = load )").text == "gdsf(cost=load)"
    assert split_specs(" , lru,, ") == (Spec("lru"),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "write a name"),
        ("LRU", "write a name"),
        ("lru(", "write a name"),
        ("lru)k=1(", "write a name"),
        ("lru(k)", "'k' in 'lru\\(k\\)'; parameters are written key=value"),
        ("lru(=1)", "parameters are written key=value"),
        ("lru(k=)", "parameters are written key=value"),
        ("lru(k=1,k=2)", "gives k twice"),
    ],
)
def test_what_is_wrong_is_named(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_spec(text)


def taken(text: str) -> Parameters:
    return Parameters(parse_spec(text))


def test_defaults_hold_for_what_is_not_given() -> None:
    given = taken("p")
    assert given.whole("n", 3) == 3
    assert given.number("x", 0.5, 0, 1) == 0.5
    assert given.choice("c", "a", ("a", "b")) == "a"
    assert given.duration_ns("d", 7) == 7
    given.finish()


def test_values_are_read_with_their_limits() -> None:
    given = taken("p(n=5, x=0.25, c=b, d=2s)")
    assert (given.whole("n", 1), given.number("x", 1, 0, 1)) == (5, 0.25)
    assert (given.choice("c", "a", ("a", "b")), given.duration_ns("d", 0)) == ("b", 2_000_000_000)
    given.finish()


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "9999999999999"])
def test_a_whole_number_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match=r"p: n is .*; give a whole number, at least 1"):
        taken(f"p(n={value})").whole("n", 1)


@pytest.mark.parametrize("value", ["0", "1.01", "nan", "inf", "much"])
def test_a_number_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match=r"p: x is .*; give a number above 0, at most 1"):
        taken(f"p(x={value})").number("x", 0.5, 0, 1)


def test_what_nobody_asked_for_is_refused_with_a_hint() -> None:
    given = taken("p(horizont=3)")
    given.whole("horizon", 1)
    with pytest.raises(UsageError, match="p has no parameter 'horizont'; did you mean 'horizon'"):
        given.finish()
