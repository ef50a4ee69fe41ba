"""Model templates: Go templates with Ollama's values, for chats and for the older prompt-and-response style.

Source of the rules: the documentation of Modelfile templates and the recorded prompts and token counts.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

from toolkit.host.app.gojson import dumps
from toolkit.host.app.schemas import property_json, tool_json
from toolkit.host.speech.template_nodes import (
    Action,
    Branch,
    Command,
    Field,
    Include,
    Node,
    Pipe,
    Text,
    Tree,
    names_of,
    operands_of,
)
from toolkit.host.speech.template_parse import parse_template
from toolkit.host.speech.template_run import Printed, PrintedList, Record, Runner

_RESPONSE = Action(Pipe((Command((Field(("Response",)),)),)))


@dataclass(frozen=True, slots=True)
class PromptValues:
    """What a prompt is made of. `messages` are decoded API messages, `tools` decoded API tools."""

    messages: tuple[dict[str, Any], ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    prompt: str = ""
    suffix: str = ""
    think: bool | str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template; `variables` are the names it mentions, in lower case."""

    source: str
    tree: Tree
    variables: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def parse(cls, source: str) -> Template:
        """Parse; a template with neither messages nor a response gets the response at its end.

        Raises:
            TemplateError: in Go's words.
        """
        tree = parse_template(source)
        defined = (node for _, nodes in tree.defined for node in nodes)
        variables = frozenset(name.lower() for name in _mentioned((*tree.nodes, *defined)))
        if not variables & {"messages", "response"}:
            tree = replace(tree, nodes=(*tree.nodes, _RESPONSE))
        return cls(source, tree, variables)

    def render(self, values: PromptValues, today: dt.date) -> str:
        """The prompt for these values.

        Raises:
            TemplateError: a field or function that does not fit.
        """
        runner = Runner(_functions(today), today)
        think = values.think
        level = "medium" if think is True else think if isinstance(think, str) else ""
        common = {"Think": bool(think), "ThinkLevel": level, "IsThinkSet": think is not None}
        if values.prompt and values.suffix:
            return runner.run(self.tree, {"Prompt": values.prompt, "Suffix": values.suffix, "Response": "", **common})
        system, messages = _collate(values.messages)
        if "messages" in self.variables:
            data = {
                "System": system,
                "Messages": [_message_record(message) for message in messages],
                "Tools": _tool_records(values.tools),
                "Response": "",
                **common,
            }
            return runner.run(self.tree, data)
        return self._render_turns(runner, messages, common)

    def _render_turns(self, runner: Runner, messages: list[dict[str, Any]], common: dict[str, Any]) -> str:
        """The older style: the template once for each turn, the last one cut after its response."""
        out: list[str] = []
        turn = {"System": "", "Prompt": "", "Response": ""}

        def flush() -> None:
            out.append(runner.run(self.tree, {**turn, **common}))
            turn.update(System="", Prompt="", Response="")

        for message in messages:
            role, content = message["role"], message["content"]
            if role == "system":
                if turn["Prompt"] or turn["Response"]:
                    flush()
                turn["System"] = content
            elif role == "user":
                if turn["Response"]:
                    flush()
                turn["Prompt"] = content
            elif role == "assistant":
                turn["Response"] = content
        nodes, _ = _cut_after_response(self.tree.nodes)
        out.append(runner.run(replace(self.tree, nodes=nodes), {**turn, **common}))
        return "".join(out)

    @property
    def thinking_tags(self) -> tuple[str, str]:
        """The texts around `.Thinking` in a loop over messages, or two empty strings."""
        return _thinking_tags(self.tree.nodes, in_messages=False) or ("", "")

    @property
    def tool_tag(self) -> str:
        """The text with which the template marks tool calls; `{` if it names none."""
        branch = _tool_branch(self.tree.nodes)
        text = _first_text(branch.body) if branch is not None else None
        tag = text.replace("\r\n", "\n").partition("{")[0].strip() if text is not None else ""
        return tag or "{"


def _functions(today: dt.date) -> dict[str, Any]:
    return {
        "json": dumps_any,
        "currentDate": lambda *_format: today.isoformat(),
        "yesterdayDate": lambda *_format: (today - dt.timedelta(days=1)).isoformat(),
        "toTypeScriptType": _typescript,
    }


