"""When drift calls for a retraining: k of the last n windows violate, and once for one cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from bookshelf.drift import DriftWindow, FeatureDrift
from bookshelf.settings import Settings

_MOST_DOUBLINGS = 5
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Retrain when `violations` of the last `windows` windows violate, but not within `cooldown` of an order.

    Each order that has brought no new champion doubles the cooldown, up to 32 times. What the champion has
    told its callers only counts `by_answers`.
    """

    violations: int
    windows: int
    cooldown: timedelta
    by_answers: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        return cls(
            violations=settings.drift_violations,
            windows=settings.drift_windows,
            cooldown=settings.drift_cooldown,
            by_answers=settings.drift_by_answers,
        )

    def violated(self, window: DriftWindow) -> list[FeatureDrift]:
        """Whatever in the window counts and violates, the worst first, answers last."""
        answers = window.answers.drift if self.by_answers and window.answers else None
        counted = (*window.features, *(() if answers is None else (answers,)))
        return [one for one in counted if one.violated]


def reason_to_retrain(history: Sequence[DriftWindow], policy: Policy, at: datetime) -> str | None:
    """Why the model should be trained anew, in one sentence; None if it should not.

    `history` are the model's last windows, the newest last, and before them those that led to an order.
    Those count that compare with the champion and no other version, that were published after it learnt, and
    that came after the last order. Nothing is asked for while the newest of them keeps its limits, nor while
    the policy cools down.
    """
    if not history or not (worst := policy.violated(history[-1])):
        return None
    newest = history[-1]
    of_version = list(takewhile(lambda one: one.version == newest.version, reversed(history)))[::-1]
    if _cools_down(history, of_version, policy, at):
        return None
    counted = _after_last_order([one for one in of_version if one.published_at > one.reference_at])
    last = counted[-policy.windows :]
    violating = sum(bool(policy.violated(one)) for one in last)
    if violating < policy.violations or not last or last[-1] is not newest:
        return None
    named = ", ".join(f"{one.feature} (PSI {one.psi:.2f})" for one in worst[:_NAMED])
    more = f" and {len(worst) - _NAMED} more" if len(worst) > _NAMED else ""
    return (
        f"{violating} of the last {len(last)} windows drift from what version {newest.version} learnt from; "
        f"in the newest {named}{more}"
    )


def _cools_down(
    history: Sequence[DriftWindow], of_version: Sequence[DriftWindow], policy: Policy, at: datetime
) -> bool:
    ordered = [one for one in history if one.order_id]
    if not ordered:
        return False
    in_vain = sum(1 for one in of_version if one.order_id)
    doublings = min(max(in_vain - 1, 0), _MOST_DOUBLINGS)
    over = max(one.measured_at for one in ordered) + policy.cooldown * (1 << doublings)
    return at < over


def _after_last_order(windows: Sequence[DriftWindow]) -> list[DriftWindow]:
    return list(takewhile(lambda one: not one.order_id, reversed(windows)))[::-1]
