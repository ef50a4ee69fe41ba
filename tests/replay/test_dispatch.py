"""The client's side of a run: who is asked, with what, and what is in flight."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from toolkit.cache.strategy import Access, Answer, Directive, HostView
from toolkit.replay.dispatch import Dispatcher, Followers
from toolkit.routing.router import Router, Rule
from toolkit.workload.plan import Plan, PlannedRequest

ROUTER = Router([Rule("poem", "bard")], {"primary": "big", "code": "coder", "fast": "small"})
REQUEST = PlannedRequest(
    id="r1", at_ns=0, after=None, think_ns=0, text="a poem, please", system=None, prompt_tokens=5,
    shared_prefix_tokens=0, output_tokens=5, model=None, label=None, session=None,
)  # fmt: skip


@dataclass
class Watching:
    """Remembers what it is shown."""

    views: list[HostView] = field(default_factory=list)
    name: str = "watching"
    reads_memory: bool = True

    def before(self, access: Access, view: HostView) -> Directive:
        del access
        self.views.append(view)
        return Directive(keep_alive_ns=7)

    def after(self, access: Access, answer: Answer) -> None:
        """Nothing to learn."""


def test_a_dispatch_says_where_to_why_and_with_what() -> None:
    dispatcher = Dispatcher(ROUTER, Watching(), {"bard": {"num_ctx": 4096}})
    dispatch = dispatcher.dispatch(REQUEST, 5, 6, ())
    assert (dispatch.model, dispatch.rule, dispatch.intended_ns) == ("bard", 1, 5)
    assert (dispatch.options, dispatch.directive.keep_alive_ns) == ({"num_ctx": 4096}, 7)


def test_options_of_a_request_lie_over_those_of_its_model() -> None:
    dispatcher = Dispatcher(ROUTER, Watching(), {"bard": {"num_ctx": 4096, "num_gpu": 9}})
    dispatch = dispatcher.dispatch(replace(REQUEST, options=(("num_ctx", 8192),)), 5, 6, ())
    assert dispatch.options == {"num_ctx": 8192, "num_gpu": 9}
    assert dispatcher.options_of("bard") == {"num_ctx": 4096, "num_gpu": 9}


def test_a_model_asked_for_by_name_is_not_routed() -> None:
    dispatch = Dispatcher(ROUTER, Watching(), {}).dispatch(replace(REQUEST, model="big"), 0, 0, ())
    assert (dispatch.model, dispatch.rule, dispatch.reason) == ("big", None, "asked for by name")


def test_in_flight_counts_until_the_answer() -> None:
    strategy = Watching()
    dispatcher = Dispatcher(ROUTER, strategy, {})
    first = dispatcher.dispatch(REQUEST, 0, 0, ())
    dispatcher.dispatch(REQUEST, 0, 0, ())
    dispatcher.answered(first, Answer(9, None, ok=True))
    dispatcher.dispatch(REQUEST, 0, 0, ())
    assert [view.in_flight for view in strategy.views] == [(), (("bard", 1),), (("bard", 1),)]


def test_followers_become_due_with_their_leader() -> None:
    turns = (
        REQUEST,
        replace(REQUEST, id="r2", at_ns=None, after="r1"),
        replace(REQUEST, id="r3", at_ns=None, after="r1"),
    )
    followers = Followers(Plan("p", "", turns, 0, 1, (), "p", "0", ()))
    assert [one.id for one in followers.after("r1")] == ["r2", "r3"]
    assert list(followers.after("r2")) == []
