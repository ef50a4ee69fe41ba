"""The calls of it: ask, look, give up, and the report.

Everybody with a key may look. Only an admin key may ask and give up, since that costs the gateway's machine minutes of
a processor, and ends what somebody else has asked. A page of another origin can do neither: its Origin is refused at
the door, and a body that is not announced as JSON, which is all that a page can send unasked, is refused here.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from toolkit.gateway.api.reading import read_shape
from toolkit.gateway.api.whatif import WhatIfBody
from toolkit.gateway.http import headers_of, whole, whole_json
from toolkit.gateway.refusal import Refusal, Why
from toolkit.gateway.whatif.question import question_from

if TYPE_CHECKING:
    from starlette.types import Scope, Send

    from toolkit.gateway.keys import Caller
    from toolkit.gateway.whatif.desk import Desk

_OK, _ACCEPTED = 200, 202
_FRESH: Final = (("cache-control", "no-store"),)
_REPORT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
"""A report has no script, and would not be let run one; for its browser it is of no origin at all."""


class WhatIfCalls:
    """See the module."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def look(self, caller: Caller, send: Send) -> None:
        """`GET`: where things stand, and whether this caller may ask."""
        await whole_json(send, _OK, {**self._desk.as_json(), "may_ask": caller.is_admin}, _FRESH)

    async def ask(self, scope: Scope, body: bytes, caller: Caller, send: Send) -> None:
        """`POST {"strategies": […], "since": "7d"}`."""
        _check(caller)
        kind = headers_of(scope).get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refusal(Why.BAD_REQUEST, "send the question as application/json")
        self._desk.ask(question_from(read_shape(body, WhatIfBody), self._desk.in_use))
        await whole_json(send, _ACCEPTED, {**self._desk.as_json(), "may_ask": True}, _FRESH)

    async def cancel(self, caller: Caller, send: Send) -> None:
        """`DELETE`: no error where nothing is under way."""
        _check(caller)
        await self._desk.cancel()
        await whole_json(send, _OK, {**self._desk.as_json(), "may_ask": True}, _FRESH)

    async def report(self, token: str, send: Send) -> None:
        """`GET` of the page."""
        page = await asyncio.to_thread(self._desk.report(token).read_bytes)
        headers = (("content-security-policy", _REPORT_POLICY), *_FRESH)
        await whole(send, _OK, page, "text/html; charset=utf-8", headers)


def _check(caller: Caller) -> None:
    if not caller.is_admin:
        raise Refusal(Why.NOT_ADMIN, "only an admin key may begin or cancel a comparison")
