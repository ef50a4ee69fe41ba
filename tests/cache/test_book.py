"""Beliefs about a host's memory, and how `/api/ps` sets them right."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolkit.cache.book import Drift, ResidencyBook
from toolkit.cache.strategy import LoadedModel


def row(name: str, expires_at_ns: int | None = None) -> LoadedModel:
    return LoadedModel(name, f"sha256:{name}", 7, 9, expires_at_ns)


def names(book: ResidencyBook) -> str:
    return "".join(row.name for row in book.rows())


def book_of(models: str, max_models: int | None = None) -> ResidencyBook:
    book = ResidencyBook(max_models)
    for now_ns, model in enumerate(models):
        book.touched(model)
        book.answered(model, now_ns, None, ())
    return book


def test_answers_load_and_touches_order() -> None:
    book = book_of("abc")
    book.touched("a")
    book.touched("unknown")
    assert names(book) == "bca"


def test_one_too_many_makes_the_oldest_idle_one_go() -> None:
    book = ResidencyBook(2, pinned=("p",))
    for now_ns, model in enumerate("pab"):
        book.answered(model, now_ns, None, ())
    assert names(book) == "pb"
    book.answered("c", 9, None, busy=("b",))
    assert names(book) == "pbc"  # nobody could go
    book.answered("d", 10, None, busy=())
    assert names(book) == "pd"


def test_expired_models_are_forgotten_unless_busy() -> None:
    book = ResidencyBook(None)
    book.answered("a", 0, 100, ())
    book.answered("b", 0, None, ())
    book.expire(99, ())
    assert names(book) == "ab"
    book.expire(100, ("a",))
    assert names(book) == "ab"
    book.expire(100, ())
    assert names(book) == "b"


def test_reconcile_believes_the_listing_and_says_what_differed() -> None:
    book = book_of("abc")
    drift = book.reconcile([row("b", 500), row("x"), row("y")], seen_ns=10)
    assert drift == Drift(missing=("a", "c"), unexpected=("x", "y"))
    assert not drift.agreed
    assert names(book) == "xyb"  # the unexpected are the least recently used
    assert book.rows()[2] == row("b", 500)
    assert book.reconcile([row("b"), row("x"), row("y")], seen_ns=11).agreed


def test_a_listing_older_than_what_is_known_changes_nothing() -> None:
    book = book_of("ab")
    book.unloaded("a", 50)
    book.answered("c", 60, None, ())
    assert book.reconcile([row("a"), row("b")], seen_ns=40).agreed
    assert names(book) == "bc"
    assert book.reconcile([row("a"), row("b")], seen_ns=70) == Drift(missing=("c",), unexpected=("a",))


LISTINGS = st.lists(st.sampled_from("abcdef"), unique=True)


@given(st.text(alphabet="abcdef", max_size=12), LISTINGS)
def test_a_new_listing_is_believed_in_full(used: str, listed: list[str]) -> None:
    book = book_of(used)
    before = set(names(book))
    drift = book.reconcile([row(name) for name in listed], seen_ns=1_000)
    assert set(names(book)) == set(listed)
    assert set(drift.missing) == before - set(listed)
    assert set(drift.unexpected) == set(listed) - before
    assert book.reconcile([row(name) for name in listed], seen_ns=1_001).agreed


@given(st.text(alphabet="abcdef", max_size=30), st.integers(1, 5))
def test_while_nobody_is_busy_the_book_holds_the_most_recent(used: str, max_models: int) -> None:
    book = book_of(used, max_models)
    assert len(book.rows()) <= max_models
    assert names(book)[::-1] == "".join(dict.fromkeys(reversed(used)))[:max_models]
