"""Go templates: actions, functions, white space, faults; and prompts made of messages."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.host.app.prompts import blank_message
from toolkit.host.library.configured import CHAT_TEMPLATE
from toolkit.host.speech.template import PromptValues, Template
from toolkit.host.speech.template_parse import TemplateError

TODAY = dt.date(2026, 11, 22)


def turn(role: str, content: str, **more: Any) -> dict[str, Any]:
    return {**blank_message(role, content), **more}


def render(source: str, *messages: dict[str, Any], **more: Any) -> str:
    return Template.parse(source).render(PromptValues(messages, **more), TODAY)


HI = turn("user", "hi")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ .Messages | len }}", "1"),
        ("{{- range $i, $m := .Messages }}{{ $i }}={{ $m.Role }}{{ end }}", "0=user"),
        ("{{ range .Messages }}{{ .Content }}{{ else }}none{{ end }}", "hi"),
        ("{{ with .Messages }}{{ (index . 0).Content }}{{ end }}", "hi"),
        ("  {{- /* said */ -}}  x{{ .Messages | len }}", "x1"),
        ("{{ $x := 1 }}{{ range .Messages }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ if and .Messages (not .System) }}a{{ else if .System }}b{{ else }}c{{ end }}", "a"),
        ('{{ if or (eq (len .Messages) 3 1) (ne "a" "a") }}yes{{ end }}', "yes"),
        ('{{ if and (gt 2 1) (le 1 1) (lt "a" "b") (ge 2 2) }}ordered{{ end }}{{ len .Messages }}', "ordered1"),
        ('{{ printf "%s-%d-%q-%v-%5d|" "a" 3 "b" true 7 }}{{ len .Messages }}', 'a-3-"b"-true-    7|1'),
        ('{{ print "a" 1 2 "b" }}{{ len .Messages }}', "a1 2b1"),
        ("{{ slice .Messages 0 1 | len }}", "1"),
        ('{{ define "t" }}[{{ . }}]{{ end }}{{ template "t" "x" }}{{ len .Messages }}', "[x]1"),
        ('{{ block "b" . }}{{ len .Messages }}{{ end }}', "1"),
        ("{{ range .Messages }}{{ break }}x{{ end }}{{ len .Messages }}", "1"),
        ("{{ range .Messages }}{{ continue }}x{{ end }}{{ len .Messages }}", "1"),
        ("{{ json .Messages | len | lt 5 }}", "true"),
        ("{{ currentDate }} {{ len .Messages }}", "2026-11-22 1"),
        ("{{ `raw \\n` }}{{ 'a' }}{{ 0x10 }}{{ 1.5 }}{{ len .Messages }}", "raw \\n97161.51"),
    ],
)
def test_actions_and_functions(source: str, text: str) -> None:
    assert render(source, HI) == text


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ .X", "unclosed action"),
        ("{{ if .Prompt }}x", "unexpected EOF"),
        ("{{ end }}", "unexpected {{end}}"),
        ("{{ nosuch .Prompt }}", 'function "nosuch" not defined'),
        ("{{ $x }}", 'undefined variable "$x"'),
        ("{{ }}", "missing value for command"),
        ("{{ .Prompt | }}", "missing value for command"),
        ('{{ "open }}', "unterminated quoted string"),
    ],
)
def test_faults_are_told_in_gos_words(source: str, words: str) -> None:
    with pytest.raises(TemplateError) as failure:
        Template.parse(source)
    assert words in str(failure.value)


@given(st.text(alphabet="{}-. |()$a:=\"'/*\nifrangend", max_size=40))
def test_no_source_brings_the_parser_down(source: str) -> None:
    try:
        template = Template.parse(source)
    except TemplateError:
        return
    try:
        template.render(PromptValues((HI,)), TODAY)
    except TemplateError:
        return


CHATML = (
    "{{ if .System }}<system>{{ .System }}</system>{{ end }}"
    "{{ if .Prompt }}<user>{{ .Prompt }}</user>{{ end }}<assistant>{{ .Response }}</assistant>"
)


def test_old_templates_run_once_for_each_turn() -> None:
    messages = (turn("system", "S"), turn("user", "1"), turn("assistant", "2"), turn("user", "3"))
    assert render(CHATML, *messages) == (
        "<system>S</system><user>1</user><assistant>2</assistant><user>3</user><assistant>"
    )
    assert render("{{ .Prompt }}", HI) == "hi", "the response is added at the end"


def test_texts_of_one_role_in_a_row_become_one() -> None:
    assert render(CHATML, HI, turn("user", "again")) == "<user>hi\n\nagain</user><assistant>"


def test_suffixes() -> None:
    template = Template.parse("<pre>{{ .Prompt }}<suf>{{ .Suffix }}<mid>")
    assert template.render(PromptValues(prompt="a", suffix="b"), TODAY) == "<pre>a<suf>b<mid>"
    assert "suffix" in template.variables


def test_the_template_of_configured_models() -> None:
    call = {"id": "", "function": {"index": 0, "name": "f", "arguments": {"b": 1, "a": "x"}}}
    text = render(
        CHAT_TEMPLATE,
        turn("system", "Be short."),
        HI,
        turn("assistant", "", tool_calls=[call]),
        turn("tool", "11"),
    )
    assert text == (
        "<|im_start|>system\nBe short.<|im_end|>\n"
        "<|im_start|>user\nhi<|im_end|>\n"
        '<|im_start|>assistant\n<tool_call>\n{"name": "f", "arguments": {"a":"x","b":1}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\n11\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    template = Template.parse(CHAT_TEMPLATE)
    assert template.tool_tag == "<tool_call>"
    assert {"messages", "tools", "system"} <= template.variables


@pytest.mark.parametrize(
    ("think", "text"), [(None, "falsefalse"), (True, "truetruemedium"), (False, "falsetrue"), ("high", "truetruehigh")]
)
def test_thinking_variables(think: bool | str | None, text: str) -> None:
    source = "{{ .Think }}{{ .IsThinkSet }}{{ .ThinkLevel }}{{ range .Messages }}{{ end }}"
    assert render(source, HI, think=think) == text


def test_thinking_tags_stand_around_the_thinking_of_messages() -> None:
    source = "{{ range .Messages }}{{ if .Thinking }}<t>{{ .Thinking }}</t>{{ end }}{{ .Content }}{{ end }}"
    assert Template.parse(source).thinking_tags == ("<t>", "</t>")
    assert Template.parse(CHATML).thinking_tags == ("", "")


def test_what_tools_look_like_as_text_and_as_json() -> None:
    properties = {
        name: {
            "anyOf": None, "type": kind, "items": None, "description": text, "enum": None, "required": None,
            "properties": None,
        }
        for name, kind, text in (("b", ["string"], "B"), ("a", ["string", "null"], ""))
    }  # fmt: skip
    parameters = {"type": "object", "$defs": None, "items": None, "required": ["b"], "properties": properties}
    function = {"name": "f", "description": "", "parameters": parameters}
    tools = ({"type": "function", "items": None, "function": function},)
    inner = '{"a":{"type":["string","null"]},"b":{"type":"string","description":"B"}}'
    whole = f'{{"type":"object","required":["b"],"properties":{inner}}}'
    cases = {
        "{{ range .Tools }}{{ . }}{{ end }}": (
            f'{{"type":"function","function":{{"name":"f","description":"","parameters":{whole}}}}}'
        ),
        "{{ range .Tools }}{{ .Function.Parameters.Properties }}{{ end }}": inner,
        "{{ range .Tools }}{{ json .Function.Parameters }}{{ end }}": whole,
        "{{ range .Tools }}{{ range $n, $p := .Function.Parameters.Properties }}{{ $p.Type }} {{ end }}{{ end }}": (
            "[string null] string "
        ),
        "{{ range .Tools }}{{ json (index .Function.Parameters.Properties `b`).Type }}{{ end }}": '"string"',
    }
    for source, text in cases.items():
        assert render(source + "{{ range .Messages }}{{ end }}", HI, tools=tools) == text


def test_messages_have_no_names_of_their_own_in_json() -> None:
    text = render("{{ range .Messages }}{{ json . }}{{ end }}", HI)
    assert text.startswith('{"Role":"user","Content":"hi","Thinking":""')
