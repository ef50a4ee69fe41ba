"""Accuracy and confusion on labelled prompts; every broken row named by file and line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import InputError
from toolkit.routing.evaluation import evaluate, parse_labelled
from toolkit.routing.router import Router, Rule

if TYPE_CHECKING:
    from pathlib import Path

MODELS = {"primary": "big", "code": "coder", "fast": "small"}
LONG = "a long question about the history of lighthouses and of the people who kept them burning in the worst storms "


def rows(*pairs: tuple[str, str]) -> bytes:
    return "\n".join(json.dumps({"text": text, "label": label}) for text, label in pairs).encode()


def test_counts_by_hand() -> None:
    data = rows(
        ("hi", "fast"),
        ("fix this bug", "code"),
        (LONG, "primary"),
        ("which yoga class?", "fast"),
        ("prove it", "primary"),
    )
    result = evaluate(Router((), MODELS), parse_labelled(data, "p.jsonl"))
    assert result.labels == ("primary", "code", "fast")
    assert result.confusion == ((1, 0, 1), (0, 1, 0), (0, 1, 1))
    assert (result.prompts, result.correct, result.accuracy) == (5, 3, 0.6)
    assert [(m.prompt.where, m.expected, m.decision.role) for m in result.mistakes] == [
        ("p.jsonl:4", "fast", "code"),
        ("p.jsonl:5", "primary", "fast"),
    ]


def test_a_label_may_be_a_models_name_and_two_roles_of_one_model_are_one_class() -> None:
    router = Router((Rule("alpha", "extra:1b"),), {"primary": "one", "fast": "one"})
    result = evaluate(router, parse_labelled(rows(("alpha", "extra:1b"), ("hi", "fast"), ("hi", "one")), "p"))
    assert result.labels == ("primary", "extra:1b")
    assert result.accuracy == 1.0


def test_empty_lines_other_keys_a_signature_and_crlf_are_read_over() -> None:
    data = (
        b'\xef\xbb\xbf{"text": "hi", "label": "fast", "id": 7}\r\n\r\n   \n{"label": "code", "text": "\xe2\x80\xa8"}\n'
    )
    assert [(p.text, p.where) for p in parse_labelled(data, "p")] == [("hi", "p:1"), ("\u2028", "p:4")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b"{", "not JSON"),
        (b"nonsense", "not JSON"),
        (b"[1]", "expected an object"),
        (b"null", "expected an object"),
        (b'{"text": "x"}', "no 'label'"),
        (b'{"label": "fast"}', "no 'text'"),
        (b'{"text": 1, "label": "fast"}', "'text' must be a string, found int"),
        (b'{"text": "x", "label": null}', "'label' must be a string, found NoneType"),
        (b'{"text": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "too deep"),
        (b"1" * 10_000, "too long a number"),
    ],
)
def test_a_broken_row_is_named_by_file_and_line(row: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_labelled(rows(("hi", "fast")) + b"\n" + row + b"\n", "some/p.jsonl")
    assert str(caught.value).startswith("some/p.jsonl:2: ")
    assert said in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_a_file_without_prompts_is_an_error(data: bytes) -> None:
    with pytest.raises(InputError, match=r"^p:1: no labelled prompt"):
        parse_labelled(data, "p")


def test_an_unknown_label_names_the_nearest() -> None:
    prompts = parse_labelled(rows(("hi", "fast"), ("hi", "fsat")), "p")
    with pytest.raises(InputError, match=r"^p:2: label 'fsat' is neither a role nor a model.*did you mean 'fast'\?"):
        evaluate(Router((), MODELS), prompts)


@given(
    st.lists(
        st.tuples(st.sampled_from(["hi", "a bug", LONG, LONG + "api"]), st.sampled_from(sorted(MODELS))), min_size=1
    )
)
def test_rows_sum_to_the_labels_and_columns_to_the_decisions(pairs: list[tuple[str, str]]) -> None:
    router = Router((), MODELS)
    result = evaluate(router, parse_labelled(rows(*pairs), "p"))
    for index, label in enumerate(result.labels):
        assert sum(result.confusion[index]) == sum(given_label == label for _, given_label in pairs)
        assert sum(row[index] for row in result.confusion) == sum(router.route(text).role == label for text, _ in pairs)
    assert result.correct == result.prompts - len(result.mistakes)


def test_the_bundled_prompts_give_the_figures_that_the_documentation_states(project_dir: Path) -> None:
    """Labels were written before the router saw the prompts: it is right on three quarters, no better."""
    file = project_dir / "scenarios" / "labelled-prompts.jsonl"
    result = evaluate(Router((), MODELS), parse_labelled(file.read_bytes(), file.name))
    assert (result.correct, result.prompts) == (45, 60)
    assert result.labels == ("primary", "code", "fast")
    assert result.confusion == ((14, 2, 3), (3, 14, 5), (0, 2, 17))
