from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.config.loading import Origin, config_path, load_config, written
from toolkit.config.models import Config
from toolkit.config.positions import read_yaml_model
from toolkit.config.secrets import secret_headers
from toolkit.errors import ConfigError, UsageError

SECRET = "hunter2-and-more"  # noqa: S105 - nobody's


def write(folder: Path, text: str) -> Path:
    path = folder / "c.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_which_file_is_loaded() -> None:
    assert config_path("a.yaml", {"HOTSWAP_CONFIG": "b.yaml"}) == Path("a.yaml")
    assert config_path(None, {"HOTSWAP_CONFIG": "b.yaml"}) == Path("b.yaml")
    assert config_path(None, {"HOTSWAP_CONFIG": ""}) is None
    assert config_path(None, {"OLLAMA_HOST": "x"}) is None


def test_no_file_is_ever_picked_up_from_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "ollama-vm.yaml").write_text("llm: {base_url: http://192.0.2.1:1}")
    (tmp_path / "config.yaml").write_text("llm: {base_url: http://192.0.2.1:1}")
    monkeypatch.chdir(tmp_path)
    loaded = load_config(None, {})
    assert loaded.config == Config()
    assert loaded.path is None
    assert loaded.sha256 is None
    assert set(map(str, loaded.origins.values())) == {"default"}
    assert (loaded.warnings, loaded.notes) == ((), ())


def test_every_value_has_an_origin(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "llm:\n  models:\n    primary: a:1\n    code: {name: b:1, pin: true}\n    fast: a:1\nhost:\n"
        "  bearer_env: TOKEN\ntwin: {disk: {read: 1GB/s}}\n",
    )
    origins = load_config(path, {}).origins
    assert origins["llm.models.primary"] == Origin("file", str(path), 3)
    assert origins["llm.models.code.pin"] == Origin("file", str(path), 4)
    assert origins["llm.cache.type"] == Origin("default")
    assert origins["twin.disk.read"] == Origin("file", str(path), 8)
    assert origins["twin.gpus[0].memory"] == Origin("default")
    assert origins["host.headers.Authorization"] == Origin("environment", variable="TOKEN")
    assert str(origins["host.headers.Authorization"]) == "$TOKEN"


def test_secrets_come_from_the_environment_and_appear_nowhere(tmp_path: Path) -> None:
    path = write(tmp_path, "host: {bearer_env: TOKEN, headers_env: {X-Key: OTHER}}\n")
    environment = {"TOKEN": SECRET, "OTHER": SECRET + "2"}
    loaded = load_config(path, environment)
    headers = secret_headers(loaded.config.host, environment)
    assert dict(headers.pairs) == {"Authorization": f"Bearer {SECRET}", "X-Key": SECRET + "2"}
    assert SECRET not in repr(headers) + str(headers) + repr(loaded) + str(loaded.warnings)
    assert headers.names == ("X-Key", "Authorization")


@pytest.mark.parametrize("value", ["", "  ", "line\nbreak", "ünicode"])
def test_a_secret_that_cannot_be_sent_is_an_error_that_does_not_show_it(tmp_path: Path, value: str) -> None:
    host = load_config(write(tmp_path, "host: {bearer_env: TOKEN}"), {"TOKEN": value}).config.host
    with pytest.raises(UsageError, match=r"\$TOKEN") as caught:
        secret_headers(host, {"TOKEN": value})
    assert not value.strip() or value not in str(caught.value)


RULE = "llm:\n  routing: {{rules: [{{pattern: '{}', model: {}}}]}}"


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("llm: {models: {primary: a}}", "1: llm.models: no model has the role 'code'"),
        (RULE.format("\\w+", "qwen2.5:7b"), "2: llm.routing.rules[0].pattern: `\\w` knows"),
        (RULE.format("a", "qwen2.5:7"), "'qwen2.5:7' is not one of llm.models; did you mean 'qwen2.5:7b'?"),
        (RULE.format("a", "zzz"), "2: llm.routing.rules[0].model: 'zzz' is not one of llm.models"),
        ("llm: {models: {primary: {name: a, options: {num_ctxx: 1}}}}", "1: llm.models.primary.options.num_ctxx: the"),
        ("llm: {models: {primary: {name: a, options: {num_ctxx: 1}}}}", "does not know; did you mean 'num_ctx'?"),
        ("llm: {models: {primary: a}}", "1: llm.models.primary: the twin does not have 'a'"),
        ("llm: {base_url: http://h}", "1: llm.base_url: no port is given, so it is 80"),
        ("llm: {base_url: 'http://h:1/x'}", "1: llm.base_url: requests go below the path /x"),
        ("host: {bearer_env: TOKEN}", "1: host.bearer_env: $TOKEN is not set here"),
        ("llm: {base_url: 'http://h:1'}\nhost: {bearer_env: T}", "1: llm.base_url: Authorization would travel"),
        ("host: {settings: {OLLAMA_NUM_PARALEL: 2}}", "1: host.settings.OLLAMA_NUM_PARALEL: the server does not know"),
        ("host: {settings: {OLLAMA_NUM_PARALEL: 2}}", "ignores it; did you mean OLLAMA_NUM_PARALLEL?"),
        ("twin: {env: {OLLAMA_KEEP_ALIVE: 5 minutes}}", "1: twin.env.OLLAMA_KEEP_ALIVE: found '5 minutes'; allowed: a"),
        ("twin: {env: {OLLAMA_NUM_PARALLEL: -1}}", "1: twin.env.OLLAMA_NUM_PARALLEL: found '-1'; allowed: a whole"),
        ("twin: {env: {OLLAMA_KV_CACHE_TYPE: q5}}", "found 'q5'; allowed: f16, q8_0 or q4_0"),
        ("twin: {env: {OLLAMA_FLASH_ATTENTION: on}}", "found 'on'; allowed: 1 or 0"),
        ("twin: {gpus: [{memory: 8GiB}, {memory: 8GiB, library: ROCm}]}", "1: twin.gpus: GPUs of CUDA and ROCm"),
    ],
)
def test_what_may_surprise_is_a_warning_with_its_line(tmp_path: Path, text: str, warning: str) -> None:
    path = write(tmp_path, text)
    warnings = load_config(path, {}).warnings
    assert any(warning in said and said.startswith(f"{path}:") for said in warnings), warnings


