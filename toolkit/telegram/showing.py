"""An answer put into a chat while it comes: sent, then changed as often as Telegram allows; a typing sign meanwhile."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from telegram.constants import ChatAction, ChatType
from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError

from toolkit.telegram.page import GROUP_NS, NS_PER_S, PERSON_NS, Pace, pages
from toolkit.telegram.words import NOTHING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from telegram import Chat, Message

TYPING_S = 4.0
"""Telegram takes the sign away after five seconds."""
_TRIES = 5
_UNCHANGED = "not modified"


@asynccontextmanager
async def typing(chat: Chat) -> AsyncIterator[None]:
    """Show that an answer is being written, while the block runs."""
    task = asyncio.create_task(_keep_typing(chat))
    try:
        yield
    finally:
        task.cancel()


async def _keep_typing(chat: Chat) -> None:
    while True:
        with suppress(TelegramError):  # a sign that is missing is no reason to stop
            await chat.send_action(ChatAction.TYPING)
        await asyncio.sleep(TYPING_S)


class Showing:
    """One answer in one chat."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._pace = Pace(PERSON_NS if chat.type == ChatType.PRIVATE else GROUP_NS)
        self._text = ""
        self._sent: list[Message] = []
        self._shown: list[str] = []

    async def add(self, piece: str) -> None:
        """More of the answer; the chat follows when it may. What cannot be shown now is shown with the next piece."""
        self._text += piece
        now_ns = time.monotonic_ns()
        if self._pace.may(now_ns):
            self._pace.sent(now_ns)
            try:
                await self._show(pages(self._text))
            except RetryAfter as error:
                self._pace.told_to_wait(time.monotonic_ns(), _wait_ns(error))
            except NetworkError:
                pass  # the end of the answer is tried again, this was only a step

    async def end(self, note: str = "") -> None:
        """Show all of it. Waits as long as Telegram asks to, and tries again after failures of the network.

        Raises:
            TelegramError: it cannot be shown.
        """
        self._text = f"{self._text.strip()}\n\n{note}" if note else self._text.strip() or NOTHING
        for left in reversed(range(_TRIES)):
            await asyncio.sleep(self._pace.left_ns(time.monotonic_ns()) / NS_PER_S)
            try:
                await self._show(pages(self._text))
            except RetryAfter as error:
                self._pace.told_to_wait(time.monotonic_ns(), _wait_ns(error))
                if not left:
                    raise
            except BadRequest:
                raise
            except NetworkError:
                self._pace.sent(time.monotonic_ns())
                if not left:
                    raise
            else:
                return

    async def _show(self, wanted: list[str]) -> None:
        """Make the chat's messages these; text is never read as markup."""
        for number, text in enumerate(wanted):
            if number == len(self._sent):
                self._sent.append(await self._chat.send_message(text))
                self._shown.append(text)
            elif self._shown[number] != text:
                try:
                    await self._sent[number].edit_text(text)
                except BadRequest as error:
                    if _UNCHANGED not in str(error):
                        raise
                self._shown[number] = text


def _wait_ns(error: RetryAfter) -> int:
    wait = error.retry_after
    return int((wait if isinstance(wait, int | float) else wait.total_seconds()) * NS_PER_S)
