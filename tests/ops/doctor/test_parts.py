"""The doctor's parts by themselves: versions and their holes, addresses, blobs, recorded loads, words, rendering."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.config.loading import load_config
from toolkit.errors import InputError, UsageError
from toolkit.fit.gpus import gpus_of
from toolkit.ollama.types import ModelDetails, ModelInfo, RunningModel, Version
from toolkit.ops.doctor.advisories import ADVISORIES, Advisory
from toolkit.ops.doctor.asking import Page
from toolkit.ops.doctor.check import examine, fail, ok, skipped, warn
from toolkit.ops.doctor.checks import CHECKS
from toolkit.ops.doctor.checks.security import Exposed, Vulnerabilities, bound_to, is_loopback, is_public
from toolkit.ops.doctor.checks.service import V1KeepAlive
from toolkit.ops.doctor.checks.stuck import StuckEviction
from toolkit.ops.doctor.evidence import ClockReading, Evidence, LoadSample, Look, Reach, Wishes
from toolkit.ops.doctor.from_config import wishes_of
from toolkit.ops.doctor.render import (
    advisories_table,
    as_json,
    as_text,
    checks_table,
    exit_code,
)
from toolkit.ops.doctor.shown import blob_of, is_emptied, shown_of
from toolkit.ops.doctor.swaps import read_samples
from toolkit.ops.doctor.wording import listed, span

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.ops.doctor.check import Check, Finding

URL = "http://127.0.0.1:11434"
NS_PER_S = 1_000_000_000
BARE = Evidence(Wishes(URL), Reach(URL, "127.0.0.1"))
versions = st.tuples(st.integers(0, 2), st.integers(0, 60), st.integers(0, 40))


# Checks ---------------------------------------------------------------------------------------------------------------


def test_ids_are_unique_and_every_check_explains_itself() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check.title
        assert check.why.endswith(".")
        assert check.__doc__


def test_checks_survive_a_host_that_tells_nothing() -> None:
    results = examine(CHECKS, BARE)
    assert {result.status for result in results} <= {"ok", "skipped"}
    assert all(result.finding.evidence for result in results)


# Vulnerabilities ------------------------------------------------------------------------------------------------------


@given(versions)
def test_a_version_is_affected_by_what_is_mended_later_only(version: tuple[int, int, int]) -> None:
    for advisory in ADVISORIES:
        if advisory.fixed is not None:
            assert advisory.affects(version) == (version < advisory.fixed)
        elif advisory.affected_to is not None:
            assert advisory.affects(version) == (advisory.affected_from <= version <= advisory.affected_to)
        else:
            assert advisory.is_open
            assert advisory.note
            assert advisory.affects(version)


def test_every_entry_has_its_sources() -> None:
    assert all(advisory.sources and advisory.cve.startswith("CVE-") for advisory in ADVISORIES)
    assert len({advisory.cve for advisory in ADVISORIES}) == len(ADVISORIES)


@pytest.mark.parametrize(
    ("version", "host", "status"),
    [
        ((0, 1, 33), "127.0.0.1", "fail"),
        ((0, 17, 0), "127.0.0.1", "fail"),
        ((0, 17, 1), "127.0.0.1", "fail"),  # CVE-2026-5530 was found up to 0.18.1
        ((0, 20, 1), "127.0.0.1", "fail"),
        ((0, 19, 0), "127.0.0.1", "ok"),
        ((0, 32, 15), "127.0.0.1", "ok"),
        ((0, 32, 15), "10.0.0.5", "warn"),
    ],
)
def test_what_a_version_is_told(version: tuple[int, int, int], host: str, status: str) -> None:
    asked = replace(BARE, version=Version(".".join(map(str, version)), version), reach=Reach(URL, host))
    assert Vulnerabilities().find(asked).status == status


def test_an_advisory_that_begins_late_spares_older_versions() -> None:
    late = Advisory("CVE-1", "x", None, "y", (0, 20, 2), (0, 20, 0))
    assert [late.affects(version) for version in ((0, 19, 9), (0, 20, 1), (0, 20, 3))] == [False, True, False]


# Evictions ------------------------------------------------------------------------------------------------------------

DETAILS = ModelDetails("gguf", "qwen2", ("qwen2",), "7.6B", "Q4_K_M")


def looks_of(expiries_s: list[float]) -> tuple[Look, ...]:
    """A look each half second, at a model that then expires at these seconds."""
    rows = [RunningModel("a:1b", "", 1, 1, round(second * NS_PER_S), 4096, DETAILS) for second in expiries_s]
    return tuple(Look(n * NS_PER_S // 2, n * NS_PER_S // 2, 0, (row,)) for n, row in enumerate(rows))


@given(st.floats(-20, 1000), st.integers(1, 20))
def test_an_expiry_that_stands_still_is_no_mark(expiry_s: float, count: int) -> None:
    found = StuckEviction().find(replace(BARE, looks=looks_of([expiry_s] * count)))
    assert found.status == "skipped"


@given(st.integers(4, 20), st.floats(2, 1000))
def test_a_mark_that_is_taken_back_is_a_failure(marked: int, more_s: float) -> None:
    now = [n / 2 for n in range(marked)]
    undone = replace(BARE, looks=looks_of([*now, now[-1] + 0.5 + more_s]))
    assert StuckEviction().find(undone).status == "fail"
    assert StuckEviction().find(replace(BARE, looks=looks_of(now))).status == "warn"


def test_a_model_that_should_have_gone_long_ago() -> None:
    found = StuckEviction().find(replace(BARE, looks=looks_of([-60.0, -60.0])))
    assert found.status == "warn"
    assert '"keep_alive": 0' in (found.fix or "")


def test_a_host_with_its_own_clock_is_judged_by_it() -> None:
    ahead = replace(BARE, looks=looks_of([-3600.0] * 4), clock=ClockReading(-3700 * NS_PER_S, NS_PER_S // 2))
    assert StuckEviction().find(ahead).status == "skipped"


# Addresses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (None, None),
        ("", None),
        (":8080", None),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - read, not bound to
        ("0.0.0.0:11434", "0.0.0.0"),  # noqa: S104 - read, not bound to
        ("http://[::]:80", "::"),
        ("::1", "::1"),
        ("https://gpu.example/ollama", "gpu.example"),
    ],
)
def test_the_address_in_ollama_host(text: str | None, address: str | None) -> None:
    assert bound_to(text) == address


def test_who_is_this_machine_and_who_is_the_internet() -> None:
    assert [is_loopback(host) for host in ("127.0.0.9", "::1", "LocalHost", "a.localhost", "10.0.0.5", "gpu")] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]
    assert [is_public(host) for host in ("1.1.1.1", "10.0.0.5", "127.0.0.1", "gpu.example")] == [
        True,
        False,
        False,
        False,
    ]


def test_an_open_host_on_the_internet_is_a_failure() -> None:
    asked = replace(BARE, reach=Reach("http://1.1.1.1:11434", "1.1.1.1"))
    assert Exposed().find(asked).status == "fail"


# Reading --------------------------------------------------------------------------------------------------------------


def test_the_blob_of_a_modelfile() -> None:
    sha = "0123456789abcdef" * 4
    assert blob_of(f"# FROM qwen\n\nFROM /models/blobs/sha256-{sha}\nTEMPLATE x\n") == sha
    assert blob_of("FROM qwen2.5:7b\n") is None


def test_arrays_by_layer_are_asked_for_in_full() -> None:
    details = ModelDetails("gguf", "x", (), "", "")
    info = ModelInfo(details, (), "", "", "", "", {"x.block_count": 2, "tokenizer.ggml.tokens": []}, None, None)
    assert not is_emptied(info)
    assert is_emptied(replace(info, model_info={"x.attention.head_count_kv": []}))


@pytest.mark.parametrize(
    ("base_url", "asked_url", "status"),
    [(f"{URL}/v1", None, "warn"), (f"{URL}/v1/", URL, "warn"), (URL, f"{URL}/v1", "warn"), (URL, URL, "ok")],
)
def test_the_configs_address_counts_though_another_host_is_asked(
    base_url: str, asked_url: str | None, status: str
) -> None:
    assert V1KeepAlive().find(replace(BARE, wishes=Wishes(base_url, asked_url=asked_url))).status == status


def test_a_header_without_sense_is_a_reason_and_no_crash() -> None:
    info = ModelInfo(DETAILS, (), "", "", "", "", {"general.architecture": "x"}, None, None)
    shown = shown_of("nobody:1b", info, None)
    assert shown.spec is None
    assert "not in the catalogue" in shown.problem


def test_dates_of_a_page() -> None:
    page = Page(200, {"date": "Thu, 01 Jan 2026 00:00:00 GMT"}, 0, 0)
    assert page.date_ns == 1_767_225_600 * 10**9
    assert replace(page, headers={}).date_ns is None
    assert replace(page, headers={"date": "yesterday"}).date_ns is None


def test_recorded_loads(tmp_path: Path) -> None:
    file = tmp_path / "swap_matrix.csv"
    file.write_text(
        "kind,from,to,file_bytes,load_duration_s\n"
        "load_cold,,b,5000,1.5\nresident,b,b,5000,0.003\nswap,b,a,7000,2\nload,,a,,2\nload,,a,7000,\n",
        encoding="utf-8",
    )
    assert read_samples(file) == (LoadSample("b", 5000, 1_500_000_000),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind,to\nload,b\n", ":2: the column file_bytes is missing"),
        ("kind,to,file_bytes,load_duration_s\nload,b,many,1\n", ":2: invalid literal"),
    ],
)
def test_records_that_are_none(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "swap_matrix.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        read_samples(file)
    with pytest.raises(UsageError, match="there is no such file"):
        read_samples(tmp_path / "missing.csv")


def test_recorded_loads_of_a_real_server(shared_dir: Path) -> None:
    samples = read_samples(shared_dir / "ollama/golden/timing/swap_matrix.csv")
    assert {sample.model for sample in samples} >= {"b1500", "m1"}
    assert all(sample.load_ns > 200_000_000 for sample in samples)


def test_a_config_as_wishes(tmp_path: Path) -> None:
    file = tmp_path / "host.yaml"
    file.write_text(
        "llm:\n"
        "  base_url: http://127.0.0.1:11434/v1\n"
        f"  models: {{primary: {{name: 'a:1b', options: {{num_ctx: 8192}}, pin: true, digest: {'ab' * 32}}}}}\n"
        "  cache: {type: ssd, max_models: 2}\n"
        "host: {settings: {OLLAMA_NUM_PARALLEL: 2}, models: [b]}\n"
        "twin: {gpus: [{name: RTX 3090, memory: 24GiB}]}\n",
        encoding="utf-8",
    )
    made = wishes_of(load_config(file))
    assert made.base_url == "http://127.0.0.1:11434/v1"
    assert [(one.name, one.digest, one.pinned) for one in made.declared] == [
        ("a:1b", "ab" * 32, True),
        ("b:latest", None, False),
    ]
    assert made.models[0].number("num_ctx") == 8192
    assert (made.max_models, made.keep_alive_ns, made.server.num_parallel) == (2, 120 * 10**9, 2)
    assert [gpu.name for gpu in made.gpus or ()] == ["RTX 3090"]
    assert wishes_of(load_config(file), None, gpus_of("rtx4090")).gpus == gpus_of("rtx4090")
    assert made.file == str(file)
    embedded = wishes_of(load_config(None), "http://127.0.0.1:9")
    assert (embedded.embedded, embedded.gpus, embedded.url) == (True, None, "http://127.0.0.1:9")


# Showing --------------------------------------------------------------------------------------------------------------


class Told:
    """A check that finds what it is told to."""

    needs_host = False
    why = "It matters."

    def __init__(self, name: str, finding: Finding) -> None:
        self.id, self.title, self._finding = name, name.title(), finding

    def find(self, _evidence: Evidence) -> Finding:
        return self._finding


TOLD = (
    Told("fine", ok("all is well")),
    Told("slow", warn("it takes long", "make it quick")),
    Told("unknown", skipped("nobody knows", "look harder")),
    Told("broken", fail("it is broken", "mend it")),
)


def told(*checks: Told) -> tuple[Check, ...]:
    return checks  # type: ignore[return-value]  # it has all that a check has


def test_problems_come_first_with_why_and_fix() -> None:
    text = as_text(examine(told(*TOLD), BARE), width=80, color=False)
    assert text.splitlines() == [
        "FAIL  Broken",
        "      it is broken",
        "      why: It matters.",
        "      fix: mend it",
        "",
        "warn  Slow",
        "      it takes long",
        "      why: It matters.",
        "      fix: make it quick",
        "",
        "skip  Unknown",
        "      nobody knows",
        "      fix: look harder",
        "ok    Fine",
        "      all is well",
        "",
        "1 failed, 1 warning, 1 could not be told, 1 ok",
    ]
    assert "\x1b[" in as_text(examine(told(*TOLD), BARE), width=80, color=True)


def test_what_a_silent_host_keeps_from_us_is_said_once() -> None:
    reach = Reach(URL, "127.0.0.1", problem="nobody answers")
    text = as_text(examine(CHECKS, Evidence(Wishes(URL), reach)), width=80, color=False)
    needing = sum(check.needs_host for check in CHECKS)
    assert f"skip  {needing} checks\n      the host does not answer\n" in text
    assert text.count("the host does not answer") == 1
    assert f"{needing} could not be told" in text


@pytest.mark.parametrize(("is_other", "fix"), [(True, "give the address"), (False, "systemctl status ollama")])
def test_who_answers_and_is_not_ollama_is_not_to_be_started(is_other: bool, fix: str) -> None:
    reach = Reach(URL, "127.0.0.1", problem="HTML", is_other=is_other)
    assert fix in as_text(examine(CHECKS, Evidence(Wishes(URL), reach)), width=80, color=False)


def test_json_has_every_check_in_order() -> None:
    value = json.loads(json.dumps(as_json(examine(told(*TOLD), BARE))))
    assert [set(entry) for entry in value["checks"]] == [{"id", "status", "evidence", "why", "fix"}] * 4
    assert [(entry["id"], entry["status"]) for entry in value["checks"]] == [
        ("fine", "ok"),
        ("slow", "warn"),
        ("unknown", "skipped"),
        ("broken", "fail"),
    ]
    assert value["checks"][0]["fix"] is None


def test_only_a_failure_ends_with_1() -> None:
    assert exit_code(examine(told(*TOLD), BARE)) == 1
    assert exit_code(examine(told(*TOLD[:3]), BARE)) == 0


def test_the_page_has_the_tables_as_they_are_now(project_dir: Path) -> None:
    page = (project_dir / "docs/doctor.md").read_text(encoding="utf-8")
    assert checks_table(CHECKS) in page, "run: python docs/renew_doctor.py"
    assert advisories_table(ADVISORIES) in page, "run: python docs/renew_doctor.py"


def test_words() -> None:
    assert [span(ns) for ns in (5_000_000, 2_400_000_000, 45 * 10**9, -(1740 * 10**9), 12_600 * 10**9)] == [
        "5 ms",
        "2.4 s",
        "45 s",
        "-29 min",
        "3.5 h",
    ]
    assert [listed(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
