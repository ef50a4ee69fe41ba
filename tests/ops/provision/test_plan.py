"""From what is wanted and what is there to a plan: each kind of action, and what no plan ever does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.ops.provision.host import config_of
from tests.ops.provision.made import GB, installed, made, observed, running
from toolkit.config.host import ModelDiskSection
from toolkit.ops.provision.desired import Desired, Recipe, desired_models, model_key
from toolkit.ops.provision.observed import Observed
from toolkit.ops.provision.plan import Disk, Kind, Size, make_plan
from toolkit.ops.provision.render import plan_json, plan_text, state_text
from toolkit.ops.provision.sizes import disk_of, known_sizes
from toolkit.ops.provision.state import states
from toolkit.ops.provision.verify import wrong_with

ONE, OTHER = "ab" * 32, "cd" * 32
SHORT = Desired("short", recipe=Recipe("base", (("num_ctx", 8192),), "Be short."))
DAY_NS = 86_400 * 10**9


def kinds(desired: list[Desired], host: Observed) -> list[tuple[Kind, str]]:
    return [(action.kind, action.name) for action in make_plan(desired, host, {}).actions]


def test_each_kind_of_action() -> None:
    host = observed(installed("there"), installed("old", OTHER), installed("extra:1"), installed("base"), base=made())
    wanted = [Desired("there:latest"), Desired("old", ONE), Desired("new"), Desired("base"), SHORT]
    assert kinds(wanted, host) == [
        (Kind.KEEP, "there:latest"),
        (Kind.UPDATE, "old"),
        (Kind.PULL, "new"),
        (Kind.KEEP, "base"),
        (Kind.CREATE, "short"),
        (Kind.REMOVE, "extra:1"),
    ]


def test_a_derived_model_is_kept_only_while_it_is_made_as_declared() -> None:
    as_declared = made((("num_ctx", "8192"),), "Be short.")
    models = (installed("base"), installed("short"))
    assert kinds([SHORT], observed(*models, base=made(), short=as_declared))[0][0] is Kind.KEEP
    new_weights = observed(*models, base=made(source="/blobs/b"), short=as_declared)
    (action, _) = make_plan([SHORT], new_weights, {}).actions
    assert (action.kind, action.reason) == (Kind.UPDATE, "it is made of other weights than base has now")
    without_base = observed(installed("short"), short=as_declared)
    assert "only after that is pulled" in make_plan([SHORT], without_base, {}).actions[0].reason


names = st.sampled_from(["a", "A:latest", "b:1", "library/c", "registry.ollama.ai/library/c:latest", "team/d", "short"])


@given(st.lists(names, max_size=6), st.lists(names, max_size=6), st.booleans())
def test_what_is_named_is_never_prunable_and_what_is_there_is_never_removed_by_apply(
    wanted: list[str], there: list[str], pinned: bool
) -> None:
    desired = list({model_key(name): Desired(name, ONE if pinned else None) for name in wanted}.values())
    plan = make_plan(desired, Observed(tuple(installed(name) for name in dict.fromkeys(there))), {})
    named = {model.key for model in desired}
    assert not {model_key(action.name) for action in plan.prunable} & named
    assert {model_key(action.name) for action in plan.prunable} == {model_key(name) for name in there} - named
    assert all(action.kind is not Kind.REMOVE for action in plan.changes)
    after = Observed(tuple(installed(name) for name in dict.fromkeys([*there, *wanted])))
    assert make_plan(desired, after, {}).changes == ()


def test_disk_is_said_as_far_as_it_is_known() -> None:
    wanted = [Desired("a"), Desired("b")]
    plan = make_plan(wanted, Observed(), {"a:latest": Size(5 * GB, estimated=True)}, Disk(3 * GB))
    assert (plan.needed_bytes, plan.of_unknown_size, plan.lacking_bytes) == (5 * GB, ("b",), 2 * GB)
    text = plan_text(plan, "http://h")
    assert "disk needed: about 5.0 GB, and what only the registry knows: b; free: 3.0 GB, as the config says" in text
    assert "NOT ENOUGH: 2.0 GB are lacking" in text
    unknown = make_plan(wanted, Observed(), {})
    assert unknown.lacking_bytes == 0
    assert "free: unknown" in plan_text(unknown, "http://h")
    assert plan_json(unknown, "h")["disk"]["free_bytes"] is None


def test_the_size_of_a_disk_bounds_what_is_free_and_shared_weights_count_once() -> None:
    there = [installed("a", size_bytes=5 * GB), installed("derived", size_bytes=5 * GB + 300), installed("b")]
    assert disk_of(ModelDiskSection(size=20 * GB), there) == Disk(14 * GB, at_most=True)
    assert disk_of(ModelDiskSection(size=20 * GB, free=GB), there) == Disk(GB)
    assert disk_of(ModelDiskSection(), there) == Disk()


def test_sizes_come_from_the_twin_section_then_from_published_headers() -> None:
    config = config_of("host: {models: ['llama3.1:8b', 'nobody/knows']}")
    sizes = known_sizes(config, desired_models(config))
    assert sizes["qwen2.5:7b"].size_bytes == 4_700_000_000
    assert abs(sizes["llama3.1:8b"].size_bytes / 4.92e9 - 1) < 0.05
    assert "nobody/knows:latest" not in sizes


def test_everything_that_the_config_names_is_wanted_bases_first() -> None:
    config = config_of(
        "llm:\n"
        "  models: {primary: {name: b, modelfile: {base: a, system: B}, pin: true}, fast: c}\n"
        "  routing: {rules: [{pattern: x, model: by-rule}]}\n"
        f"host: {{models: [d, {{name: 'c:latest', digest: {ONE}}}]}}\n"
    )
    wanted = desired_models(config)
    assert [model.name for model in wanted] == ["a", "b", "c", "d", "by-rule"]
    assert {model.name: model.digest for model in wanted if model.digest} == {"c": ONE}
    assert [model.name for model in wanted if model.pin] == ["b"]


def test_what_was_fetched_is_checked_against_the_host() -> None:
    model = Desired("m", ONE)
    assert wrong_with(model, Observed((installed("m", ONE, 100),)), (("x", 60), ("y", 40))) is None
    assert "does not list it" in str(wrong_with(model, Observed(), ()))
    assert "pins the digest" in str(wrong_with(model, Observed((installed("m", OTHER),)), ()))
    assert "its files have 101" in str(wrong_with(model, Observed((installed("m", ONE, 100),)), (("x", 101),)))
    half = observed(installed("base"), installed("short"), base=made(), short=made())
    assert "num_ctx is not set, not 8192; its system text differs" in str(wrong_with(SHORT, half, ()))


def test_the_state_of_each_model() -> None:
    host = Observed(
        (installed("a"), installed("extra")), (running("a", 400 * 365 * DAY_NS), running("deleted", DAY_NS)), {}
    )
    wanted = [Desired("a"), Desired("b", pin=True)]
    found = states(wanted, host, make_plan(wanted, host, {}), 0)
    assert [(state.name, state.declared, state.installed, state.loaded, state.forever) for state in found] == [
        ("a", True, True, True, True),
        ("b", True, False, False, False),
        ("extra", False, True, False, False),
        ("deleted", False, False, True, False),
    ]
    assert [state.problem for state in found] == [None, "not on the host", None, None]
    text = state_text(found, "http://h")
    assert "pinned by the config, but not loaded" in text
    assert "loaded for ever, 0.9 of 1.9 GiB on GPU, context 4096" in text
