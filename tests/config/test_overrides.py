"""`--set key.path=value`: laid over the config, checked like it, and named where it is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.config.loading import LoadedConfig, Origin, load_config, written
from toolkit.config.models import Config
from toolkit.config.overrides import parse_override
from toolkit.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
llm:
  base_url: http://localhost:1
  models:
    primary: a:1
    code: {name: b:1, pin: true}
twin:
  ram: 32GiB
"""


def load(path: Path | None, *options: str) -> LoadedConfig:
    return load_config(path, {}, [parse_override(option) for option in options])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(FILE)
    return path


def test_a_value_is_overridden_and_its_neighbours_stay(file: Path) -> None:
    loaded = load(file, "llm.cache.type=ssd", "llm.models.code.pin=false", "twin.ram=48GiB")
    assert loaded.config.llm.cache.type == "ssd"
    assert loaded.config.twin.ram_bytes == 48 << 30
    assert not loaded.config.llm.models["code"].pin
    assert loaded.config.llm.models["code"].name == "b:1"
    assert loaded.config.llm.base_url == "http://localhost:1"


def test_origins_tell_the_option_from_file_and_default(file: Path) -> None:
    origins = load(file, "llm.cache.type=ssd", "twin.gpus[0].memory=16GiB").origins
    assert origins["llm.cache.type"] == origins["twin.gpus[0].memory"] == Origin("option")
    assert str(origins["llm.cache.type"]) == "--set"
    assert origins["twin.gpus[0].name"] == Origin("default")
    assert origins["twin.ram"] == Origin("file", str(file), 7)


def test_one_place_of_a_default_list_is_overridden_and_the_rest_stays() -> None:
    plain = load(None).config.twin
    for spelling in ("twin.gpus[0].memory=16GiB", "twin.gpus.0.memory=16GiB"):
        changed = load(None, spelling).config.twin
        assert changed.gpus[0].memory_bytes == 16 << 30
        assert changed.gpus[0].name == plain.gpus[0].name
        assert changed.models == plain.models


def test_one_default_role_is_overridden_and_the_others_stay() -> None:
    models = load(None, "llm.models.code=x:1").config.llm.models
    assert {role: entry.name for role, entry in models.items()} == {
        "primary": "qwen2.5:32b",
        "code": "x:1",
        "fast": "qwen2.5:7b",
    }


def test_a_model_written_as_its_name_can_get_options(file: Path) -> None:
    entry = load(file, "llm.models.primary.options.num_ctx=8192").config.llm.models["primary"]
    assert (entry.name, entry.options["num_ctx"]) == ("a:1", 8192)


def test_values_are_yaml() -> None:
    rule = load(None, "llm.routing.rules=[{pattern: 'x', model: 'm:1'}]").config.llm.routing.rules[0]
    assert (rule.pattern, rule.model) == ("x", "m:1")
    assert load(None, "twin.gpus=[]").config.twin.gpus == ()
    assert load(None, "host.settings={}").config == Config()


def test_the_next_place_of_a_list_adds_to_it(file: Path) -> None:
    loaded = load(file, "twin.gpus[1]={name: second, memory: 8GiB, bandwidth: 400GB/s}")
    assert [gpu.name for gpu in loaded.config.twin.gpus] == ["RTX 4090", "second"]


def test_the_last_of_two_decides() -> None:
    assert load(None, "llm.cache.type=ssd", "llm.cache.type=none").config.llm.cache.type == "none"


