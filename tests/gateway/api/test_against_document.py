"""The running gateway does what its OpenAPI document says: schemathesis makes up requests, right ones and wrong ones.

A normal run has the same few requests each time. `make api-fuzz` has many, others each time, and every edge of every
field (schemathesis' coverage phase).
"""

from __future__ import annotations

import copy
import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import hypothesis
import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Err

from tests.gateway.conftest import MODELS, running
from toolkit.gateway.api.document import ITEM, openapi_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import APIOperation, BaseSchema

EXAMPLES = int(os.environ.get("HOTSWAP_API_EXAMPLES", "0"))
FEW = 5
HOST_FAILED = 500
DOCUMENT = openapi_document("test", with_keys=False, hosts=("host",))
TALK, VECTORS = ["quick:1b", "talker:7b"], ["vectors"]
MODELS_OF = {
    **dict.fromkeys(("ChatBody", "GenerateBody", "GptChatBody", "GptTextBody", "ShowBody"), TALK),
    **dict.fromkeys(("EmbedBody", "EmbeddingsBody", "GptEmbeddingsBody"), VECTORS),
}


OWN_NAMES = {
    "GET /v1/models/{name}",
    "DELETE /api/delete",
    "POST /api/create",
    "POST /api/copy",
    "GET /what-if/{token}",
}
"""Calls whose made-up names are those of no model."""


def aimed(document: dict[str, Any]) -> dict[str, Any]:
    """The document, narrowed to requests that come as far as a model: names that are there, something to answer."""
    narrow = copy.deepcopy(document)
    schemas = narrow["components"]["schemas"]
    for name, models in MODELS_OF.items():
        schema = schemas[name]
        schema["properties"]["model"] = {"enum": models}
        schema["required"] = sorted({*schema.get("required", ()), "model"})
    for name in ("PullBody", "PushBody"):
        schemas[name]["properties"]["model"] = {"type": "string", "pattern": "^[a-z]{1,8}(:[a-z0-9]{1,4})?$"}
        schemas[name]["required"] = ["model"]
        schemas[name]["properties"]["stream"] = {"const": True}  # whole, a model that no registry has is the host's 500
    schemas["ChatBody"]["properties"]["messages"] = {"type": "array", "items": {"$ref": "#/components/schemas/Message"}}
    schemas["Message"]["properties"]["role"] = {"enum": ["system", "user", "assistant", "tool"]}
    schemas["Message"]["properties"]["images"] = {"type": "array", "maxItems": 0}
    schemas["GenerateBody"]["properties"]["prompt"] = {"type": "string"}
    schemas["GenerateBody"]["properties"]["images"] = {"type": "array", "maxItems": 0}
    schemas["GptTextBody"]["properties"]["suffix"] = {"type": "null"}  # the twin's models fill nothing in
    schemas["Options"]["properties"]["num_predict"] = {"type": "integer", "minimum": 1, "maximum": 9}
    schemas["Options"]["properties"]["num_ctx"] = {"type": "integer", "minimum": 64, "maximum": 4096}
    return narrow


def config() -> SchemathesisConfig:
    """Without the checks that cannot be right here."""
    return SchemathesisConfig.from_dict(
        {
            "generation": {"max-examples": EXAMPLES or FEW, "with-security-parameters": False},
            "phases": {"stateful": {"enabled": False}},
            # Whether a model can do what is asked, and whether there is one to choose by, no schema can say.
            "checks": {
                "positive_data_acceptance": {"enabled": False},
                # 501: no model for embeddings. 500: the host's own, which `check` asks the host about.
                "not_a_server_error": {"expected-statuses": ["2xx", "4xx", "500", "501"]},
            },
        }
    )


AIMED = schemathesis.openapi.from_dict(aimed(DOCUMENT), config=config())
WHOLE = schemathesis.openapi.from_dict(DOCUMENT, config=config())


