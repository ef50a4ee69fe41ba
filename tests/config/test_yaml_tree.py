from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.config.yaml_tree import MAX_DEPTH, Mapping, child, parse_tree, plain, walk


def read(text: str) -> Any:
    root, problems = parse_tree(text)
    assert problems == ()
    assert root is not None
    return plain(root)


def complaints(text: str) -> list[tuple[int, str]]:
    return [(problem.line, problem.text) for problem in parse_tree(text)[1]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("# nothing\n", {}),
        ("---\n", {}),
        ("~", {}),
        ("a:", {"a": None}),
        ("a: 'it''s'", {"a": "it's"}),
        ("[1, -2, +3, 0x1F, 0o17, 007]", [1, -2, 3, 31, 15, 7]),
        ("[1.5, .5, 1e3, -1.5E-3, 5.]", [1.5, 0.5, 1000.0, -0.0015, 5.0]),
        ("[true, False, TRUE, null, ~]", [True, False, True, None, None]),
        ("[yes, no, on, off, y]", ["yes", "no", "on", "off", "y"]),
        ("[2026-01-01, 12:30:45, 1_000, 1e, 0x, v0.32]", ["2026-01-01", "12:30:45", "1_000", "1e", "0x", "v0.32"]),
        ("['1', \"true\", !!str 5]", ["1", "true", "5"]),
        ("{1: a, true: b, 'x y': c}", {"1": "a", "true": "b", "x y": "c"}),
        ("a: |\n  one\n  two\nb: >\n  x\n  y\n", {"a": "one\ntwo\n", "b": "x y\n"}),
        ("a: &x {k: 1}\nb: *x\nc: [*x, *x]", {"a": {"k": 1}, "b": {"k": 1}, "c": [{"k": 1}, {"k": 1}]}),
        ("{a: 1}\n...\n", {"a": 1}),
        ("'<<': 1", {"<<": 1}),
    ],
)
def test_values(text: str, value: object) -> None:
    assert read(text) == value


def test_infinities_and_not_a_number() -> None:
    positive, negative, nothing = read("[.inf, -.Inf, .nan]")
    assert (positive, negative) == (math.inf, -math.inf)
    assert math.isnan(nothing)


def test_every_value_knows_its_line() -> None:
    root, _ = parse_tree("a: 1\nb:\n  - x\n  -\n    c: 2\n    d: |\n      text\n")
    assert root is not None
    assert list(walk(root)) == [
        (("a",), 1),
        (("b",), 2),
        (("b", 0), 3),
        (("b", 1), 5),
        (("b", 1, "c"), 5),
        (("b", 1, "d"), 6),
    ]
    assert child(root, 0) is None
    assert isinstance(root, Mapping)
    assert root.entry("z") is None


SYNTAX = [
    ("a: 1\nb: [1,2", 2, "'[' is opened and never closed"),
    ("a: {b: 1\nc: 2\n", 1, "'{' is opened and never closed"),
    ("a: 1\n\tb: 2", 2, "indented with a tab"),
    ("a:\n  b: 1\n\tc: 2", 3, "indented with a tab"),
    ('a: 1\np: "\\d+"', 2, "use single quotes for patterns"),
    ('a: 1\np: "abc\nq: 1\n', 2, "a quote is opened and never closed"),
    ("a: b: c", 1, "a ':' where none may stand"),
    ("a: 1\n  b: 2\n", 2, "a ':' where none may stand"),
    ("a: @x", 1, "may not begin with this character"),
    ("a: `x", 1, "may not begin with this character"),
    ("a: %x", 1, "may not begin with this character"),
    ("a:\n   b: 1\n  c: 2", 3, "indentation does not fit"),
    ("a: 1\n- b", 2, "indentation does not fit"),
    ("a: - b", 1, "a '-' where no list item may stand"),
    ("a: &", 1, "'&' begins an anchor"),
    ("a: *", 1, "'*' begins an alias"),
    ("a: 'it's'", 1, "a quote is missing"),
    ("a: |x\n  foo", 1, "after '|' or '>' the text begins on the next line"),
    ("a: 1\n...\nb: 1\n", 3, "after the end of the document"),
    ("key: 'a'\nmore", 2, "a key without ':'"),
    ("a: {b: 1,, c: 2}", 1, "a ',', ':' or bracket too many"),
    ("a: !<x", 1, "'!' begins a tag"),
]


