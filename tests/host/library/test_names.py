"""Model names: four parts, defaults, spellings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.host.library.names import (
    CLOUD,
    LOCAL,
    ModelName,
    ModelNameError,
    NoNameError,
    TwoSourcesError,
    parse_name,
    parse_reference,
    pull_reference,
)

PART = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,20}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("a", "registry.ollama.ai/library/a:latest"),
        ("a:b", "registry.ollama.ai/library/a:b"),
        ("me/a", "registry.ollama.ai/me/a:latest"),
        ("h.example:80/me/a:b", "h.example:80/me/a:b"),
        ("http://h.example:80/me/a", "h.example:80/me/a:latest"),
        ("https://h/me/a:v1.5", "h/me/a:v1.5"),
    ],
)
def test_parts_and_defaults(text: str, full: str) -> None:
    name = parse_name(text)
    assert name.valid
    assert name.full == full


@pytest.mark.parametrize(
    "text", ["", ":", "a:", "/a", "a/", "a b", "ä", "a:b c", "-a", "me/-a", "a" * 81, "h/n/a/b", ".a"]
)
def test_invalid_names(text: str) -> None:
    assert not parse_name(text).valid


@pytest.mark.parametrize("text", ["a.b-c_d", "A", "_a", "a:b.c", "a" * 80, "9"])
def test_odd_but_valid_names(text: str) -> None:
    assert parse_name(text).valid


def test_short_names_leave_defaults_out() -> None:
    assert parse_name("REGISTRY.ollama.ai/Library/x").short == "x:latest"
    assert parse_name("me/x:1").short == "me/x:1"
    assert parse_name("h/library/x").short == "h/library/x:latest"


@given(PART, PART, PART, PART)
def test_full_names_read_back(host: str, namespace: str, model: str, tag: str) -> None:
    name = ModelName(host, namespace, model, tag)
    assert parse_name(name.full) == name
    assert parse_name(name.short).key[2:] == (model, tag)


@given(st.text(max_size=30))
def test_no_text_brings_it_down(text: str) -> None:
    name = parse_name(text)
    if name.valid:
        assert parse_name(name.full).key == name.key


def test_the_spelling_of_what_is_installed_wins() -> None:
    installed = (parse_name("me/other:V2"), parse_name("Tiny:Latest"))
    assert parse_name("tINY").like(installed).key == parse_name("Tiny:Latest").key
    assert parse_name("ME/OTHER").like(installed).short == "me/other:Latest", "part by part, whoever has it"
    assert parse_name("new").like(()).short == "new:latest"


def test_sources() -> None:
    assert parse_reference("a").source is None
    local = parse_reference(" a:7b:local ")
    assert (local.name.short, local.source) == ("a:7b", LOCAL)
    assert parse_reference("a:cloud").source == CLOUD
    assert parse_reference("a:7b-cloud").source == CLOUD
    assert pull_reference("a:7b-cloud").name.short == "a:7b-cloud"
    with pytest.raises(NoNameError):
        parse_reference(" \n")
    with pytest.raises(TwoSourcesError, match='use either :local or :cloud, not both: "a:cloud:local"'):
        parse_reference("a:cloud:local")
    with pytest.raises(ModelNameError):
        parse_reference("a b")