class Place(NamedTuple):
    """Where the gateway answers, and where the twin behind it."""

    url: str
    host: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A gateway in front of a twin, as users start them; writes are let through."""
    folder = tmp_path_factory.mktemp("api")
    path = folder / "config.yaml"
    path.write_text(
        f"{MODELS}gateway:\n  writes: true\n  trace: {{file: {folder}/t.jsonl}}\n  sessions: {{file: {folder}/s.db}}\n",
        encoding="utf-8",
    )
    twin = ("twin", "serve", "--config", str(path), "--time-scale", "0.00001")
    with (
        running(folder / "twin", *twin) as host,
        running(folder / "ready", "serve", "--config", str(path), "--host", host) as gateway,
    ):
        yield Place(gateway, host)


def host_says(place: Place, response: schemathesis.Response, session: requests.Session) -> int:
    """The status with which the host itself answers what the gateway was asked, for the model that it chose."""
    sent = response.request
    body = json.loads(sent.body if isinstance(sent.body, str | bytes) else "{}")
    chosen = response.headers.get("x-hotswap-model")
    if chosen:
        body["model"] = chosen[0]
    return session.request(str(sent.method), str(sent.url).replace(place.url, place.host), json=body).status_code


def check(case: schemathesis.Case[Any], place: Place, session: requests.Session) -> int:
    """Send it, hold the answer against the document, and every line of a stream, too; a 500 must be the host's own."""
    response = case.call_and_validate(base_url=place.url, session=session)
    if response.status_code == HOST_FAILED:
        assert host_says(place, response, session) == HOST_FAILED, (case.as_curl_command(), response.text)
    operation = DOCUMENT["paths"][case.operation.path].get(case.method.lower())
    if operation is None:  # a method that the path does not have: the edge of a path
        assert response.status_code == 405
        return response.status_code
    content = operation["responses"]
    media = response.headers.get("content-type", [""])[0].partition(";")[0]
    item = content[str(response.status_code)].get("content", {}).get(media, {}).get(ITEM)
    if item is not None:
        choices = [item, {"$ref": "#/components/schemas/Error"}, {"$ref": "#/components/schemas/GptError"}]
        schema = jsonschema_rs.Draft202012Validator({"anyOf": choices, "components": DOCUMENT["components"]})
        for line in response.content.split(b"\n"):
            text = line.removeprefix(b"data: ").strip()
            if text and text != b"[DONE]":
                schema.validate(json.loads(text))
    return response.status_code


def operations(schema: BaseSchema) -> Iterator[APIOperation[Any, Any, Any, Any]]:
    """All that a document has."""
    for result in schema.get_all_operations():
        assert not isinstance(result, Err), result
        yield result.ok()


def statuses(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, place: Place) -> Counter[int]:
    """The statuses of some made-up requests of an operation."""
    seen: Counter[int] = Counter()
    with requests.Session() as session:
        session.trust_env = False

        @hypothesis.settings(
            max_examples=EXAMPLES or FEW,
            derandomize=not EXAMPLES,
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(operation.as_strategy(generation_mode=mode))
        def look(case: schemathesis.Case[Any]) -> None:
            seen[check(case, place, session)] += 1

        look()
    return seen


def test_what_is_documented_is_what_happens(place: Place) -> None:
    """All that is asked for rightly reaches a model, and all that is asked for wrongly is refused."""
    for operation in operations(AIMED):
        if operation.label == "POST /api/llm/what-if":
            continue  # a good one begins a process that works for minutes
        seen = statuses(operation, GenerationMode.POSITIVE, place)
        assert seen[200] or operation.label in OWN_NAMES, (operation.label, seen)
    for operation in operations(WHOLE):
        if operation.body:
            refused = statuses(operation, GenerationMode.NEGATIVE, place)
            assert set(refused) == {400}, (operation.label, refused)


def test_methods_that_a_path_does_not_have_are_refused(place: Place) -> None:
    with requests.Session() as session:
        session.trust_env = False
        for path, methods in DOCUMENT["paths"].items():
            have = {method.upper() for method in methods}
            allowed = have | ({"HEAD"} if "GET" in have else set())
            for method in sorted({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - allowed):
                answer = session.request(
                    method, place.url + path.replace("{name}", "quick:1b").replace("{token}", "none")
                )
                assert answer.status_code == 405, (method, path)
                assert set(answer.headers["allow"].split(", ")) == allowed
                assert method == "HEAD" or "error" in answer.json()


def test_a_path_that_is_none_is_said_in_json(place: Place) -> None:
    for path in ("/api/nothing", "/v1/nothing", "/dashboard/", "/dashboard/../healthz%00"):
        answer = requests.get(place.url + path, timeout=10)
        assert (answer.status_code, "openapi.json" in str(answer.json()["error"])) == (404, True)


@pytest.mark.skipif(not EXAMPLES, reason="make api-fuzz looks longer")
@pytest.mark.parametrize(
    ("schema", "modes"),
    [(AIMED, [GenerationMode.POSITIVE]), (WHOLE, list(GenerationMode))],  # what is narrowed away is not wrong
    ids=["aimed", "whole"],
)
def test_at_length(schema: Any, modes: list[GenerationMode], place: Place) -> None:
    """Every edge of every field, and many requests at random."""
    for operation in operations(schema):
        with requests.Session() as session:
            session.trust_env = False
            generation = schema.config.generation_for(operation=operation)
            for case in schema.iter_coverage_cases(
                operation=operation, generation_modes=modes, generation_config=generation
            ):
                check(case, place, session)
        statuses(operation, GenerationMode.POSITIVE, place)
