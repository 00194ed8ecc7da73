"""Going back: the version that was on duty before is so again, its reason on record, no gate in the way."""

from __future__ import annotations

from bookshelf.catalogue import now
from bookshelf.errors import TrainingError
from bookshelf.promotions import Change, Promotion
from training.aliases import CHAMPION, PREVIOUS
from training.duty import Duty
from training.standing import scores_of_both, snapshot_of


def rollback(duty: Duty, name: str, version: str | None = None, *, who: str, reason: str) -> Promotion:
    """Put a version back on duty that was so before: that one, or the one before the champion.

    No data and no model is read, so it takes moments. Raises `TrainingError` where there is none to go back
    to, or the version named was never on duty: that one has to pass its gate.
    """
    duty.settle()
    aliases = duty.aliases(name)
    on_duty = aliases.get(CHAMPION)
    target = _target(duty, name, version, aliases)
    if target == on_duty:
        raise AlreadyOnDuty(f"version {target} of {name!r} is on duty already")
    to = duty.client.get_model_version(name, target)
    before = None if on_duty is None else duty.client.get_model_version(name, on_duty)
    return duty.change(
        Change(
            model=name,
            at=now(),
            action="rollback",
            from_version=on_duty,
            to_version=target,
            who=who,
            reason=reason,
            scores=scores_of_both(to, before),
            snapshot_id=snapshot_of(to),
        )
    )


class AlreadyOnDuty(TrainingError):
    """The version to go back to is the champion."""


def _target(duty: Duty, name: str, version: str | None, aliases: dict[str, str]) -> str:
    """The version to go back to, which there is and which was on duty."""
    target = version or aliases.get(PREVIOUS)
    if target is None:
        raise TrainingError(f"no version of {name!r} was on duty before: there is none to go back to")
    versions = duty.versions(name)
    if target not in versions:
        raise TrainingError(f"{name!r} has no version {target!r}; it has {', '.join(versions) or 'none'}")
    if target not in (aliases.get(PREVIOUS), aliases.get(CHAMPION)) and not duty.log.was_live(name, target):
        raise TrainingError(
            f"version {target} of {name!r} was never on duty: "
            f"`python -m training promote --name {name} --version {target}` sends it to its gate"
        )
    return target
