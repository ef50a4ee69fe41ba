"""What goes out in one go: the head of an answer and its first piece, which wake the client once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from uvicorn import Config
from uvicorn.server import ServerState

from toolkit.gateway.http import CLIENT
from toolkit.gateway.outgoing import Outgoing, Pieces
from toolkit.gateway.patience import impatient

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from toolkit.gateway.refusal import Why

ASKED = b"POST /api/chat HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"


class Wire(asyncio.Transport):
    """The transport of a client, which keeps each write apart."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        pass


async def answered(*, keeps_up: bool) -> list[bytes]:
    """What is written, write by write, of an answer in three pieces."""
    done = asyncio.get_running_loop().create_future()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        client = scope[CLIENT]
        if not keeps_up:
            client.flow.pause_writing()
        pieces = Pieces(Outgoing(send, client))
        pieces.under(200, "text/plain", lambda: [("x-one", "1")])
        held = [pieces.take(piece) for piece in (b"a", b"b", b"c")]
        assert held == [not keeps_up] * 3
        client.flow.resume_writing()
        await pieces.end()
        done.set_result(None)

    refused: list[Why] = []
    config = Config(app, lifespan="off", log_config=None, access_log=False, server_header=False, date_header=False)
    config.load()
    wire, protocol = Wire(), impatient(10.0, refused.append)(config=config, server_state=ServerState(), app_state={})
    protocol.connection_made(wire)
    protocol.data_received(ASKED)
    await done
    protocol.connection_lost(None)
    return wire.writes


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-one: 1\r\ntransfer-encoding: chunked\r\n\r\n"


async def test_the_head_goes_out_with_the_first_piece_and_others_by_themselves() -> None:
    writes = await answered(keeps_up=True)
    assert writes == [HEAD + b"1\r\na\r\n", b"1\r\nb\r\n", b"1\r\nc\r\n", b"0\r\n\r\n"]


async def test_a_client_that_does_not_keep_up_gets_the_same_when_it_does() -> None:
    writes = await answered(keeps_up=False)
    assert b"".join(writes) == HEAD + b"3\r\nabc\r\n0\r\n\r\n"