def test_keys_with_dots_are_quoted() -> None:
    loaded = load(None, "host.headers_env['X.Key']=TOKEN")
    assert loaded.config.host.headers_env == {"X.Key": "TOKEN"}
    assert parse_override('a["b=c"]=d=e').steps == ("a", "b=c")
    assert parse_override('a["b=c"]=d=e').text == "d=e"


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (
            "llm.cache.type=rom",
            "--set llm.cache.type: found 'rom'; allowed: ram, ssd, none; did you mean 'ram'?",
        ),
        (
            "llm.cach.type=ssd",
            (
                "--set llm.cach.type: llm.cach: unknown key; did you mean 'cache'? "
                "allowed here: provider, base_url, models, cache, routing"
            ),
        ),
        ("twin.gpus[3].memory=1", "--set twin.gpus[3].memory: twin.gpus has 1 entry; [1] would add one"),
        ("twin.gpus.first=1", "--set twin.gpus.first: twin.gpus is a list; name a place in it: [0]"),
        (
            "llm.base_url.x=1",
            "--set llm.base_url.x: llm.base_url is a single value and has no keys; set it as a whole",
        ),
        (
            "llm.cache.type={a",
            "--set llm.cache.type: not valid YAML near `{a`: a '{' is opened and never closed, or a ',' is missing",
        ),
        (
            "twin.models[1].name=qwen2.5:7b",
            "--set twin.models[1].name: twin.models: two models are called qwen2.5:7b; keep one of them",
        ),
        (
            "llm.models.code=",
            (
                "--set llm.models.code: found nothing; "
                "a model is a name in quotes, or a mapping with name, digest, modelfile, pin, role, options"
            ),
        ),
    ],
)
def test_each_mistake_names_the_option_and_what_is_allowed(option: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, option)
    assert caught.value.problems == (expected,)


def test_mistakes_of_the_file_and_of_options_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("llm:\n  cach: {}\n")
    with pytest.raises(ConfigError) as caught:
        load(path, "twin.jitter=5", "twin.ram=x[")
    assert [problem.split(": ")[0] for problem in caught.value.problems] == [
        f"{path}:2",
        "--set twin.jitter",
        "--set twin.ram",
    ]


def test_an_option_mends_a_mistake_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("llm:\n  cache: {type: rom}\n")
    assert load(path, "llm.cache.type=ram").config.llm.cache.type == "ram"


def test_warnings_about_an_override_name_the_option(file: Path) -> None:
    (note,) = load(file, "llm.base_url=http://localhost:2/v1").notes
    assert note.startswith("--set llm.base_url: llm.base_url: /v1 at the end is understood")


def test_the_value_of_an_override_is_not_echoed() -> None:
    """It may be a secret that was given to the wrong key."""
    with pytest.raises(ConfigError) as caught:
        load(None, "llm.base_url=http://me:hunter2@localhost")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("given", ["", "a", "=1", "a.=1", ".a=1", "a..b=1", "a[=1", "[0]=1", "a b=1", "a[x]=1"])
def test_what_is_no_override_is_told_how_to_write_one(given: str) -> None:
    with pytest.raises(ValueError, match=r"write KEY\.PATH=VALUE, for example --set "):
        parse_override(given)


SCALARS = ("llm.cache.type=ssd", "llm.cache.max_models=2", "twin.jitter=0", "twin.profile=v0.24", "twin.ram=16GiB")


@given(st.lists(st.sampled_from(SCALARS)))
def test_overriding_is_the_same_as_writing_it_into_the_file(options: list[str]) -> None:
    expected = written(Config())
    for option in options:
        override = parse_override(option)
        section, key = expected, override.steps[-1]
        for step in override.steps[:-1]:
            section = section[str(step)]
        section[str(key)] = int(override.text) if override.text.isdigit() else override.text
    assert load(None, *options).config == Config.model_validate(expected)


def test_any_place_that_a_config_shows_can_be_set(project_dir: Path) -> None:
    """What `config show` prints as a path is what `--set` takes: each value of the shipped file, set to itself."""
    path = project_dir / "config" / "twin.yaml"
    loaded = load(path)
    again = load(
        path, *(f"{place}={_text(loaded, place)}" for place in loaded.origins if not place.startswith("host.headers."))
    )
    assert again.config == loaded.config
    assert {place: str(origin) for place, origin in again.origins.items() if origin.kind == "file"} == {}


def _text(loaded: LoadedConfig, place: str) -> str:
    """The value at a place, as JSON, which is YAML."""
    value: Any = written(loaded.config)
    for step in parse_override(f"{place}=").steps:
        value = value[step]
    return json.dumps(value)
