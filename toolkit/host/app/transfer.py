"""Endpoints that make or move models and report progress: create, pull, push."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.host.app.exchange import Answer, error_answer
from toolkit.host.app.gojson import encode
from toolkit.host.app.inference import NDJSON, RefusedError, error_line, read_body
from toolkit.host.app.schemas import CREATE, PULL, PUSH
from toolkit.host.library.create import CreateFailedError, Creation, NeedsPullError, check_files
from toolkit.host.library.names import (
    ModelName,
    ModelNameError,
    NoNameError,
    TwoSourcesError,
    parse_name,
    pull_reference,
)
from toolkit.host.library.registry import Pull, PullFailedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from toolkit.host.app.exchange import Call
    from toolkit.host.app.services import Services

_JSON = [("Content-Type", "application/json")]


@dataclass(frozen=True, slots=True)
class Transfer:
    """The handlers. `time_scale` stretches invented durations."""

    services: Services
    time_scale: float = 1.0

    async def create(self, call: Call) -> Answer:
        """`/api/create`."""
        try:
            request = read_body(CREATE, await call.body())
            check_files(request)
        except RefusedError as refused:
            return error_answer(refused.status, refused.message)
        except CreateFailedError as error:
            return error_answer(error.status, error.message)
        name = parse_name(request["model"] or request["name"])
        if not name.valid:
            return error_answer(400, "invalid model name")
        steps = self._create_steps(self.services.catalog.existing(name), request)
        return await progress_answer(steps, stream=request["stream"] is not False)

    async def _create_steps(self, name: ModelName, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        services = self.services
        store = services.catalog.store
        creation = Creation(store, name, request, services.clock.wall_ns(), services.line.rewrites_gguf)
        try:
            for status in creation.steps():
                yield {"status": status}
        except NeedsPullError as need:
            async with contextlib.aclosing(self._pull(need.name, insecure=False).steps()) as pulling:
                async for progress in pulling:
                    if progress["status"] != "success":
                        yield progress
            for status in creation.steps():
                yield {"status": status}

    async def pull(self, call: Call) -> Answer:
        """`/api/pull`."""
        try:
            request = read_body(PULL, await call.body())
        except RefusedError as refused:
            return error_answer(refused.status, refused.message)
        try:
            reference = pull_reference(request["model"] or request["name"])
        except TwoSourcesError as error:
            return error_answer(400, str(error))
        except (NoNameError, ModelNameError):
            return error_answer(400, "invalid model name")
        name = self.services.catalog.existing(reference.name)
        pull = self._pull(name, insecure=request["insecure"])
        return await progress_answer(pull.steps(), stream=request["stream"] is not False)

    def _pull(self, name: ModelName, *, insecure: bool) -> Pull:
        services = self.services
        return Pull(services.registries, services.catalog.store, name, insecure, services.clock, self.time_scale)

    async def push(self, call: Call) -> Answer:
        """`/api/push`; no registry of the twin takes anything."""
        try:
            request = read_body(PUSH, await call.body())
        except RefusedError as refused:
            return error_answer(refused.status, refused.message)
        asked = request["model"] or request["name"]
        if not asked:
            return error_answer(400, "model is required")
        return await progress_answer(self._push_steps(asked), stream=request["stream"] is not False)

    async def _push_steps(self, asked: str) -> AsyncGenerator[dict[str, Any], None]:
        store = self.services.catalog.store
        name = self.services.catalog.existing(parse_name(asked))
        yield {"status": "retrieving manifest"}
        if not name.valid:
            yield {"status": "couldn't retrieve manifest"}
            raise PullFailedError("unqualified name")
        if store.find(name) is None:
            yield {"status": "couldn't retrieve manifest"}
            raise PullFailedError(f"open {store.manifest_path(name)}: no such file or directory")
        raise PullFailedError(
            "you are not authorized to push to this namespace, create the model under a namespace you own"
        )


async def progress_answer(steps: AsyncGenerator[dict[str, Any], None], *, stream: bool) -> Answer:
    """Progress as lines, or only its end."""
    if not stream:
        latest: dict[str, Any] = {"status": ""}
        try:
            async for step in steps:
                latest = step
        except (CreateFailedError, PullFailedError) as error:
            return Answer(getattr(error, "status", 500), list(_JSON), encode({"error": str(error)}))
        return Answer(200, list(_JSON), encode(latest))
    try:
        first = await anext(steps)
    except (CreateFailedError, PullFailedError) as error:
        return Answer(getattr(error, "status", 500), list(_JSON), encode({"error": str(error)}), flushed=True)
    return Answer(200, [("Content-Type", NDJSON)], stream=_lines(first, steps))


async def _lines(first: dict[str, Any], rest: AsyncGenerator[dict[str, Any], None]) -> AsyncIterator[bytes]:
    """Lines of progress; a client that goes away ends the steps at once, so that what was fetched is kept."""
    async with contextlib.aclosing(rest):
        yield encode(first) + b"\n"
        try:
            async for step in rest:
                yield encode(step) + b"\n"
        except (CreateFailedError, PullFailedError) as error:
            yield error_line(str(error))
