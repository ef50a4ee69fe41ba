"""The `gateway` section: where the gateway listens, who may use it, and how it orders what waits."""

from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from toolkit.config.durations import NS_PER_S
from toolkit.config.remembering import ContextSection, SessionsSection
from toolkit.config.scalars import BaseUrl, DelayNs, EnvironmentName, PositiveSizeBytes, TimeoutNs
from toolkit.config.section import Section, wrong_key

_Path = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
_HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,253}$", to_lower=True)]
_Origin = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]{1,255}$", to_lower=True)]
_Registry = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$", to_lower=True)]
_MIB = 1 << 20


class KeySection(Section):
    """Where the API keys are: lines `NAME KEY`, or `NAME KEY admin`, in `file` or in the environment variable `env`.

    Keys never stand in the config itself. An admin key may also pull models, and write where `writes` is on.
    """

    file: _Path | None = None
    env: EnvironmentName | None = None


class QueueSection(Section):
    """The order in which requests are answered.

    `promise`: nobody starts so much later than first come, first served would have let him. `size`: how many may wait
    (more are answered with 503), `wait`: how long anybody may (None for no limit). `parallel`: requests of one model
    at a time; by default the server's OLLAMA_NUM_PARALLEL, as far as `host.settings` knows it.
    """

    promise_ns: DelayNs = Field(default=60 * NS_PER_S, alias="promise")
    size: Annotated[int, Field(ge=1, le=100_000)] = 512
    wait_ns: TimeoutNs = Field(default=600 * NS_PER_S, alias="wait")
    parallel: Annotated[int, Field(ge=1, le=10_000)] | None = None


class LimitSection(Section):
    """What one request and one key may ask for.

    `body`: the longest request body. `deadline`: how long an answer may take from the arrival of its request to its
    end, None for no limit; clients ask for less with X-Hotswap-Deadline. `per_minute`: requests of one key (of one
    address, where there are no keys), None for no limit; `burst` of them may come at once. `head`: how long the head of
    a request may take to come. `connections`: so many at a time; requests on more are answered with 503.
    """

    body_bytes: PositiveSizeBytes = Field(default=64 * _MIB, alias="body")
    deadline_ns: TimeoutNs = Field(default=None, alias="deadline")
    per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    head_ns: DelayNs = Field(default=10 * NS_PER_S, alias="head")
    connections: Annotated[int, Field(ge=1, le=1_000_000)] = 4096


class GatewayHost(Section):
    """One of several hosts behind the gateway: what messages call it, and its address."""

    name: _Name
    url: BaseUrl


class TraceSection(Section):
    """Where each request is written down, for `hotswap compare --trace FILE`; `texts` writes prompts and answers, too.

    `file: null` turns it off.
    """

    file: _Path | None = "reports/gateway.jsonl"
    texts: bool = False


class GatewaySection(Section):
    """`bind` is an address of this machine; the default is reachable from this machine alone.

    `hosts` are those behind the gateway, by default the one of `llm.base_url`. `strategy` takes the place of
    `llm.cache.type`, and may be any that `hotswap compare` knows. `allowed_hosts` are further names under which clients
    reach the gateway, `origins` web pages of other addresses that may use it. `registries` may be named in a pull
    besides those of the public DNS (`registry.lan:5000`). `writes` lets create, copy, push and delete through.
    """

    bind: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:%-]{1,255}$")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8434
    hosts: tuple[GatewayHost, ...] = ()
    strategy: _Name | None = None
    keys: KeySection = Field(default_factory=KeySection)
    queue: QueueSection = Field(default_factory=QueueSection)
    limits: LimitSection = Field(default_factory=LimitSection)
    trace: TraceSection = Field(default_factory=TraceSection)
    allowed_hosts: tuple[_HostName, ...] = ()
    origins: tuple[_Origin, ...] = ()
    registries: tuple[_Registry, ...] = ()
    writes: bool = False
    sessions: SessionsSection = Field(default_factory=SessionsSection)
    context: ContextSection = Field(default_factory=ContextSection)

    @model_validator(mode="before")
    @classmethod
    def _no_keys_in_the_file(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("keys"), str | list):
            raise wrong_key("keys", "keys do not stand in a config; write keys: {file: PATH} or keys: {env: NAME}")
        return data

    @model_validator(mode="after")
    def _hosts_have_names_of_their_own(self) -> Self:
        names = [host.name for host in self.hosts]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise wrong_key("hosts", f"two hosts have the name '{twice}'; give each its own")
        return self
