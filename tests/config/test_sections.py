"""What each section takes, what it makes of it, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.config.durations import FOREVER_NS, NS_PER_S
from toolkit.config.models import Config
from toolkit.config.positions import read_yaml_model
from toolkit.config.scalars import canonical_model_name, digest_of_name, model_key
from toolkit.errors import ConfigError

QWEN32 = "qwen2.5:32b"
SMALL = (
    "{name: small, size: 1GB, blocks: 16, embedding_length: 2048, head_count: 32, head_count_kv: 8, "
    "context_length: 8192}"
)


def load(text: str) -> Config:
    return read_yaml_model(text.encode(), "f.yaml", Config, error=ConfigError).value


def problem(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert len(caught.value.problems) == 1, caught.value.problems
    return caught.value.problems[0]


def test_an_empty_file_is_the_embedded_default() -> None:
    for text in ("", "# only a comment\n", "llm:\nhost:\ntwin:\ngateway:\n", "llm: {}\ntwin: {disk: }\n"):
        assert load(text) == Config()


@pytest.mark.parametrize(
    ("given", "native"),
    [
        ("http://192.168.15.14:11434/v1", "http://192.168.15.14:11434"),
        ("http://192.168.15.14:11434/v1/", "http://192.168.15.14:11434"),
        ("http://h:1", "http://h:1"),
        ("http://h:1/", "http://h:1"),
        ("https://h/ollama/v1", "https://h/ollama"),
        ("http://h:1/api", "http://h:1"),
        ("http://[::1]:11434/v1", "http://[::1]:11434"),
    ],
)
def test_v1_at_the_end_of_an_address_is_understood(given: str, native: str) -> None:
    config = load(f"llm: {{base_url: '{given}'}}")
    assert config.llm.base_url == given
    assert config.llm.native_base_url == native


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("192.168.15.14:11434", "the scheme is missing; write http://192.168.15.14:11434"),
        ("ftp://h", "begins with http:// or https://"),
        ("http://", "an address is written like"),
        ("http://h:99999", "a port is a number up to 65535"),
        ("http://h:x", "a port is a number"),
        ("http://h:0", "an address is written like"),
        ("http://[::1", "IPv6 stands in [ ]"),
        ("http://a b", "an address is written like"),
    ],
)
def test_what_is_no_address_says_what_one_is(given: str, why: str) -> None:
    assert why in problem(f"llm: {{base_url: '{given}'}}")


@pytest.mark.parametrize("given", ["http://me:hunter2@h:1", "http://h:1/?key=hunter2", "http://h:1/#hunter2"])
def test_secrets_in_an_address_are_refused_and_not_repeated(given: str) -> None:
    assert "hunter2" not in problem(f"llm: {{base_url: '{given}'}}")


def test_models_by_name_or_as_mappings() -> None:
    config = load(
        "llm: {models: {primary: 'a:1', small: {name: b, role: fast, pin: true, options: {num_ctx: 4096, stop: [x]}}}}"
    )
    assert list(config.llm.roles) == ["primary", "fast"]
    fast = config.llm.roles["fast"]
    assert (fast.name, fast.pin, dict(fast.options)) == ("b", True, {"num_ctx": 4096, "stop": ("x",)})
    assert config.llm.model_names == ("a:1", "b")


@pytest.mark.parametrize(
    ("models", "why"),
    [
        ("{code: a}", "f.yaml:1: llm.models: no model has the role 'primary'"),
        ("{primary: a, x: {name: b, role: primary}}", "'x' and 'primary' both have the role 'primary'"),
        ("{primary: 7}", "llm.models.primary: found 7; a model is a name in quotes, or a mapping"),
        ("{primary: 'qwen 7b'}", "found 'qwen 7b'; a model's name is written like qwen2.5:7b"),
        ("{primary: {nam: a, name: b}}", "llm.models.primary.nam: unknown key; did you mean 'name'?"),
        ("[a]", "llm.models: found a list of 1; allowed: a mapping"),
        ("{primary: a, 'x y': b}", "llm.models['x y']: found 'x y'; allowed: text like"),
        (
            "{primary: {name: a, options: {num_ctx: 8k}}}",
            "options.num_ctx: found '8k'; allowed: a whole number, or the",
        ),
        ("{primary: {name: a, options: {num_ctx: true}}}", "options.num_ctx: found True; allowed: a whole number"),
        ("{primary: {name: a, options: {temperature: hot}}}", "options.temperature: found 'hot'; allowed: a number"),
        ("{primary: {name: a, options: {use_mmap: 1}}}", "options.use_mmap: found 1; allowed: true or false"),
    ],
)
def test_wrong_models(models: str, why: str) -> None:
    assert why in problem(f"llm: {{models: {models}}}")


@pytest.mark.parametrize(
    ("cache", "keep_alive_ns"),
    [
        ("{}", 1800 * NS_PER_S),
        ("{type: ram}", 1800 * NS_PER_S),
        ("{type: ssd}", 120 * NS_PER_S),
        ("{type: none}", 0),
        ("{type: none, keep_alive: 1h30m}", 5400 * NS_PER_S),
        ("{keep_alive: -1}", FOREVER_NS),
        ("{keep_alive: '-5m'}", FOREVER_NS),
        ("{keep_alive: 0}", 0),
        ("{keep_alive: 1.5}", 1_500_000_000),
        ("{keep_alive: 1800000000001ns}", 1_800_000_000_001),
    ],
)
def test_how_long_models_stay(cache: str, keep_alive_ns: int) -> None:
    assert load(f"llm: {{cache: {cache}}}").llm.cache.keep_alive_ns == keep_alive_ns


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a", "pattern '(a': missing ): (a"),
        ("a{1001}", "RE2 repeats at most 1000 times"),
        ("(?=a)", "look-around is not possible"),
        (r"(a)\1", "back-references do not exist"),
    ],
)
def test_patterns_that_re2_refuses_are_errors_with_a_way_out(pattern: str, why: str) -> None:
    text = problem(f"llm:\n  routing:\n    rules:\n      - pattern: '{pattern}'\n        model: x\n")
    assert text.startswith("f.yaml:4: llm.routing.rules[0].pattern: ")
    assert why in text


def test_timeouts_are_durations_or_seconds_and_minus_one_is_no_limit() -> None:
    timeouts = load("host: {timeouts: {connect: 1500ms, first_byte: -1, idle: 90}}").host.timeouts
    assert (timeouts.connect_ns, timeouts.first_byte_ns, timeouts.idle_ns) == (1_500_000_000, None, 90 * NS_PER_S)


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("{timeouts: {connect: 0}}", "a timeout of 0 would fail every request"),
        ("{timeouts: {connect: 5 min}}", "found '5 min'; 'min' is not a unit"),
        ("{timeouts: {connect: '5'}}", "found '5'; the unit is missing"),
        ("{timeouts: {connect: true}}", "found true; a duration is written like"),
        ("{timeouts: {connect: 1e30}}", "a duration is written like"),
        ("{bearer: hunter2}", "host.bearer: secrets do not stand in a config; use bearer_env"),
        ("{headers: {X-Key: hunter2}}", "host.headers: secrets do not stand in a config; use headers_env"),
        ("{bearer_env: hunter2-x}", "host.bearer_env: this is no name of an environment variable"),
        ("{headers_env: {'X Key': A}}", "a header's name has no blanks"),
        ("{bearer_env: A, headers_env: {authorization: B}}", "host.headers_env: bearer_env sets the header"),
        ("{ssh: '-oProxyCommand=x'}", "an ssh target is written like"),
        ("{ssh: 'a b'}", "an ssh target is written like"),
        ("{settings: {num_parallel: 2}}", "host.settings.num_parallel: an environment variable's name"),
        ("{settings: {OLLAMA_API_KEY: hunter2}}", "host.settings.OLLAMA_API_KEY: this looks like a secret"),
        ("{settings: {HTTPS_PROXY: 'http://u:hunter2@p'}}", "holds a user or a password"),
        ("{settings: {OLLAMA_DEBUG: [1]}}", "host.settings.OLLAMA_DEBUG: the value of an environment variable"),
        ("{settings: 5}", "host.settings: found 5; allowed: a mapping"),
    ],
)
def test_wrong_host_sections(host: str, why: str) -> None:
    text = problem(f"host: {host}")
    assert why in text
    assert "hunter2" not in text


def test_server_settings_are_text_as_an_environment_is() -> None:
    settings = load(
        "host: {settings: {OLLAMA_NUM_PARALLEL: 2, OLLAMA_KEEP_ALIVE: -1, OLLAMA_DEBUG: true, OLLAMA_HOST: x}}"
    ).host.settings
    assert dict(settings) == {
        "OLLAMA_NUM_PARALLEL": "2",
        "OLLAMA_KEEP_ALIVE": "-1",
        "OLLAMA_DEBUG": "1",
        "OLLAMA_HOST": "x",
    }


@pytest.mark.parametrize("target", ["gpu-a", "ops@192.168.15.14", "ssh://ops@host:2222", "ops@[fe80::1%eth0]"])
def test_ssh_targets(target: str) -> None:
    assert load(f"host: {{ssh: '{target}'}}").host.ssh == target


def test_a_model_of_the_twin_knows_what_follows_from_its_header() -> None:
    twin = load(f"twin: {{models: [{SMALL}]}}").twin
    (model,) = twin.models
    assert model.digest == digest_of_name("small")
    assert model.kv_bytes_per_token == 2 * 16 * 8 * 64 * 2
    assert model.weights_bytes == model.size_bytes == 10**9
    assert model.compute_bytes == 512 << 20
    assert twin.model("small:latest") is model
    assert twin.model("other") is None
    assert twin.decode_tok_per_s(model) == pytest.approx(0.75 * 1008)
    assert twin.prefill_tok_per_s(model) == pytest.approx(50 * 0.75 * 1008)
    assert twin.cpu_decode_tok_per_s(model) == pytest.approx(0.75 * 60)
    assert twin.cpu_prefill_tok_per_s(model) == pytest.approx(6 * 0.75 * 60)


def test_on_a_cpu_host_the_speeds_are_those_of_the_cpu() -> None:
    twin = load(f"twin: {{gpus: [], models: [{SMALL}]}}").twin
    assert twin.decode_tok_per_s(twin.models[0]) == twin.cpu_decode_tok_per_s(twin.models[0])
    assert twin.prefill_tok_per_s(twin.models[0]) == twin.cpu_prefill_tok_per_s(twin.models[0])


def test_the_defaults_of_the_twin() -> None:
    twin = Config().twin
    assert [(gpu.memory_bytes, gpu.compute_major) for gpu in twin.gpus] == [(24 << 30, 8)]
    assert (twin.version, load("twin: {profile: v0.24}").twin.version) == ("0.32.15", "0.24.0")
    assert twin.ram_free_bytes == 60 << 30
    assert load("twin: {ram: 6GiB}").twin.ram_free_bytes == 3 << 30
    assert load("twin: {ram: 6GiB, ram_free: 1GiB}").twin.ram_free_bytes == 1 << 30
    assert [model.size_bytes for model in twin.models] == [20 * 10**9, 8_900_000_000, 4_700_000_000]
    assert twin.models[0].kv_bytes_per_token == 262_144
    assert twin.process.vram_bytes == 450 << 20


@pytest.mark.parametrize(
    ("twin", "why"),
    [
        ("{profile: v0.33}", "twin.profile: found 'v0.33'; allowed: v0.32, v0.24; did you mean 'v0.32'?"),
        ("{gpus: [{name: x}]}", "twin.gpus[0]: the key 'memory' is missing"),
        ("{gpus: [{memory: 24}]}", "found 24; the unit is missing"),
        ("{gpus: [{memory: 24G}]}", "found '24G'; 'G' is not a unit; write GB"),
        ("{gpus: [{memory: 0GB}]}", "this size is more than 0"),
        ("{gpus: [{memory: 1.5}]}", "found 1.5; a size is written like"),
        ("{gpus: [{memory: -1}]}", "found -1; a size is between 0 and"),
        ("{gpus: [{memory: 24GiB, free: 25GiB}]}", "twin.gpus[0].free: more than the memory of this GPU"),
        ("{gpus: [{memory: 24GiB, bandwidth: 936}]}", "found 936; a speed is written like"),
        ("{gpus: [{memory: 24GiB, recovery: -1s}]}", "a delay is at least 0s"),
        ("{gpus: [{memory: 24GiB, library: cuda}]}", "CUDA, ROCm, Vulkan, Metal; did you mean 'CUDA'?"),
        ("{ram: 1GiB, ram_free: 2GiB}", "twin.ram_free: more than the RAM of this host"),
        ("{jitter: 2}", "found 2; allowed: at most 1"),
        (f"{{models: [{SMALL}, {SMALL.replace('small', 'small:latest')}]}}", "two models are called small"),
        (f"{{models: [{SMALL.replace('name: small', 'name: small, digest: abc')}]}}", "64 hexadecimal digits"),
        ("{models: [{name: a}]}", "is missing"),
    ],
)
def test_wrong_twins(twin: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"twin: {twin}")
    assert why in str(caught.value)


def test_names_without_a_tag_mean_latest() -> None:
    assert canonical_model_name("mistral") == "mistral:latest"
    assert canonical_model_name("host:5000/team/mistral") == "host:5000/team/mistral:latest"
    assert canonical_model_name(QWEN32) == QWEN32


def test_every_spelling_of_a_model_has_one_key() -> None:
    """As the recorded server finds models; another namespace, tag or registry is another model."""
    spellings = ("tiny", "TINY", "Tiny:LATEST", "library/tiny", "registry.ollama.ai/library/tiny:latest")
    assert {model_key(name) for name in (*spellings, "http://registry.ollama.ai/library/tiny")} == {"tiny:latest"}
    others = ("tiny:1b", "anna/tiny", "hf.co/library/tiny", "registry.ollama.ai/anna/Tiny")
    assert [model_key(name) for name in others] == [
        "tiny:1b",
        "anna/tiny:latest",
        "hf.co/library/tiny:latest",
        "anna/tiny:latest",
    ]


def test_a_config_cannot_be_changed() -> None:
    config: Any = Config()
    with pytest.raises(ValueError, match="frozen"):
        config.llm.base_url = "http://elsewhere"
