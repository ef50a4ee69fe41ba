"""One simulation: a point of a study played in full on the faithful twin, and counted. Runs in any process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from toolkit.errors import UsageError
from toolkit.experiment.setup import bare_setup, check_models
from toolkit.plan.shelf import PlanShelf
from toolkit.plan.tally import tally_of
from toolkit.replay.fleet import Member, play_fleet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.config.models import Config
    from toolkit.config.twin import TwinSection
    from toolkit.experiment.setup import Setup
    from toolkit.plan.case import Card, Case, Point, Site
    from toolkit.plan.tally import Tally
    from toolkit.plan.workload import Workload
    from toolkit.workload.plan import Plan, PlannedRequest, Slo

SETUPS_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class Study:
    """What all points of one call share: config, workload, promises. Sent to every worker.

    `sources` is the digest of the code that simulates: a finished point is no answer of another version.
    """

    config: Config
    workload: Workload
    slos: tuple[Slo, ...]
    sources: str

    @property
    def digest(self) -> str:
        """The sha256 of everything that decides all points of this study."""
        decides = (version("hotswap-toolkit"), self.sources, self.workload.digest, self.slos)
        twin = self.config.twin.model_dump_json(), self.config.llm.model_dump_json()
        return _sha256(repr((decides, twin, sorted(self.config.host.settings.items()))))


def key_of(study_digest: str, point: Point) -> str:
    """The sha256 of everything that decides a point's outcome."""
    return _sha256(repr((study_digest, point)))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Evaluate:
    """The work of an executor: a point in, its tally out.

    It can be sent anywhere: what it remembers (plans and hosts that were made before) stays where it is.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._plan = PlanShelf(study.workload).plan
        self._setup = lru_cache(maxsize=SETUPS_KEPT)(partial(setup_of, study.config))

    def __reduce__(self) -> tuple[Any, ...]:
        return Evaluate, (self.study,)

    def __call__(self, point: Point) -> Tally:
        """Play the point. Raises UsageError for a model that no host has."""
        plan, case = self._plan(point.load, point.repetition), point.case
        setups = [self._setup(replace(case, strategy="", sites=()), site) for site in case.sites]
        check_models(setups[0], plan)
        members = [Member(one.spec, one.dispatcher(case.strategy), one.turns(case.strategy)) for one in setups]
        played = play_fleet(plan, members, partial(_place_of, setups[0], case.sites), point.repetition)
        return tally_of(played, self.study.slos, plan.duration_ns, longest_tokens(plan))


def longest_tokens(plan: Plan) -> int:
    """The longest request with its answer."""
    return max((request.prompt_tokens + request.output_tokens for request in plan.requests), default=0)


def _place_of(setup: Setup, sites: Sequence[Site], request: PlannedRequest) -> int:
    """The first host that serves the model which the request goes to."""
    model = request.model or setup.router.route(request.text).model
    serving = (place for place, site in enumerate(sites) if site.models is None or model in site.models)
    found = next(serving, None)
    if found is None:
        raise UsageError(f"no host of this placement serves {model}")
    return found


def setup_of(config: Config, case: Case, site: Site) -> Setup:
    """One host of a case, with its client."""
    twin = config.twin if site.cards is None else _with_cards(config.twin, site.cards)
    twin = twin.model_copy(update={"env": {**config.host.settings, **twin.env, **dict(case.environment)}})
    return bare_setup(config.model_copy(update={"twin": twin}), case.num_ctx)


def _with_cards(twin: TwinSection, cards: tuple[Card, ...]) -> TwinSection:
    """The same host with other GPUs; given speeds are scaled by the first of them."""
    first = cards[0]
    models = tuple(
        model.model_copy(
            update={
                "prefill_tok_per_s": _scaled(model.prefill_tok_per_s, first.prefill_ratio),
                "decode_tok_per_s": _scaled(model.decode_tok_per_s, first.decode_ratio),
            }
        )
        for model in twin.models
    )
    return twin.model_copy(update={"gpus": tuple(card.gpu for card in cards), "models": models})


def _scaled(speed: float | None, ratio: float) -> float | None:
    return None if speed is None else speed * ratio


def source_digest() -> str:
    """The sha256 of the toolkit's own code, so that a changed toolkit never answers with old points."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        if "cli" not in path.relative_to(root).parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()
