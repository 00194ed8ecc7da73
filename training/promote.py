"""Putting a version on duty: the alias `champion` if it passes its gate, and the reason if it does not."""

from __future__ import annotations

from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from bookshelf.catalogue import now
from bookshelf.errors import TrainingError
from bookshelf.promotions import Change
from bookshelf.settings import Settings
from features import schema
from training.aliases import CHAMPION
from training.comparison import findings_of, why_not_compared, worse_by
from training.duty import ChampionChanged, Duty
from training.fitted import Score
from training.gates import GATES, Evidence, refusal
from training.parity_check import skew
from training.rebuild import strange_rows
from training.standing import scores_of_both, snapshot_of

_MOST_JUDGEMENTS = 3
_CLAIMS = ("metric", "unit", "score", "baseline", "higher_is_better")


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate said of one version: why it is refused, or how it came to be champion."""

    name: str
    version: str
    promoted: bool
    reason: str

    def __str__(self) -> str:
        outcome = self.reason if self.promoted else f"refused: {self.reason}"
        return f"{self.name} version {self.version}: {outcome}"


def promote(
    name: str, settings: Settings, version: str | None = None, *, who: str = "cli", reason: str = ""
) -> Decision:
    """Judge a version, the newest if none is named, and put it on duty if it passes.

    An incumbent that learnt from another source's books is not compared with, for neither has seen what the
    other knows, nor is one that this code cannot serve. One whose features are skewed is refused. The
    decision is kept in the log of promotions, with `who` asked for it and why, and as the version's tag
    `promotion`. Raises `TrainingError` if there is no such version, or if it cannot be judged because its
    model or its held-out rows are missing, and `FeatureStoreError` if features cannot be compared.
    """
    duty = Duty.of(settings)
    number = str(_version(duty.client, name, version).version)
    duty.settle()
    duty.challenge(name, number)
    for _ in range(_MOST_JUDGEMENTS):
        try:
            return _judge(duty, settings, name, number, who, reason)
        except ChampionChanged:  # while it was judged beside the one before
            continue
    raise TrainingError(f"the champion of {name!r} changes faster than a version can be judged beside it")


def _judge(duty: Duty, settings: Settings, name: str, number: str, who: str, reason: str) -> Decision:
    client = duty.client
    challenger = client.get_model_version(name, number)
    on_duty = duty.aliases(name).get(CHAMPION)
    if on_duty == number:
        return Decision(name, number, True, f"already {CHAMPION}")
    incumbent = None if on_duty is None else client.get_model_version(name, on_duty)
    alone = None if incumbent is None else why_not_compared(challenger, incumbent)
    evidence = _evidence(settings, challenger, None if alone else incumbent)
    refused = refusal(GATES[name], evidence)
    change = Change(
        model=name,
        at=now(),
        action="promote" if refused is None else "refused",
        from_version=on_duty,
        to_version=number,
        who=who,
        reason=refused or reason or _passed(evidence),
        scores=scores_of_both(challenger, incumbent, evidence.worse_by),
        snapshot_id=snapshot_of(challenger),
    )
    if refused is not None:
        duty.refuse(change)
        return Decision(name, number, False, refused)
    duty.change(change)
    if incumbent is None:
        return Decision(name, number, True, CHAMPION)
    how = f"{CHAMPION} in place of version {on_duty}"
    if alone is not None:
        how += f", which {alone} and was not compared"
    return Decision(name, number, True, how)


def _passed(evidence: Evidence) -> str:
    known = ", saying itself that it knows no more than its baseline"
    return "it passed its gate" + (known if evidence.found.informative is False else "")


def _version(client: MlflowClient, name: str, version: str | None) -> ModelVersion:
    versions = {int(one.version): one for one in client.search_model_versions(f"name='{name}'")}
    if not versions:
        raise TrainingError(f"no version of {name!r} is registered: run `python -m training {name}` first")
    if version is None:
        return versions[max(versions)]
    if not version.isdecimal() or int(version) not in versions:
        known = ", ".join(map(str, sorted(versions)))
        raise TrainingError(f"{name!r} has no version {version!r}; it has {known}")
    return versions[int(version)]


def _evidence(settings: Settings, challenger: ModelVersion, incumbent: ModelVersion | None) -> Evidence:
    """Beside an incumbent that can be compared with, if there is one."""
    return Evidence(
        claimed=_score(challenger),
        found=findings_of(challenger, settings),
        worse_by=None if incumbent is None else worse_by(GATES[challenger.name], challenger, incumbent),
        incumbent=None if incumbent is None else str(incumbent.version),
        broken=skew(settings, schema.SERVICE_OF[challenger.name])
        or strange_rows(settings, str(challenger.run_id)),
    )


def _score(version: ModelVersion) -> Score:
    tags = version.tags
    if missing := [name for name in _CLAIMS if name not in tags]:
        what = f"{version.name} version {version.version}"
        raise TrainingError(f"{what} was registered by no training of ours: it has no tag {missing[0]!r}")
    return Score(
        metric=tags["metric"],
        unit=tags["unit"],
        value=float(tags["score"]),
        baseline=float(tags["baseline"]),
        higher_is_better=tags["higher_is_better"] == "true",
    )
