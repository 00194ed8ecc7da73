"""Which version is on duty: the registry's aliases, and the log that stays true whenever we are killed.

`champion` serves, `challenger` was trained or judged last, `previous` was champion before the champion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

from bookshelf.catalogue import now
from bookshelf.contracts import MODEL_NAMES
from bookshelf.database import open_database
from bookshelf.errors import TrainingError
from bookshelf.promotions import Change, Promotion, Promotions
from bookshelf.settings import Settings
from bookshelf.standings import Standing, Standings
from training.aliases import CHALLENGER, CHAMPION, PREVIOUS, PROMOTION_TAG
from training.runs import tracking_client
from training.trial import end_trial_of

_ABSENT = tuple(ErrorCode.Name(code) for code in (RESOURCE_DOES_NOT_EXIST, INVALID_PARAMETER_VALUE))
_HOW = {
    "promote": "replaced by",
    "rollback": "rolled back to",
    "by_hand": "replaced by hand by",
}
_BY_HAND = "the alias was set in the registry itself, past gate and log"
_FOUND = "it was on duty before this log began"


class ChampionChanged(TrainingError):
    """Another version is on duty than the one that the change was meant to replace."""


@dataclass(frozen=True, slots=True)
class Duty:
    """The registry and the log of one installation."""

    client: MlflowClient
    log: Promotions

    @classmethod
    def of(cls, settings: Settings) -> Duty:
        return cls(tracking_client(settings), Promotions(open_database(settings.catalogue_url)))

    def aliases(self, name: str) -> dict[str, str]:
        """Version by alias; empty for a model that is not registered."""
        try:
            found = self.client.get_registered_model(name).aliases
        except MlflowException as error:
            if error.error_code not in _ABSENT:
                raise
            return {}
        return {alias: str(version) for alias, version in found.items()}

    def versions(self, name: str) -> tuple[str, ...]:
        """Every version there is, the oldest first."""
        numbers = (int(one.version) for one in self.client.search_model_versions(f"name='{name}'"))
        return tuple(map(str, sorted(numbers)))

    def change(self, change: Change) -> Promotion:
        """Put `to_version` on duty, and on record. Raises `ChampionChanged` if `from_version` is not."""
        with self.log.changing():
            self._settle()
            found = self.aliases(change.model).get(CHAMPION)
            if found != change.from_version:
                raise ChampionChanged(
                    f"version {found} of {change.model} is on duty, not {change.from_version}"
                )
            change = replace(change, at=now())
            self.log.intend(change)
            self.client.set_registered_model_alias(change.model, CHAMPION, change.to_version)
            return self._finish(change)

    def refuse(self, change: Change) -> Promotion:
        """Put on record that `to_version` may not take the place of `from_version`."""
        written = self.log.record(change)
        decision = f"refused: {change.reason}"
        self.client.set_model_version_tag(change.model, change.to_version, PROMOTION_TAG, decision)
        return written

    def challenge(self, name: str, version: str) -> None:
        """Make that version the challenger."""
        self.client.set_registered_model_alias(name, CHALLENGER, version)
        self.note(name)

    def settle(self) -> Sequence[Promotion]:
        """Make the log true: what a process that died had begun, and what was done by hand in the registry.

        Returns the entries that this took.
        """
        with self.log.changing():
            return self._settle()

    def note(self, name: str) -> None:
        """Write down how the registry stands, for those who have none at hand."""
        with self.log.changing():
            self._note(name)

    def _note(self, name: str) -> None:
        aliases, versions = self.aliases(name), self.versions(name)
        standings = Standings(self.log.engine)
        standing = Standing(
            model=name,
            champion=aliases.get(CHAMPION),
            challenger=aliases.get(CHALLENGER),
            previous=aliases.get(PREVIOUS),
            versions=versions,
            seen_at=now(),
        )
        known = standings.all().get(name)
        if known is None or replace(known, seen_at=standing.seen_at) != standing:
            standings.note(standing)

    def _settle(self) -> list[Promotion]:
        settled = []
        for intent in self.log.intents():
            if self.aliases(intent.model).get(CHAMPION) == intent.to_version:
                settled.append(self._finish(intent))
            else:
                self.log.abandon(intent)
        on_record = self.log.standing()
        for name in MODEL_NAMES:
            champion = self.aliases(name).get(CHAMPION)
            known = on_record.get(name)
            if champion != (None if known is None else known.to_version):
                settled.append(self._found(name, champion, known))
            self._note(name)
        return settled

    def _found(self, name: str, champion: str | None, known: Promotion | None) -> Promotion:
        """Put on record a champion that nobody of ours has put on duty since the log began."""
        before = self._replaced_by(name, champion) if known is None else known.to_version
        change = Change(
            model=name,
            at=now(),
            action="by_hand",
            from_version=before,
            to_version=champion,
            who="unknown",
            reason=_FOUND if known is None else _BY_HAND,
        )
        self._mark(change)
        return self.log.record(change)

    def _replaced_by(self, name: str, champion: str | None) -> str | None:
        """The version whose tag says so: versions had tags before there was a log."""
        decision = f"{_HOW['promote']} version {champion}"
        versions = self.client.search_model_versions(f"name='{name}'")
        replaced = (one for one in versions if one.tags.get(PROMOTION_TAG) == decision)
        return next((str(one.version) for one in replaced), None)

    def _finish(self, change: Change) -> Promotion:
        """All that follows a champion's alias, which may be done twice; last of all the log."""
        self._mark(change)
        written = self.log.complete(change)
        self._note(change.model)
        return written

    def _mark(self, change: Change) -> None:
        """The other alias and the tags; a version that was deleted meanwhile has none."""
        versions = self.versions(change.model)
        if change.to_version in versions:
            end_trial_of(self.client, change.model, change.to_version)
            self.client.set_model_version_tag(change.model, change.to_version, PROMOTION_TAG, CHAMPION)
        if change.from_version in versions:
            self.client.set_registered_model_alias(change.model, PREVIOUS, change.from_version)
            self.client.set_model_version_tag(
                change.model, change.from_version, PROMOTION_TAG, _end_of_duty(change)
            )


def _end_of_duty(change: Change) -> str:
    """What the tag of the version that served before says."""
    if change.to_version is None:
        return "taken off duty by hand"
    return f"{_HOW[change.action]} version {change.to_version}"
