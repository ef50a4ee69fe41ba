"""The OpenAPI document: it is valid, it tells of every route and of nothing else, and of what the code reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import jsonschema_rs
import pytest

from tests.gateway.conftest import gateway_to
from toolkit.gateway.api.document import openapi_document
from toolkit.gateway.api.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

NOWHERE = "http://127.0.0.1:9"
KEYS = {"KEYS": "anna 0123456789abcdef-user"}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


async def served(**section: Any) -> dict[str, Any]:
    gateway = gateway_to(NOWHERE, **section)
    transport = httpx.ASGITransport(app=gateway.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = answer.json()
    return document


async def test_every_route_is_in_it_and_nothing_else() -> None:
    routes = {
        (method.lower(), route.path.replace("{name:path}", "{name}"))
        for route in gateway_to(NOWHERE).app.routes
        for method in (route.methods or set()) - {"HEAD"}
    }
    told = {(method, path) for path, methods in (await served())["paths"].items() for method in methods}
    assert told == routes


def test_it_says_what_it_refers_to() -> None:
    document = openapi_document("1.0", with_keys=True, hosts=("here", "there"))
    for reference in references(document):
        _, components, schemas, name = reference.split("/")
        assert name in document[components][schemas]
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
    assert len(OPERATIONS) == len(names)


@pytest.mark.parametrize(
    "name", sorted(openapi_document("1.0", with_keys=False, hosts=("here", "there"))["components"]["schemas"])
)
def test_its_schemas_are_schemas(name: str) -> None:
    document = openapi_document("1.0", with_keys=False, hosts=("here", "there"))
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    assert jsonschema_rs.Draft202012Validator(schema).is_valid([]) is False


async def test_keys_are_told_where_they_are_asked_for() -> None:
    document = openapi_document("1.0", with_keys=True, hosts=("here", "there"))
    assert document["security"] == [{"bearer": []}, {"key": []}]
    assert "401" in document["paths"]["/api/chat"]["post"]["responses"]
    assert document["paths"]["/healthz"]["get"]["security"] == []
    without = await served()
    assert without["security"] == []
    assert "401" not in without["paths"]["/api/chat"]["post"]["responses"]


def test_headers_of_ours_are_told() -> None:
    chat = openapi_document("1.0", with_keys=False, hosts=("here", "there"))["paths"]["/api/chat"]["post"]
    assert {each["name"] for each in chat["parameters"]} == {
        "X-Hotswap-Deadline",
        "X-Hotswap-Priority",
        "X-Hotswap-Session",
        "Idempotency-Key",
    }
    assert set(chat["responses"]["200"]["headers"]) == {
        "X-Hotswap-Reason",
        "X-Hotswap-Model",
        "X-Hotswap-Cache",
        "X-Hotswap-Host",
        "Idempotent-Replayed",
    }
    assert set(chat["responses"]["200"]["content"]) == {"application/json", "application/x-ndjson"}
    assert "Retry-After" in chat["responses"]["503"]["headers"]


def test_the_hosts_that_a_write_may_name_are_told() -> None:
    paths = openapi_document("1.0", with_keys=False, hosts=("here", "there"))["paths"]
    for method, path in (("post", "/api/pull"), ("post", "/api/copy"), ("delete", "/api/delete")):
        (host,) = paths[path][method]["parameters"]
        assert (host["name"], host["schema"]) == ("X-Hotswap-Host", {"enum": ["here", "there"]})
        assert set(paths[path][method]["responses"]["200"]["headers"]) == {"X-Hotswap-Host"}
    assert "parameters" not in paths["/api/show"]["post"]
