"""The bot: who may speak to it, what each command does. Telegram's side is python-telegram-bot's."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from telegram import Update
from telegram.error import InvalidToken, NetworkError, TelegramError
from telegram.ext import Application, CommandHandler, MessageHandler, PicklePersistence, TypeHandler, filters

from toolkit.errors import HostError, HotswapError, UsageError
from toolkit.telegram.showing import Showing, typing
from toolkit.telegram.words import AUTO, FRESH, HELP, chosen_text, models_text, stats_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from telegram.ext import ContextTypes

    from toolkit.telegram.asking import Asking

API_URL = "https://api.telegram.org"
_SESSION, _MODEL = "session", "model"
_WRITE_S = 2.0
"""How soon what chats have chosen is on the disk."""


class Bot:
    """See the module. `allowed` are the numbers of the users who may speak; `say` tells of others, once each."""

    def __init__(self, asking: Asking, allowed: Collection[int], say: Callable[[str], None]) -> None:
        self._asking = asking
        self._allowed = frozenset(allowed)
        self._say = say
        self._told: set[int] = set()

    def application(self, token: str, state: Path, api_url: str) -> Application[Any, Any, Any, Any, Any, Any]:
        """The program that asks Telegram for messages, with the commands of this bot."""
        url = api_url.rstrip("/")
        made = (
            Application.builder()
            .token(token)
            .base_url(f"{url}/bot")
            .base_file_url(f"{url}/file/bot")
            .concurrent_updates(True)  # one chat's answer must not hold up the others
            .persistence(PicklePersistence(state, update_interval=_WRITE_S))
            .post_init(self._listen_to_library)
            .post_shutdown(self._close)
            .build()
        )
        known = filters.User(user_id=self._allowed)
        made.add_handler(TypeHandler(Update, self._note_stranger), group=-1)
        commands: dict[str, Any] = {"start": self._help, "help": self._help, "model": self._model}
        commands |= {"reset": self._reset, "stats": self._stats}
        for name, answer in commands.items():
            made.add_handler(CommandHandler(name, self._or_why_not(answer), known & filters.UpdateType.MESSAGE))
        plain = filters.TEXT & ~filters.COMMAND & filters.UpdateType.MESSAGE
        made.add_handler(MessageHandler(known & plain, self._chat))
        made.add_error_handler(self._failed)
        return made

    def run(self, token: str, state: Path, api_url: str) -> None:
        """Answer until SIGINT or SIGTERM.

        Raises:
            UsageError: Telegram does not take the token, or the state file cannot be used.
            HotswapError: Telegram cannot be reached.
        """
        library = logging.getLogger("telegram")
        library.addHandler(logging.NullHandler())  # else it says what goes wrong on stderr, with the token in it
        library.propagate = False
        try:
            state.parent.mkdir(parents=True, exist_ok=True)
            self.application(token, state, api_url).run_polling(allowed_updates=[Update.MESSAGE])
        except InvalidToken:
            raise UsageError("Telegram does not take the token of HOTSWAP_TELEGRAM_TOKEN; ask @BotFather") from None
        except NetworkError as error:
            raise HotswapError(f"no answer from {api_url}: {error}") from None
        except (OSError, TypeError) as error:
            raise UsageError(f"{state}: {error}; give another --state") from None

    async def _listen_to_library(self, application: Application[Any, Any, Any, Any, Any, Any]) -> None:
        """From now on the library's warnings are the operator's: Telegram that does not answer, above all."""
        logging.getLogger("telegram").addHandler(_Telling(self._say, application.bot.token))

    async def _close(self, _: object) -> None:
        await self._asking.aclose()

    async def _note_stranger(self, update: object, _: ContextTypes.DEFAULT_TYPE) -> None:
        user = update.effective_user if isinstance(update, Update) else None
        if user is not None and user.id not in self._allowed and user.id not in self._told:
            self._told.add(user.id)
            self._say(f"user {user.id} is not allowed and gets no answer; --allow {user.id} would let them in")

    async def _failed(self, _: object, context: ContextTypes.DEFAULT_TYPE) -> None:
        self._say(f"an answer could not be shown: {type(context.error).__name__}: {context.error}")

    def _or_why_not(self, answer: Any) -> Any:
        """The command; if the gateway fails, the chat is told why."""

        async def answered(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
            try:
                text = await answer(update, context)
            except HostError as error:
                text = str(error)
            if update.effective_chat is not None:
                showing = Showing(update.effective_chat)
                await showing.end(text)

        return answered

    async def _help(self, _update: Update, _context: ContextTypes.DEFAULT_TYPE) -> str:
        return HELP

    async def _model(self, _update: Update, context: ContextTypes.DEFAULT_TYPE) -> str:
        chat = _data(context)
        names = await self._asking.models()
        if not context.args:
            return models_text(chat.get(_MODEL, AUTO), names)
        name = context.args[0]
        text = chosen_text(name, names)
        if text is None:
            return f"There is no model {name}.\n{models_text(chat.get(_MODEL, AUTO), names)}"
        chat[_MODEL] = name
        return text

    async def _reset(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> str:
        _data(context)[_SESSION] = f"{_first_session(update)}-{time.time_ns()}"
        return FRESH

    async def _stats(self, _update: Update, _context: ContextTypes.DEFAULT_TYPE) -> str:
        return stats_text(await self._asking.stats())

    async def _chat(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        message, chat = update.effective_message, update.effective_chat
        if message is None or chat is None or not message.text:
            return
        known = _data(context)
        session = known.get(_SESSION) or _first_session(update)
        showing, note = Showing(chat), ""
        try:
            async with typing(chat):
                async for piece in self._asking.answer(session, known.get(_MODEL, AUTO), message.text):
                    await showing.add(piece)
        except HostError as error:
            note = f"No answer: {error}"
        await showing.end(note)


class _Telling(logging.Handler):
    """Says warnings in one line, and never the token."""

    def __init__(self, say: Callable[[str], None], token: str) -> None:
        super().__init__(logging.WARNING)
        self._say_line = say
        self._token = token

    def emit(self, record: logging.LogRecord) -> None:
        """See logging."""
        reason = f": {record.exc_info[1]}" if record.exc_info and record.exc_info[1] is not None else ""
        self._say_line(f"{record.getMessage()}{reason}".replace(self._token, "(token)"))


def _data(context: ContextTypes.DEFAULT_TYPE) -> dict[str, Any]:
    """What is remembered of the chat."""
    data = context.chat_data
    if data is None:
        raise TelegramError("a message without a chat")
    return data


def _first_session(update: Update) -> str:
    chat = update.effective_chat
    return f"telegram-{chat.id if chat is not None else 'none'}"