def dumps_any(value: Any) -> str:
    """JSON of a template value; what knows its own JSON says it."""
    wire = getattr(value, "wire", None)
    if wire is not None:
        return str(wire)
    if isinstance(value, dict):
        return "{" + ",".join(f"{dumps(key)}:{dumps_any(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(dumps_any, value)) + "]"
    return dumps(value)


def _typescript(value: Any) -> str:
    if not isinstance(value, dict):
        return "any"
    if value.get("anyOf"):
        return " | ".join(_typescript(item) for item in value["anyOf"])
    known = {
        "string": "string",
        "number": "number",
        "integer": "number",
        "boolean": "boolean",
        "array": "any[]",
        "object": "Record<string, any>",
        "null": "null",
    }
    return " | ".join(known.get(name, "any") for name in value.get("Type") or ()) or "any"


def _collate(messages: tuple[dict[str, Any], ...]) -> tuple[str, list[dict[str, Any]]]:
    """All system texts, and the messages with neighbours of one role merged (tool results stay apart)."""
    system = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
    merged: list[dict[str, Any]] = []
    for message in messages:
        if merged and merged[-1]["role"] == message["role"] != "tool":
            merged[-1] = {**merged[-1], "content": f"{merged[-1]['content']}\n\n{message['content']}"}
        else:
            merged.append(message)
    return system, merged


def _message_record(message: dict[str, Any]) -> Record:
    calls = [
        Record(
            "template.templateToolCall",
            {
                "ID": call["id"],
                "Function": Record(
                    "template.templateToolCallFunction",
                    {
                        "Index": call["function"]["index"],
                        "Name": call["function"]["name"],
                        "Arguments": _sorted_object(call["function"]["arguments"]),
                    },
                ),
            },
        )
        for call in message.get("tool_calls") or ()
    ]
    return Record(
        "*template.templateMessage",
        {
            "Role": message["role"],
            "Content": message["content"],
            "Thinking": message.get("thinking", ""),
            "Images": message.get("images") or [],
            "ToolCalls": calls,
            "ToolName": message.get("tool_name", ""),
            "ToolCallID": message.get("tool_call_id", ""),
        },
    )


def _sorted_object(values: dict[str, Any] | None) -> Printed:
    """A Go map of a call's arguments: printed as JSON, keys sorted."""
    ordered = dict(sorted((values or {}).items()))
    return Printed(ordered, dumps(ordered))


def _tool_records(tools: tuple[dict[str, Any], ...]) -> PrintedList | None:
    if not tools:
        return None
    records = [_tool_record(tool) for tool in tools]
    return PrintedList(records, "[" + ",".join(str(record.text) for record in records) + "]")


def _tool_record(tool: dict[str, Any]) -> Record:
    function, parameters = tool["function"], tool["function"]["parameters"]
    shown = _sorted_properties(tool_json(tool))
    properties = parameters["properties"] or {}
    described = {key: property_json(properties[key]) for key in sorted(properties)}
    function_record = Record(
        "template.templateToolFunction",
        {
            "Name": function["name"],
            "Description": function["description"],
            "Parameters": Record(
                "template.templateToolFunctionParameters",
                {
                    "Type": parameters["type"],
                    "Defs": parameters["$defs"],
                    "Items": parameters["items"],
                    "Required": parameters["required"] or [],
                    "Properties": Printed(
                        {key: _property_record(item) for key, item in properties.items()},
                        dumps(described),
                    ),
                },
                wire=dumps(shown["function"]["parameters"]),
            ),
        },
        wire=dumps(shown["function"]),
    )
    return Record(
        "template.templateTool",
        {"Type": tool["type"], "Items": tool["items"], "Function": function_record},
        dumps(shown),
    )


def _sorted_properties(tool: dict[str, Any]) -> dict[str, Any]:
    """The template sees a tool's properties as a Go map, which prints sorted; an empty description is printed too."""
    function = tool.get("function", tool)
    parameters = function["parameters"]
    if parameters["properties"] is not None:
        parameters["properties"] = dict(sorted(parameters["properties"].items()))
    if "function" in tool:
        tool["function"] = {
            "name": function["name"],
            "description": function.get("description", ""),
            "parameters": parameters,
        }
    return tool


