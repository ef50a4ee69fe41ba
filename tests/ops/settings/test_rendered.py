"""Any value comes back from a drop-in as systemd reads it, and from an override as compose does.

The readers below are written from the manuals, without a look at the writer.
"""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.ops.settings.rendered import compose_override, drop_in, environment_line

VALUES = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp"), exclude_characters="\ufeff"), max_size=60
)
HOSTILE = (
    '%h "quoted" \\n back\\\\slash $HOME ${X} `id` $(id) ; # \' | & * ? ~ {a,b} !x =',
    "ends with a backslash \\",
    "%",
    "%%",
    "",
    "  blanks  ",
    "'",
    "ü€😀",
)
ESCAPES = dict(zip("abfnrtv\\\"'s", "\a\b\f\n\r\t\v\\\"' ", strict=True))


def logical_lines(text: str) -> list[str]:
    """systemd.syntax(7): lines that end in a backslash go on; comments and empty lines count for nothing."""
    joined = re.sub(r"\\\n", " ", text)
    return [line for line in joined.split("\n") if line.strip() and line.lstrip()[0] not in "#;"]


def words(text: str) -> list[str]:
    """The same: split at blanks, quotes of both kinds, C escapes everywhere."""
    found, word, quote, started, position = [], "", "", False, 0
    while position < len(text):
        sign = text[position]
        if sign == "\\":
            position += 1
            word, started = word + ESCAPES[text[position]], True
        elif quote:
            quote, word = ("", word) if sign == quote else (quote, word + sign)
        elif sign in "\"'":
            quote, started = sign, True
        elif sign in " \t":
            if started:
                found.append(word)
            word, started = "", False
        else:
            word, started = word + sign, True
        position += 1
    assert not quote
    return [*found, word] if started else found


def specifiers(text: str) -> str:
    """systemd.unit(5): `%%` is a percent sign; any other specifier would be replaced, which must not happen."""
    assert "%" not in text.replace("%%", "")
    return text.replace("%%", "%")


def read_drop_in(text: str) -> dict[str, str]:
    section, found = "", {}
    for line in logical_lines(text):
        if line.startswith("["):
            section = line
            continue
        key, _, value = line.partition("=")
        assert (section, key.strip()) == ("[Service]", "Environment")
        for word in words(value.strip()):
            name, _, content = specifiers(word).partition("=")
            found[name] = content
    return found


def read_compose(text: str, service: str) -> dict[str, str]:
    """Compose's file reference: `$$` is a dollar sign; any other one would begin a variable."""
    environment = yaml.safe_load(text)["services"][service]["environment"]
    assert all(isinstance(value, str) and "$" not in value.replace("$$", "") for value in environment.values())
    return {name: value.replace("$$", "$") for name, value in environment.items()}


@given(VALUES, VALUES)
@example(*HOSTILE[:2])
@example(*HOSTILE[2:4])
@example(*HOSTILE[4:6])
@example(*HOSTILE[6:8])
def test_any_value_comes_back(one: str, other: str) -> None:
    settings = {"OLLAMA_ORIGINS": one, "OLLAMA_MODELS": other}
    assert read_drop_in(drop_in(settings)) == settings
    assert read_compose(compose_override("ollama", settings), "ollama") == settings


@pytest.mark.parametrize(
    "value", ["a\nb", "a\rb", "\x00", "\x1b[2J", "\x7f", "\u2028", "\ud800", "\ufffe", "x" * 100_001]
)
def test_what_no_line_can_hold_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match=r"host\.settings\.OLLAMA_ORIGINS"):
        environment_line("OLLAMA_ORIGINS", value)
    with pytest.raises(UsageError, match=r"host\.settings\.OLLAMA_ORIGINS"):
        compose_override("ollama", {"OLLAMA_ORIGINS": value})


def test_a_drop_in_is_the_same_for_the_same_settings_in_any_order() -> None:
    text = drop_in({"OLLAMA_NUM_PARALLEL": "2", "OLLAMA_KEEP_ALIVE": "30m"})
    assert text == drop_in({"OLLAMA_KEEP_ALIVE": "30m", "OLLAMA_NUM_PARALLEL": "2"})
    assert text.splitlines()[1:] == [
        "[Service]",
        'Environment="OLLAMA_KEEP_ALIVE=30m"',
        'Environment="OLLAMA_NUM_PARALLEL=2"',
    ]
