"""Endpoints about what is installed and loaded: version, tags, show, ps, copy, delete, blobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.host.app.exchange import Answer, error_answer, json_answer
from toolkit.host.app.inference import RefusedError, read_body
from toolkit.host.app.schemas import COPY, DELETE, SHOW, go_quote
from toolkit.host.app.services import rfc3339
from toolkit.host.library.names import (
    CLOUD,
    LOCAL,
    ModelNameError,
    NoNameError,
    TwoSourcesError,
    parse_name,
    parse_reference,
    pull_reference,
)
from toolkit.host.library.show import show_response
from toolkit.host.library.store import DigestError, checked_digest, digest_of
from toolkit.host.library.uploads import facts_of_upload
from toolkit.host.speech.template_parse import TemplateError

if TYPE_CHECKING:
    from toolkit.host.app.engine import LoadedView
    from toolkit.host.app.exchange import Call
    from toolkit.host.app.services import Services
    from toolkit.host.library.models import InstalledModel

_COPILOT = "GitHubCopilotChat/"
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Installed:
    """The handlers."""

    services: Services

    async def root(self, call: Call) -> Answer:
        """The banner."""
        del call
        return Answer(200, [("Content-Type", "text/plain; charset=utf-8")], b"Ollama is running")

    async def version(self, call: Call) -> Answer:
        """`/api/version`."""
        del call
        return json_answer({"version": self.services.line.version})

    async def status(self, call: Call) -> Answer:
        """`/api/status`."""
        del call
        return json_answer({"cloud": {"disabled": not self.services.cloud, "source": "env"}})

    async def tags(self, call: Call) -> Answer:
        """`/api/tags`."""
        del call
        return json_answer({"models": [self.tag_json(model) for model in self.services.catalog.models()]})

    def tag_json(self, model: InstalledModel) -> dict[str, Any]:
        """One entry of the list."""
        name = model.name.short
        out: dict[str, Any] = {"name": name, "model": name}
        if model.remote:
            out |= {"remote_model": model.config["remote_model"], "remote_host": model.config["remote_host"]}
        details = model.details()
        rich = self.services.line.rich_tags
        if rich and model.facts is not None:
            config = model.config
            lengths = {
                "context_length": config.get("context_length") or model.facts.get("context_length", 0),
                "embedding_length": config.get("embedding_length") or model.facts.get("embedding_length", 0),
            }
            details |= {key: value for key, value in lengths.items() if value}
        out |= {
            "modified_at": rfc3339(model.manifest.modified_ns),
            "size": model.manifest.size_bytes,
            "digest": model.digest,
            "details": details,
        }
        return {**out, "capabilities": list(model.capabilities)} if rich and model.capabilities else out

    async def show(self, call: Call) -> Answer:
        """`/api/show`."""
        try:
            request = read_body(SHOW, await call.body())
            asked = request["model"] or request["name"]
            if not asked:
                return error_answer(400, "model is required")
            answer = self.shown(request, asked)
        except RefusedError as refused:
            return error_answer(refused.status, refused.message)
        if call.headers.get("user-agent", "").startswith(_COPILOT):
            answer["model_info"] = dict(sorted({**answer["model_info"], "general.basename": asked}.items()))
        return json_answer(answer)

    def shown(self, request: dict[str, Any], asked: str) -> dict[str, Any]:
        """What is to be said about a model. Raises RefusedError."""
        services = self.services
        try:
            reference = parse_reference(asked)
        except ModelNameError as error:
            raise RefusedError(400, str(error)) from error
        if reference.source == CLOUD:
            raise RefusedError(403, "ollama cloud is disabled: remote model details are unavailable")
        name = services.catalog.existing(reference.name)
        try:
            model = services.catalog.exact(name)
        except TemplateError as error:
            raise RefusedError(500, str(error)) from error
        if model is None:
            shown = name.short if services.line.show_normalises_name else asked
            raise RefusedError(404, f"model '{shown}' not found")
        if model.remote:
            if reference.source == LOCAL:
                raise RefusedError(404, f"model '{asked}' not found")
            raise RefusedError(403, "ollama cloud is disabled: remote model details are unavailable")
        return show_response(
            model,
            verbose=request["verbose"],
            system=request["system"],
            options=request["options"] or {},
            modified_at=rfc3339(model.manifest.modified_ns),
            jinja=services.line.jinja,
        )

    async def ps(self, call: Call) -> Answer:
        """`/api/ps`."""
        del call
        views = sorted(await self.services.engine.loaded(), key=lambda view: -(view.expires_wall_ns // _NS_PER_S))
        return json_answer({"models": [_loaded_json(view) for view in views]})

    async def copy(self, call: Call) -> Answer:
        """`/api/copy`."""
        try:
            request = read_body(COPY, await call.body())
        except RefusedError as refused:
            return error_answer(refused.status, refused.message)
        names = []
        for role in ("source", "destination"):
            name = parse_name(request[role])
            if not name.valid:
                return error_answer(400, f"{role} {go_quote(request[role])} is invalid")
            names.append(self.services.catalog.existing(name))
        if not self.services.catalog.store.copy(names[0], names[1], self.services.clock.wall_ns()):
            return error_answer(404, f"model {go_quote(request['source'])} not found")
        return Answer(200)

    async def delete(self, call: Call) -> Answer:
        """`/api/delete`; the model stays loaded."""
        try:
            request = read_body(DELETE, await call.body())
        except RefusedError as refused:
            return error_answer(refused.status, refused.message)
        asked = request["model"] or request["name"]
        try:
            reference = pull_reference(asked)
        except (NoNameError, TwoSourcesError) as error:
            return error_answer(400, str(error))
        except ModelNameError:
            return error_answer(400, f"name {go_quote(asked)} is invalid")
        if not self.services.catalog.store.remove(self.services.catalog.existing(reference.name)):
            return error_answer(404, f"model '{asked}' not found")
        return Answer(200)

    async def head_blob(self, call: Call) -> Answer:
        """HEAD `/api/blobs/…`: is it there?"""
        given = call.params["digest"]
        try:
            digest = checked_digest(given)
        except DigestError as error:
            return error_answer(400, str(error))
        if digest not in self.services.catalog.store.blobs:
            return error_answer(404, f"blob {go_quote(given)} not found")
        return Answer(200, body=None)

    async def create_blob(self, call: Call) -> Answer:
        """POST `/api/blobs/…`: upload a file."""
        given = call.params["digest"]
        store = self.services.catalog.store
        try:
            digest = checked_digest(given)
        except DigestError as error:
            return error_answer(400, str(error))
        if digest in store.blobs:
            return Answer(200)
        content = await call.body()
        found = digest_of(content)
        store.add(content, "", facts_of_upload(content))
        if found != given:
            return error_answer(400, f"digest mismatch, expected {go_quote(given)}, got {go_quote(found)}")
        return Answer(201)


def _loaded_json(view: LoadedView) -> dict[str, Any]:
    name = view.model.name.short
    return {
        "name": name,
        "model": name,
        "size": view.size_bytes,
        "digest": view.model.digest,
        "details": {**view.model.details(), "parent_model": ""},
        "expires_at": rfc3339(view.expires_wall_ns),
        "size_vram": view.vram_bytes,
        "context_length": view.context_length,
    }
