"""What champion and challenger have answered, out of the prediction log, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from bookshelf.contracts import ModelName
from bookshelf.errors import TrainingError
from bookshelf.prediction_files import PredictionFiles

#: What is read of each prediction.
COLUMNS = ("prediction_id", "version", "role", "shadow_of", "value", "label", "answer")


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer: a price or a score (`value`), a tone (`label`), or books by their ids, best first.

    `role` is whose it was; `truth` what somebody said of it since, None where nobody has: the price that it
    really had, the tone, or the book that was chosen.
    """

    prediction_id: str
    version: str
    role: str
    shadow_of: str | None
    arm: str | None
    value: float | None
    label: str | None
    books: tuple[int, ...]
    truth: Any = None


@dataclass(frozen=True, slots=True)
class TrialLog:
    """All that is known of one challenger beside one champion.

    `pairs` are the champion's answer and the one that the challenger gave to the same question in shadow;
    `arms` are the answers to callers while they were shared out between the two.
    """

    model: ModelName
    champion: str
    challenger: str
    pairs: tuple[tuple[Answered, Answered], ...]
    arms: Mapping[str, Sequence[Answered]]


def read_trial(
    files: PredictionFiles, model: ModelName, challenger: str | None, since: date | None
) -> TrialLog:
    """The trial of that version, or of the one that was tried last, beside the champion that it met last.

    With `since`, only of that day (UTC) and later. Raises `TrainingError` where nothing was tried.
    """
    known = truths(files, model, since)
    table = files.table("predictions", model, since, COLUMNS)
    answered = [as_answered(row, known) for row in table.to_pylist()]
    tried = [one for one in answered if one.role != "champion" and challenger in (None, one.version)]
    if not tried:
        named = f"version {challenger} of {model}" if challenger else f"a challenger of {model}"
        when = f" since {since}" if since else ""
        raise TrainingError(f"no question was put to {named}{when}: `python -m training trial` begins that")
    version = tried[-1].version
    champions = {one.prediction_id: one for one in answered if one.role == "champion"}
    pairs = [
        (champions[one.shadow_of], one)
        for one in tried
        if one.version == version and one.shadow_of in champions
    ]
    arms = [one for one in answered if one.arm is not None]
    met = [first for first, _ in pairs] + [one for one in arms if one.role == "champion"]
    # Ids in their order are answers in theirs.
    beside = max(met, key=lambda one: one.prediction_id).version if met else "none"
    return TrialLog(
        model=model,
        champion=beside,
        challenger=version,
        pairs=tuple(pair for pair in pairs if pair[0].version == beside),
        arms={
            "champion": _of(arms, "champion", beside),
            "challenger": _of(arms, "challenger", version),
        },
    )


def _of(arms: Iterable[Answered], role: str, version: str) -> tuple[Answered, ...]:
    return tuple(one for one in arms if (one.role, one.version) == (role, version))


def truths(files: PredictionFiles, model: ModelName, since: date | None) -> dict[str, Any]:
    """By prediction, what was said of it last."""
    said = sorted(files.table("feedback", model, since).to_pylist(), key=lambda one: one["at"])
    told = ((one["prediction_id"], [one["value"], one["label"], one["chosen"]]) for one in said)
    return {
        prediction_id: next((one for one in all_three if one is not None), None)
        for prediction_id, all_three in told
    }


def as_answered(row: Mapping[str, Any], known: Mapping[str, Any]) -> Answered:
    """One row of `COLUMNS`, and what is known of it."""
    answer = json.loads(row["answer"])
    return Answered(
        prediction_id=row["prediction_id"],
        version=row["version"],
        role=row["role"],
        shadow_of=row["shadow_of"],
        arm=answer.get("arm"),
        value=row["value"],
        label=row["label"],
        books=tuple(one["id"] for one in answer.get("items", ())),
        truth=known.get(row["prediction_id"]),
    )
