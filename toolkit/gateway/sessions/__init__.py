"""Conversations that outlive models and processes: every message of every session in one SQLite file.

`docs/sessions.md` has the tables, and what is promised of them.
"""

from toolkit.gateway.sessions.database import SessionsError, SessionsFullError
from toolkit.gateway.sessions.records import Exchange, History, StoredMessage, Summary
from toolkit.gateway.sessions.store import SessionStore, Turn

__all__ = [
    "Exchange",
    "History",
    "SessionStore",
    "SessionsError",
    "SessionsFullError",
    "StoredMessage",
    "Summary",
    "Turn",
]
