"""Wrong scenario files: each mistake is one sentence with file, line and key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.errors import InputError
from toolkit.workload.scenario import load_scenario

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
name: small
duration: 1h
arrivals: {kind: poisson, rate: 60/h}
output_tokens: {kind: lognormal, median: 151, sigma: 0.86, max: 1000}
prompts:
  - {id: hello, label: fast, text: "Hello?"}
  - id: talk
    label: primary
    turns:
      - {text: "One"}
      - {text: "Two", think: {kind: uniform, min: 5s, max: 10s}}
"""


def complaints(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_scenario(path)
    return [line.removeprefix(f"{tmp_path}/") for line in str(caught.value).splitlines()]


def test_the_example_is_right(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(GOOD)
    plan = load_scenario(path)
    assert (plan.name, plan.seed, plan.source) == ("small", 1, str(path))
    assert load_scenario(path, seed=9).seed == 9


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "{}\n"])
def test_an_empty_scenario_is_one_sentence(tmp_path: Path, text: str) -> None:
    assert complaints(tmp_path, text) == [
        "s.yaml:1: the scenario is empty; it needs name, duration, arrivals and prompts"
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("duration: 1h", "duration: 10", "2: duration: found 10; a duration is written like"),
        ("duration: 1h", "duration: 0s", "2: duration: say how long people keep coming"),
        ("duration: 1h", "duration: 1ms", "2: duration: nobody comes in this time with seed 1"),
        (
            "kind: poisson",
            "kind: poison",
            "3: arrivals.kind: found 'poison'; allowed: constant, poisson, gamma, day, closed; did",
        ),
        ("rate: 60/h", "rate: 60 per hour", "3: arrivals.rate: found '60 per hour'; a rate is written like 40/h"),
        ("rate: 60/h", "rate: 90000/s", "3: arrivals: more than 250,000 requests"),
        ("rate: 60/h", "rte: 60/h", "3: arrivals.rte: unknown key; did you mean 'rate'?"),
        ("median: 151", "median: 1.5", "4: output_tokens.median: found 1.5; a number of tokens is whole"),
        ("max: 1000", "min: 9, max: 5", "4: output_tokens.max: less than min"),
        ("label: fast", "label: quick", "6: prompts[0].label: found 'quick'; allowed: code, fast, primary"),
        ('text: "Hello?"', "turns: []", "6: prompts[0].turns: found an empty list"),
        ('text: "Hello?"', "weight: 1", "6: prompts[0].text: a prompt has either text"),
        ('text: "Hello?"', 'text: "x", turns: [{text: y}]', "6: prompts[0].text: a prompt has either text"),
        ("max: 10s", "max: 1s", "11: prompts[1].turns[1].think.max: less than min"),
        ("id: talk", "id: hello", "7: prompts[1].id: found 'hello', which prompts[0] has already"),
        (
            "prompts:",
            "sequence: [hello, tlk]\nprompts:",
            "5: sequence[1]: found 'tlk', and no prompt has this id; did you mean 'talk'?",
        ),
        ("prompts:", "mix: {fast: 1}\nprompts:", "9: prompts[1].label: found 'primary', which has no share in mix"),
        (
            "prompts:",
            "slos: [{metric: tft, within: 1s, share: 0.9}]\nprompts:",
            "5: slos[0].metric: found 'tft'; allowed: ttft, e2e",
        ),
    ],
)
def test_a_mistake_is_named_by_line_and_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    assert complaints(tmp_path, text)[0].startswith(f"s.yaml:{message}")


def test_a_mix_needs_labels(tmp_path: Path) -> None:
    text = GOOD.replace("label: fast, ", "").replace("prompts:", "mix: {fast: 1, primary: 1}\nprompts:")
    assert complaints(tmp_path, text) == [
        "s.yaml:5: mix.fast: no prompt with this label has a weight above 0",
        "s.yaml:7: prompts[0]: the prompt needs a label, because the scenario has a mix of labels",
    ]


