"""What the gateway itself refuses, and how it says so. What a host refuses is passed on as the host said it."""

from __future__ import annotations

import enum


class Why(enum.Enum):
    """The reason for a refusal: its name in statistics, and the status of the answer."""

    NO_KEY = ("no_key", 401)
    NOT_ADMIN = ("not_admin", 403)
    WRITES_OFF = ("writes_off", 403)
    FOREIGN_HOST = ("foreign_host", 403)
    FOREIGN_ORIGIN = ("foreign_origin", 403)
    NOT_FOUND = ("not_found", 404)
    BAD_REQUEST = ("bad_request", 400)
    NOT_HTTP = ("not_http", 400)
    TOO_SLOW = ("too_slow", 408)
    BUSY = ("busy", 409)
    TOO_LARGE = ("too_large", 413)
    ENCODED = ("encoded", 415)
    KEY_REUSED = ("key_reused", 422)
    TOO_OFTEN = ("too_often", 429)
    QUEUE_FULL = ("queue_full", 503)
    WAITED_TOO_LONG = ("waited_too_long", 503)
    NO_HOST = ("no_host", 503)
    HOST_FAILED = ("host_failed", 502)
    HOST_SLOW = ("host_slow", 504)
    DEADLINE = ("deadline", 504)
    STOPPING = ("stopping", 503)
    BROKEN = ("broken", 500)
    STORE_FAILED = ("store_failed", 507)

    def __init__(self, label: str, status: int) -> None:
        self.label = label
        self.status = status


class Refusal(Exception):  # noqa: N818 - an answer, not a malfunction of the gateway
    """A request that the gateway answers itself. `text` is one sentence; `retry_s` goes into Retry-After.

    `is_counted`: statistics have it already, with the request to a model that it ended.
    """

    def __init__(self, why: Why, text: str, retry_s: int | None = None) -> None:
        super().__init__(text)
        self.why = why
        self.text = text
        self.retry_s = retry_s
        self.is_counted = False


def stopping() -> Refusal:
    """What is said to those who are not answered any more."""
    return Refusal(Why.STOPPING, "the gateway is being stopped; try again when it is back", 1)