def _property_record(item: dict[str, Any]) -> Record:
    return Record(
        "api.ToolProperty",
        {
            "AnyOf": [_property_record(entry) for entry in item["anyOf"] or ()],
            "Type": PrintedList(
                list(item["type"] or ()),
                _printed_type(item["type"]),
                wire=dumps(item["type"][0] if len(item["type"] or ()) == 1 else item["type"]),
            ),
            "Items": item["items"],
            "Description": item["description"],
            "Enum": item["enum"] or [],
            "Required": item["required"] or [],
            "Properties": {key: _property_record(entry) for key, entry in (item["properties"] or {}).items()},
        },
        wire=dumps(property_json(item)),
    )


def _printed_type(names: list[str] | None) -> str:
    if not names:
        return ""
    return names[0] if len(names) == 1 else f"[{' '.join(names)}]"


def _mentioned(nodes: tuple[Node, ...]) -> set[str]:
    """Names of fields and variables anywhere in the nodes."""
    found: set[str] = set()
    for node in nodes:
        pipe = node.pipe if isinstance(node, (Action, Branch, Include)) else None
        for operand in operands_of(pipe):
            found.update(names_of(operand))
        if isinstance(node, Branch):
            found |= _mentioned(node.body) | _mentioned(node.other or ())
    return found


def _cut_after_response(nodes: tuple[Node, ...], *, cut: bool = False) -> tuple[tuple[Node, ...], bool]:
    """The nodes up to and with the first mention of `.Response`."""
    kept: list[Node] = []
    for node in nodes:
        if cut:
            break
        pipe = node.pipe if isinstance(node, (Action, Branch)) else None
        here = any("Response" in names_of(operand) for operand in operands_of(pipe))
        if isinstance(node, Branch):
            body, cut = _cut_after_response(node.body, cut=here)
            other, cut = _cut_after_response(node.other, cut=cut) if node.other is not None else (None, cut)
            kept.append(replace(node, body=body, other=other))
        else:
            kept.append(node)
            cut = here
    return tuple(kept), cut


def _thinking_tags(nodes: tuple[Node, ...], *, in_messages: bool) -> tuple[str, str] | None:
    found: tuple[str, str] | None = None
    for node in nodes:
        if isinstance(node, Branch):
            names = {name for operand in operands_of(node.pipe) for name in names_of(operand)}
            inside = "Messages" in names if node.kind == "range" else in_messages
            # A mention in the condition counts as one beside it, as in the original heuristic.
            if in_messages and "Thinking" in {name for op in operands_of(node.pipe) for name in names_of(op)[:1]}:
                found = _tags_of(nodes, found)
            deeper = _thinking_tags(node.body, in_messages=inside)
            deeper = deeper or (_thinking_tags(node.other, in_messages=inside) if node.other else None)
            found = deeper or found
        elif isinstance(node, Action) and in_messages:
            first_names = {name for operand in operands_of(node.pipe) for name in names_of(operand)[:1]}
            if "Thinking" in first_names:
                found = _tags_of(nodes, found)
    return found


def _tags_of(nodes: tuple[Node, ...], known: tuple[str, str] | None) -> tuple[str, str]:
    opening, closing = known or ("", "")
    if isinstance(nodes[0], Text):
        opening = nodes[0].text.strip()
    if isinstance(nodes[-1], Text):
        closing = nodes[-1].text.strip()
    return opening, closing


def _tool_branch(nodes: tuple[Node, ...]) -> Branch | None:
    """The first `if` that asks for `.ToolCalls`, depth first."""
    for node in nodes:
        if not isinstance(node, Branch):
            continue
        if node.kind == "if" and any(
            "ToolCalls" in operand.names
            for command in node.pipe.commands
            for operand in command.operands
            if isinstance(operand, Field)
        ):
            return node
        found = _tool_branch(node.body) or (_tool_branch(node.other) if node.other else None)
        if found is not None:
            return found
    return None


def _first_text(nodes: tuple[Node, ...]) -> str | None:
    """The first text that is more than white space, before any value is printed."""
    for node in nodes:
        if isinstance(node, Text):
            if node.text.strip():
                return node.text
        elif isinstance(node, Branch):
            found = _first_text(node.body)
            return found if found is not None or node.other is None else _first_text(node.other)
        elif isinstance(node, Action):
            return None
    return None