def test_weights_that_leave_nothing_are_refused(tmp_path: Path) -> None:
    idle = GOOD.replace("id: hello", "weight: 0").replace("id: talk", "weight: 0")
    assert complaints(tmp_path, idle)[0].startswith("s.yaml:5: prompts: all weights are 0, so nothing would ever be")
    assert (
        "mix.fast: no prompt with this label has a weight above 0"
        in complaints(tmp_path, idle.replace("prompts:", "mix: {fast: 1, primary: 0}\nprompts:"))[0]
    )
    assert complaints(tmp_path, GOOD.replace("prompts:", "mix: {fast: 0, primary: 0}\nprompts:")) == [
        "s.yaml:5: mix: all shares are 0, so nothing would ever be asked"
    ]


@pytest.mark.parametrize(
    ("arrivals", "message"),
    [
        (
            "{kind: day, curve: ofice, rate: 9/h}",
            "arrivals.curve: found 'ofice'; allowed: flat, office, or a list of 24 weights; did",
        ),
        ("{kind: day, curve: [1, 2], rate: 9/h}", "arrivals.curve: found 2 weights; a day has 24"),
        (f"{{kind: day, curve: {[0] * 24}, rate: 9/h}}", "arrivals.curve: all weights are 0"),
        ("{kind: day, curve: flat}", "arrivals.rate: give either rate"),
        ("{kind: day, curve: flat, rate: 9/h, peak: 9/h}", "arrivals.rate: give either rate"),
        ("{kind: day, curve: flat, rate: 9/h, start: 24h}", "arrivals.start: the time of day"),
        ("{kind: gamma, rate: 9/h, cv: 0}", "arrivals.cv: found 0; allowed: at least 0.05"),
        ("{kind: closed, users: 1, prompts_per_user: 1, think: 1s}", "duration: a closed loop has no duration"),
        ("{kind: closed, users: 0, prompts_per_user: 1, think: 1s}", "arrivals.users: found 0; allowed: at least 1"),
    ],
)
def test_arrivals_that_make_no_sense_are_refused(tmp_path: Path, arrivals: str, message: str) -> None:
    found = complaints(tmp_path, GOOD.replace("{kind: poisson, rate: 60/h}", arrivals))
    assert [each.partition(": ")[2].startswith(message) for each in found] == [True]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ("[[0, 1]]", "at least 2 of them"),
        ("[[0.1, 1], [1, 2]]", "the first pair has share 0"),
        ("[[0, 1], [0.5, 2]]", "the last has share 1"),
        ("[[0, 1], [0.5, 2], [0.5, 3], [1, 4]]", "the shares must rise"),
        ("[[0, 1], [0.5, 3], [1, 2]]", "the values must not fall"),
    ],
)
def test_quantiles_must_be_quantiles(tmp_path: Path, points: str, message: str) -> None:
    text = GOOD.replace(
        "{kind: lognormal, median: 151, sigma: 0.86, max: 1000}", f"{{kind: quantiles, points: {points}}}"
    )
    found = complaints(tmp_path, text)
    assert found[0].startswith("s.yaml:4: output_tokens.points: ")
    assert message in found[0]


def test_too_many_closed_loop_prompts_are_refused_at_once(tmp_path: Path) -> None:
    closed = "{kind: closed, users: 10000, prompts_per_user: 100000, think: 1s}"
    text = GOOD.replace("duration: 1h\n", "").replace("{kind: poisson, rate: 60/h}", closed)
    assert complaints(tmp_path, text) == [
        "s.yaml:2: arrivals: more than 250,000 requests, the most a plan can hold; ask for fewer"
    ]


def test_every_mistake_of_a_file_is_named_in_file_order(tmp_path: Path) -> None:
    text = (
        GOOD.replace("duration: 1h", "duration: soon")
        .replace("label: fast", "label: quick")
        .replace("sigma: 0.86", "sigma: -1")
    )
    assert [each.split(" ")[1] for each in complaints(tmp_path, text)] == [
        "duration:",
        "output_tokens.sigma:",
        "prompts[0].label:",
    ]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml"):
        load_scenario(tmp_path / "nowhere.yaml")
