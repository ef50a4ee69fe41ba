"""A host in memory that evicts as Ollama does, stuck evictions included, and does a thing only when it is told to.

It stands where a client stands behind the gateway. Models fit together if their sizes do. A load takes the place of the
first idle model; if none is idle, one is doomed, and a request for it undoes that: then the load waits until an unload
call, whatever becomes idle (ollama#17408).
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from toolkit.ollama.address import Address, parse_address
from toolkit.ollama.errors import StreamBrokeError, UnreachableError
from toolkit.ollama.types import InstalledModel, ModelDetails, RunningModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from toolkit.ollama.wire import WireRequest

DETAILS = ModelDetails("gguf", "", (), "", "")
TOKEN = {"message": {"role": "assistant", "content": "a"}, "done": False}
LAST = {"message": {"role": "assistant", "content": ""}, "done": True, "load_duration": 1}


@dataclass(eq=False)
class Asked:
    """One request at the host."""

    model: str
    came: asyncio.Future[int]
    lines: asyncio.Queue[bytes | Exception | None] = field(default_factory=asyncio.Queue)
    has_begun: bool = False


class MemoryHost:
    """See the module. `sizes` are those of the models, `room` that of the memory."""

    def __init__(self, sizes: Mapping[str, int], room: int) -> None:
        self.sizes, self.room = sizes, room
        self.is_up = True
        self.served: list[Asked] = []
        self.pending: deque[Asked] = deque()
        self.resident: dict[str, None] = {}
        self.doomed: str | None = None
        self.is_undone = False
        self.address: Address = parse_address("http://127.0.0.1:9", "memory")

    # What a client calls ---------------------------------------------------------------------------------------------

    async def ps(self) -> tuple[RunningModel, ...]:
        self._check_up()
        return tuple(
            RunningModel(name, "d", self.sizes[name], self.sizes[name], None, 4096, DETAILS) for name in self.resident
        )

    async def tags(self) -> tuple[InstalledModel, ...]:
        self._check_up()
        return tuple(InstalledModel(name, "d", size, 0, DETAILS, None) for name, size in self.sizes.items())

    async def unload(self, model: str) -> None:
        self._check_up()
        if model in self.resident:
            self.resident[model] = None
            self.doomed, self.is_undone = model, False
            self.step()

    def stream_relay(
        self, request: WireRequest, model: str | None = None, *, waits: bool = True, opened: object = None
    ) -> Relayed:
        del waits, opened
        assert model is not None
        return Relayed(self, request, model)

    async def aclose(self) -> None:
        pass

    # What the test says ----------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Serve whose model is there, evict and load for who came first: all that needs no answer to end."""
        for asked in [asked for asked in self.pending if asked.model in self.resident]:
            self.pending.remove(asked)
            self.served.append(asked)
        busy = {asked.model for asked in self.served}
        if self.doomed is not None and self.doomed not in busy and not self.is_undone:
            del self.resident[self.doomed]
            self.doomed = None
        while self.pending and not self.is_undone:
            model = self.pending[0].model
            if sum(self.sizes[name] for name in self.resident) + self.sizes[model] <= self.room:
                self.resident[model] = None
                self.step()
                return
            victim = next((name for name in self.resident if name not in busy), None)
            if victim is None:
                self.doomed = self.doomed or next(iter(self.resident))
                return
            del self.resident[victim]

    def speak(self) -> None:
        """Everybody who is served gets a first token."""
        for asked in self.served:
            if not asked.has_begun:
                asked.has_begun = True
                asked.came.set_result(200)
                asked.lines.put_nowait(_line(TOKEN))

    def finish(self, place: int = 0) -> None:
        """One of those who are served gets the end of its answer."""
        if self.served:
            asked = self.served[place % len(self.served)]
            if not asked.has_begun:
                asked.came.set_result(200)
            asked.lines.put_nowait(_line(LAST))
            asked.lines.put_nowait(None)
            self.left(asked)

    def fail(self, place: int = 0) -> None:
        """One request, served or not, is answered with an error, as when a load fails."""
        everybody = [asked for asked in (*self.served, *self.pending) if not asked.has_begun]
        if everybody:
            asked = everybody[place % len(everybody)]
            asked.came.set_result(500)
            asked.lines.put_nowait(_line({"error": "llama runner process has terminated"}))
            asked.lines.put_nowait(None)
            self.left(asked)

    def evict(self, model: str) -> None:
        """Somebody else makes an idle model leave."""
        if model not in {asked.model for asked in self.served} and model in self.resident:
            if self.doomed == model:
                self.doomed, self.is_undone = None, False
            del self.resident[model]
            self.step()

    def die(self) -> None:
        """The process is gone, and so are all connections."""
        self.is_up = False
        for asked in (*self.served, *self.pending):
            error = StreamBrokeError("the host has died")
            if asked.has_begun:
                asked.lines.put_nowait(error)
            else:
                asked.came.set_exception(error)
        self.served, self.pending, self.resident = [], deque(), {}
        self.doomed, self.is_undone = None, False

    def left(self, asked: Asked) -> None:
        """A request is over, or its client has gone."""
        if asked in self.served:
            self.served.remove(asked)
        elif asked in self.pending:
            self.pending.remove(asked)
        self.step()

    def came(self, model: str) -> Asked:
        """A request."""
        self._check_up()
        asked = Asked(model, asyncio.get_running_loop().create_future())
        if model == self.doomed:
            self.is_undone = True
        self.pending.append(asked)
        self.step()
        return asked

    def _check_up(self) -> None:
        if not self.is_up:
            raise UnreachableError("nobody is there")


class Relayed:
    """What a request is answered with; see `toolkit.ollama.answer_stream.RelayStream`."""

    content_type = "application/x-ndjson"

    def __init__(self, host: MemoryHost, request: WireRequest, model: str) -> None:
        self._host, self._model = host, model
        self._asked: Asked | None = None
        self.status = 0
        del request

    async def __aenter__(self) -> Self:
        self._asked = self._host.came(self._model)
        self.status = await self._asked.came
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if self._asked is not None:
            self._host.left(self._asked)

    async def pour(self, take: Callable[[bytes], bool | None]) -> bool:
        assert self._asked is not None
        while (line := await self._asked.lines.get()) is not None:
            if isinstance(line, Exception):
                raise line
            if take(line):
                return False
        return True


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"