@pytest.mark.parametrize("with_libyaml", [True, False])
@pytest.mark.parametrize(("text", "line", "why"), SYNTAX)
def test_broken_syntax_is_explained_alike_by_both_parsers(
    text: str, line: int, why: str, *, with_libyaml: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyYAML may have been built without libyaml; the messages do not depend on it."""
    if not with_libyaml:
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    root, problems = parse_tree(text)
    assert root is None
    assert len(problems) == 1
    assert problems[0].line == line
    assert why in problems[0].text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", [(3, "the key 'a' is given twice, first on line 1; keep one of them")]),
        ("{a: 1, 'a': 2}", [(1, "the key 'a' is given twice, first on line 1; keep one of them")]),
        ("a: 1\n---\nb: 1", [(2, "a second document begins here; one file holds one document")]),
        ("a: 1\n---\n", [(2, "a second document begins here; one file holds one document")]),
        ("x: &x {a: 1}\ny:\n  <<: *x", [(3, "merge keys (<<) are not supported; write the keys out")]),
        ("? [a]\n: b", [(1, "a key must be plain text, not a list, a mapping or an alias")]),
        ("'': 1\n? \n: 2", [(2, "there is no key before ':'")]),
        ("a: *b", [(1, "the alias *b repeats nothing: there is no &b above it")]),
        ("a: &a [*a]", [(1, "the alias *a stands inside the value that it repeats")]),
        (
            "a: !!python/object/apply:os.system [x]",
            [(1, "the tag !!python/object/apply:os.system is not supported; write plain values")],
        ),
        ("a: !!int 5", [(1, "the tag !!int is not supported; write plain values")]),
        ("a: " + "9" * 41, [(1, "a number of 41 digits; write a smaller one, or quote it if it is text")]),
        ("&x a: 1", [(1, "the anchor &x stands before a key; put it before a value")]),
    ],
)
def test_structure_that_is_refused(text: str, expected: list[tuple[int, str]]) -> None:
    assert complaints(text) == expected


def test_a_key_given_twice_does_not_hide_other_problems() -> None:
    root, problems = parse_tree("a: 1\na: 2\nb: *x\nc: {d: 1, d: 2}\n")
    assert [problem.line for problem in problems] == [2, 3, 4]
    assert root is not None
    assert plain(root) == {"a": 1, "b": None, "c": {"d": 1}}


def test_an_alias_bomb_is_refused_before_it_is_written_out() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    ((line, text),) = complaints("\n".join(lines))
    assert line == 6  # where a hundred thousand values would become a million
    assert text == "with its aliases written out, the file holds more than 200,000 values; is this the right file?"


def test_depth_is_bounded_however_it_comes_about() -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for text in ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "[" * 100_000, "{a: " * 5_000):
        ((line, why),) = complaints(text)
        assert line == 1
        assert why.startswith(f"values are nested more than {MAX_DEPTH} deep")
    stairs = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [[[[[[[[*a{n - 1}]]]]]]]]" for n in range(1, 9)]
    ((line, why),) = complaints("\n".join(stairs))
    assert line == 6
    assert why == f"the alias *a4 nests values more than {MAX_DEPTH} deep"


def test_more_values_than_a_person_writes_are_refused() -> None:
    ((_, why),) = complaints("[" + "1," * 200_001 + "]")
    assert why == "the file holds more than 200,000 values; is this the right file?"


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.text(max_size=8), st.floats(allow_nan=False)
)
documents = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_size=5,
)


@given(documents)
@settings(max_examples=60)
def test_what_yaml_writes_is_read_back(document: dict[str, Any]) -> None:
    """The second witness is PyYAML's writer; double quotes keep YAML 1.1's and our readings of text apart."""
    assert read(yaml.safe_dump(_quoted(document), allow_unicode=True, width=1000)) == document


class _Quoted(str):
    __slots__ = ()


yaml.SafeDumper.add_representer(
    _Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')
)


def _quoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {_Quoted(key): _quoted(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_quoted(below) for below in value]
    return _Quoted(value) if isinstance(value, str) else value


@given(st.text(st.sampled_from("ab:-[]{}'\"&*!|>#%@`,? \n\t<~1.\\"), max_size=40))
@settings(max_examples=300)
def test_any_text_gives_a_tree_or_a_problem_on_one_of_its_lines(text: str) -> None:
    root, problems = parse_tree(text)
    assert root is not None or problems
    assert all(1 <= problem.line <= text.count("\n") + 1 for problem in problems)
