"""Whole files against a model made for the purpose: lines, key paths, what was found, what is allowed."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, model_validator

from toolkit.config.positions import Positioned, load_yaml_model, read_yaml_model
from toolkit.config.section import Section, own_words, wrong_key
from toolkit.errors import ConfigError, InputError


class Steady(Section):
    kind: Literal["steady"]
    gap: int


class Burst(Section):
    kind: Literal["burst"]
    size_tokens: int = Field(alias="size")


Arrival = Annotated[Steady | Burst, Field(discriminator="kind")]


class Inner(Section):
    colour: Literal["red", "green", "blue"] = "red"
    share: float = Field(default=0.5, gt=0, le=1)


class Sample(Section):
    name: str
    arrival: Arrival | None = None
    phases: tuple[Arrival, ...] = ()
    inner: Inner = Inner()
    names: Mapping[str, str | Inner] = Field(default_factory=dict)
    few: tuple[int, ...] = Field(default=(1,), min_length=1)
    low: int = 0
    high: int = 9
    secret: str | None = None

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if self.low > self.high:
            raise wrong_key("low", "more than high")
        if self.secret == "hush":  # noqa: S105 - nobody's
            raise own_words("not like this")
        if self.name == "bad":
            raise ValueError("this will not do")
        return self


def read(text: str) -> Positioned[Sample]:
    return read_yaml_model(text.encode(), "f.yaml", Sample, error=ConfigError)


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return list(caught.value.problems)


MAPPING = "a mapping (keys with values)"
TEXT = "text (in quotes, if it looks like a number)"
ALLOWED = "name, arrival, phases, inner, names, few, low, high, secret"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["f.yaml:1: the key 'name' is missing"]),
        ("- a\n", ["f.yaml:1: found a list of 1; allowed: a mapping (keys with values)"]),
        ("just text", ["f.yaml:1: found 'just text'; allowed: a mapping (keys with values)"]),
        ("name:\n", ["f.yaml:1: name: found nothing; allowed: text (in quotes, if it looks like a number)"]),
        ("name: 7\n", ["f.yaml:1: name: found 7; allowed: text (in quotes, if it looks like a number)"]),
        ("name: x\nlow: 1.5", ["f.yaml:2: low: found 1.5; allowed: a whole number"]),
        ("name: x\nlow: yes", ["f.yaml:2: low: found 'yes'; allowed: a whole number"]),
        ("name: x\nfew: 5", ["f.yaml:2: few: found 5; allowed: a list"]),
        ("name: x\nfew: []", ["f.yaml:2: few: found an empty list; allowed: at least 1 of them"]),
        ("name: x\nfew:\n- 1\n- a", ["f.yaml:4: few[1]: found 'a'; allowed: a whole number"]),
        ("name: x\ninner: {share: 2}", ["f.yaml:2: inner.share: found 2; allowed: at most 1"]),
        ("name: x\ninner: {share: .nan}", ["f.yaml:2: inner.share: found nan; allowed: a finite number"]),
        (
            "name: x\ninner:\n  share:1",
            [f"f.yaml:2: inner: found 'share:1'; allowed: {MAPPING}; a blank is missing after the colon"],
        ),
        ("name: x\ninner: 5", ["f.yaml:2: inner: found 5; allowed: a mapping (keys with values)"]),
        (
            "name: x\ninner:\n  colour: gren",
            ["f.yaml:3: inner.colour: found 'gren'; allowed: red, green, blue; did you mean 'green'?"],
        ),
        (
            "name: x\ninner:\n  color: red",
            ["f.yaml:3: inner.color: unknown key; did you mean 'colour'? allowed here: colour, share"],
        ),
        (
            "inner: {}\nshare: 1\nname: x",
            [f"f.yaml:2: share: unknown key; it belongs in inner or names.*; allowed here: {ALLOWED}"],
        ),
        ("name: x\nhigh: 1\nlow: 5", ["f.yaml:3: low: more than high"]),
        ("name: x\nhigh: -5", ["f.yaml:1: low: more than high"]),
        ("name: bad", ["f.yaml:1: this will not do"]),
        ("name: x\nsecret: hush", ["f.yaml:1: not like this"]),
        (
            "name: x\narrival: {kind: burst, size: 1, gap: 2}",
            ["f.yaml:2: arrival.gap: unknown key; it belongs in arrival or phases[]; allowed here: kind, size"],
        ),
        (
            "name: x\narrival:\n  kind: brust",
            ["f.yaml:3: arrival.kind: found 'brust'; allowed: steady, burst; did you mean 'burst'?"],
        ),
        ("name: x\narrival:\n  size: 1", ["f.yaml:2: arrival.kind: the key is missing, and says which kind this is"]),
        ("name: x\nphases:\n- kind: steady\n  gap: q", ["f.yaml:4: phases[0].gap: found 'q'; allowed: a whole number"]),
        ("name: x\nphases:\n- kind: burst", ["f.yaml:3: phases[0]: the key 'size' is missing"]),
        ("name: x\nnames: {a.b: {share: 9}}", ["f.yaml:2: names['a.b'].share: found 9; allowed: at most 1"]),
        ("name: x\nnames:\n  a: 5", [f"f.yaml:3: names.a: found 5; allowed: {TEXT} or a mapping (keys with values)"]),
    ],
)
def test_each_mistake_is_one_sentence_with_its_place(text: str, expected: list[str]) -> None:
    assert problems(text) == expected


def test_everything_that_is_wrong_is_said_at_once_in_file_order() -> None:
    text = "name: 1\nlow: a\nlow: 2\ninner:\n  share: 0\n  size: 1\nphases: [{kind: x}]\n"
    assert [problem.split(": ")[0] for problem in problems(text)] == [f"f.yaml:{line}" for line in (1, 2, 3, 5, 6, 7)]


def test_long_and_hostile_values_are_shown_short_and_harmless() -> None:
    """A terminal must not obey what a message only quotes."""
    (long,) = problems("name: x\ninner: {colour: " + "a" * 500 + "}")
    assert len(long) < 160
    (hostile,) = problems('name: x\n"\\e[31m\\n": 1')
    assert hostile.isprintable()
    assert (
        problems('name: x\n"a\\e": 1\n"a\\e": 1')[1]
        == "f.yaml:3: the key 'a\\x1b' is given twice, first on line 2; keep one of them"
    )
    (mapping,) = problems("name: {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7}")
    assert "found a mapping with a, b, c, d, e, f, …;" in mapping


def test_a_good_file_gives_the_value_its_lines_and_its_hash(tmp_path: Path) -> None:
    data = b"name: x\nphases:\n  - kind: steady\n    gap: 5\ninner:\n"
    path = tmp_path / "good.yaml"
    path.write_bytes(data)
    read_in = load_yaml_model(path, Sample, error=ConfigError)
    assert read_in.value == Sample(name="x", phases=(Steady(kind="steady", gap=5),))
    assert read_in.sha256 == hashlib.sha256(data).hexdigest()
    assert read_in.file == str(path)
    assert read_in.line_of(()) == 1
    assert read_in.line_of(("phases", 0, "gap")) == 4
    assert read_in.line_of(("phases", 1)) is None
    assert read_in.line_of(("inner", "share")) is None
    assert read_in.at(("inner", "share")) == f"{path}:5:"
    assert (("phases", 0, "kind"), 3) in read_in.key_paths()


def test_the_error_class_is_the_callers(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.yaml:1: there is no such file"):
        load_yaml_model(tmp_path / "no.yaml", Sample, error=lambda found: InputError("\n".join(found)))
    path = tmp_path / "two.yaml"
    path.write_text("name: 1\nlow: x\n")
    with pytest.raises(InputError, match=r"two\.yaml:1: name: .*\n.*two\.yaml:2: low: "):
        load_yaml_model(path, Sample, error=lambda found: InputError("\n".join(found)))


keys = st.sampled_from(["name", "arrival", "phases", "inner", "names", "few", "low", "kind", "size", "colour", "zz"])
values = st.recursive(
    st.sampled_from(["x", "1", "0.5", "red", "steady", "burst", "true", "null", "[]", "{}"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(keys, inner, max_size=3).map(
            lambda entries: "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"
        ),
    ),
    max_leaves=6,
)


@given(st.dictionaries(keys, values, max_size=6))
@settings(max_examples=200)
def test_any_document_loads_or_names_its_lines(entries: dict[str, str]) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in entries.items())
    try:
        read(text)
    except ConfigError as error:
        for problem in error.problems:
            file, line, _ = problem.split(":", 2)
            assert file == "f.yaml"
            assert 1 <= int(line) <= max(len(entries), 1)
