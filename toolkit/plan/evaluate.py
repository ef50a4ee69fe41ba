"""One simulation: a point of a study played in full on the faithful twin, and counted. Runs in any process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.experiment.setup import bare_setup, check_models
from toolkit.experiment.simulate import twin_provenance
from toolkit.plan.tally import tally_of
from toolkit.replay.virtual import play

if TYPE_CHECKING:
    from toolkit.config.models import Config
    from toolkit.config.twin import TwinSection
    from toolkit.experiment.setup import Setup
    from toolkit.plan.case import Card, Case, Point, Site
    from toolkit.plan.tally import Tally
    from toolkit.plan.workload import Workload
    from toolkit.workload.plan import Slo


@dataclass(frozen=True, slots=True)
class Study:
    """What all points of one call share: config, workload, promises. Sent to every worker.

    `sources` is the digest of the code that simulates: a finished point is no answer of another version.
    """

    config: Config
    workload: Workload
    slos: tuple[Slo, ...]
    sources: str

    def key_of(self, point: Point) -> str:
        """The sha256 of everything that decides a point's outcome."""
        decides = (version("hotswap-toolkit"), self.sources, self.workload.digest, self.slos)
        twin = self.config.twin.model_dump_json(), self.config.llm.model_dump_json()
        text = repr((decides, twin, sorted(self.config.host.settings.items()), point))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Evaluate:
    """The work of an executor: a point in, its tally out. A plain value, so that it can be sent anywhere."""

    study: Study

    def __call__(self, point: Point) -> Tally:
        """Play the point. Raises UsageError for a model that no host has."""
        plan = self.study.workload.plan(point.load, point.repetition)
        setup = setup_of(self.study.config, point.case, point.case.sites[0])
        check_models(setup, plan)
        run = play(
            plan,
            setup.dispatcher(point.case.strategy),
            setup.spec,
            strategy=point.case.strategy,
            repetition=point.repetition,
            provenance=twin_provenance(setup, plan, 1),
        )
        longest = max((request.prompt_tokens + request.output_tokens for request in plan.requests), default=0)
        return tally_of([(run.records, run.residency)], self.study.slos, plan.duration_ns, longest)


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