@pytest.mark.parametrize(
    "text",
    [
        "host: {bearer_env: TOKEN}\nllm: {base_url: 'https://h'}",
        "host: {bearer_env: TOKEN}",  # loopback
        "twin: {env: {OLLAMA_KEEP_ALIVE: 90, OLLAMA_LOAD_TIMEOUT: 1h, CUDA_VISIBLE_DEVICES: 0}}",
        "llm: {models: {primary: 'qwen2.5:32b', code: 'qwen2.5:7b', fast: {name: 'qwen2.5:7b', options: {top_p: 1}}}}",
    ],
)
def test_what_is_as_it_should_be_raises_no_warning(tmp_path: Path, text: str) -> None:
    assert load_config(write(tmp_path, text), {"TOKEN": "x"}).warnings == ()


def test_the_note_about_v1_says_which_address_is_used(tmp_path: Path) -> None:
    path = write(tmp_path, "llm:\n  base_url: http://127.0.0.1:1/v1\n")
    (note,) = load_config(path, {}).notes
    assert note == (
        f"{path}:2: llm.base_url: /v1 at the end is understood: the native API at http://127.0.0.1:1 is used, because "
        "/v1 drops keep_alive and num_ctx silently"
    )


def test_problems_of_syntax_schema_and_patterns_come_together(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "llm:\n  cach: {}\n  routing:\n    rules:\n    - {pattern: '(', model: a}\n    - {pattern: a, pattern: b}\n"
        "hots: 1\n",
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    lines = [int(problem.removeprefix(f"{path}:").split(":")[0]) for problem in caught.value.problems]
    assert lines == [2, 5, 6, 6, 7]
    assert caught.value.exit_code == 2


SCRAPS = [
    b":",
    b"- ",
    b"{",
    b"]",
    b'"',
    b"'",
    b"\n",
    b"  ",
    b"&a ",
    b"*a",
    b"\t",
    b"#",
    b"null",
    b"1e999",
    b"-1",
    b"\xff",
]
SCRAPS += [b"\x00", b"|", b"? ", b"!x ", b"<<: ", b"true", b"9" * 30, b"%", b"@", b"\\", b",", b".nan", b"\xe2\x80\xa8"]


@given(
    name=st.sampled_from(["ollama-vm.yaml", "twin.yaml", "twin-48gb.yaml"]),
    slips=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 12), st.sampled_from([b"", *SCRAPS])),
        min_size=1,
        max_size=4,
    ),
)
@settings(max_examples=150)
def test_whatever_happens_to_a_file_it_loads_or_names_its_lines(
    project_dir: Path, name: str, slips: list[tuple[float, int, bytes]]
) -> None:
    data = (project_dir / "config" / name).read_bytes()
    for place, length, scrap in slips:
        at = int(place * len(data))
        data = data[:at] + scrap + data[at + length :]
    lines = len(data.replace(b"\xe2\x80\xa8", b"\n").splitlines()) + 1
    for problem in _problems(data):
        file, line, text = problem.split(":", 2)
        assert file == "f.yaml"
        assert 1 <= int(line) <= lines
        assert text.isprintable()


def _problems(data: bytes) -> tuple[str, ...]:
    """What is wrong with the bytes of a config; a right one must survive being written and read again."""
    try:
        config = read_yaml_model(data, "f.yaml", Config, error=ConfigError).value
    except ConfigError as error:
        return error.problems
    assert Config.model_validate(written(config)) == config
    return ()
