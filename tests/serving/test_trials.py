"""A challenger beside the champion: in shadow, in its place, and broken, with real models."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from bookshelf.book import ListedBook
from bookshelf.contracts import SentimentRequest
from bookshelf.prediction import PredictionRecord
from bookshelf.trial import Trial
from features import schema
from features.price import PriceRegressor
from features.tabular import book_frame
from serving import shadows
from serving.arms import is_challengers
from serving.champions import Champion
from serving.prediction_log import PredictionLog
from serving.wanted_trials import WantedTrial
from tests.conftest import wait_until
from tests.serving.conftest import TAKEN_AT, KnownChampions

BOOK = {"rating": 4, "category": "Fiction", "availability": "In stock"}


@pytest.fixture(scope="module")
def challenger(listed: Sequence[ListedBook], champions: dict[str, Champion]) -> Champion:
    """A price model that asks for ten pounds more."""
    frame = book_frame(listed, TAKEN_AT, TAKEN_AT).astype({"rating": "float64", "stock": "float64"})
    model = PriceRegressor("ridge", alpha=0.1).fit(frame, frame[schema.LABEL].to_numpy() + 10)
    return replace(champions["price"], version="4", run_id="run-of-challenger", model=model)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[PredictionRecord]:
    """What goes to the log."""
    records: list[PredictionRecord] = []
    monkeypatch.setattr(PredictionLog, "note", lambda _self, record: records.append(record))
    return records


@pytest.fixture
def try_out(
    client: TestClient,
    registry: KnownChampions,
    challenger: Champion,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., None]]:
    """Puts that version on trial, by those shares, and waits until the service has it."""
    monkeypatch.setattr(shadows, "_RESTS", 0)

    def on_trial() -> Any:
        return client.post("/models", json={}).json()["items"][0]["trial"]

    def put(tried: Champion = challenger, **shares: float) -> None:
        trial = Trial(version=tried.version, **shares)
        registry.challengers[tried.version] = tried
        registry.trials["price"] = WantedTrial(trial, tried.appointment)
        wait_until(lambda: (on_trial() or {}).items() >= trial.model_dump().items())

    yield put
    registry.trials.clear()
    wait_until(lambda: on_trial() is None)


def ask(client: TestClient, caller: str = "") -> dict[str, Any]:
    answer = client.post("/price", json=BOOK, headers={"X-Trial-Key": caller} if caller else {})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    assert answer.headers["x-model-version"] == f"price/{found['model']['version']}"
    return found


def test_in_shadow_the_challenger_answers_to_the_log_and_to_nobody_else(
    client: TestClient,
    try_out: Callable[..., None],
    noted: list[PredictionRecord],
) -> None:
    before = ask(client)
    try_out(shadow=1.0)
    noted.clear()
    replies = [ask(client) for _ in range(5)]
    wait_until(lambda: len(noted) == 10)
    assert {one["model"]["version"] for one in replies} == {"3"}
    assert {one["arm"] for one in replies} == {None}
    assert {one["price"] for one in replies} == {before["price"]}
    by_role = {role: [one for one in noted if one.role == role] for role in ("champion", "shadow")}
    assert [one.shadow_of for one in by_role["shadow"]] == [one["prediction_id"] for one in replies]
    for shadow in by_role["shadow"]:
        assert (shadow.version, shadow.run_id) == ("4", "run-of-challenger")
        assert json.loads(shadow.answer)["price"] == pytest.approx(before["price"] + 10, abs=1)


def test_a_share_of_the_callers_is_answered_by_the_challenger_and_each_always_by_the_same(
    client: TestClient, try_out: Callable[..., None], noted: list[PredictionRecord]
) -> None:
    try_out(share=0.5)
    noted.clear()
    callers = [f"caller {number}" for number in range(40)]
    arms = [ask(client, caller)["arm"] for caller in callers]
    assert [ask(client, caller)["arm"] for caller in callers] == arms
    assert 8 < Counter(arms)["challenger"] < 32
    assert Counter(one.role for one in noted) == {role: 2 * n for role, n in Counter(arms).items()}
    assert {one.version for one in noted if one.role == "challenger"} == {"4"}
    assert not any("caller" in one.inputs for one in noted)
    assert len({ask(client)["arm"] for _ in range(5)}) == 1  # without a key the question decides


def test_whoever_is_answered_by_the_challenger_stays_so_while_the_share_grows() -> None:
    question = SentimentRequest(description="Fine.")
    keys = [f"caller {number}".encode() for number in range(2_000)]
    before: set[bytes] = set()
    for share in (0.0, 0.1, 0.5, 1.0):
        found = {key for key in keys if is_challengers("price", key, question, share)}
        assert before <= found
        assert len(found) == pytest.approx(share * len(keys), abs=70)
        before = found
    others = {key for key in keys if is_challengers("sentiment", key, question, 0.5)}
    assert len(others & {key for key in keys if is_challengers("price", key, question, 0.5)}) < 600


class Broken:
    """A model that answered while it was checked and does no longer."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.broken = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def predict(self, rows: Any) -> Any:
        if self.broken:
            raise MemoryError("no room for that")
        return self._model.predict(rows)


def test_a_challenger_that_breaks_on_trial_harms_nobody(
    client: TestClient,
    challenger: Champion,
    try_out: Callable[..., None],
    noted: list[PredictionRecord],
) -> None:
    model = Broken(challenger.model)
    try_out(replace(challenger, version="5", model=model), shadow=1.0, share=1.0)
    assert ask(client)["arm"] == "challenger"
    model.broken = True
    noted.clear()
    for _ in range(3):
        answer = ask(client)
        assert (answer["model"]["version"], answer["arm"]) == ("3", "champion")
    assert {one.role for one in noted} == {"champion"}


def ask_many(client: TestClient, inputs: Sequence[dict[str, Any]], caller: str = "") -> dict[str, Any]:
    headers = {"X-Trial-Key": caller} if caller else {}
    answer = client.post("/predictions", json={"model": "price", "inputs": list(inputs)}, headers=headers)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    assert answer.headers["x-model-version"] == f"price/{found['model']['version']}"
    return found


def arms(items: Sequence[dict[str, Any]]) -> list[str | None]:
    return [one["prediction"]["arm"] for one in items]


BOOKS = [{**BOOK, "title": f"Book {number}"} for number in range(20)]


def test_many_inputs_at_once_are_all_answered_by_the_version_of_whoever_asks(
    client: TestClient, try_out: Callable[..., None], noted: list[PredictionRecord]
) -> None:
    try_out(share=0.5)
    mine = {caller: ask(client, caller)["arm"] for caller in (f"caller {number}" for number in range(12))}
    assert set(mine.values()) == {"champion", "challenger"}
    for caller, arm in mine.items():
        noted.clear()
        told = ask_many(client, BOOKS[:3], caller)
        assert arms(told["items"]) == [arm] * 3
        version = {"champion": "3", "challenger": "4"}[arm]
        assert told["model"]["version"] == version
        assert [(one.role, one.version) for one in noted] == [(arm, version)] * 3
        assert not any("caller" in one.inputs for one in noted)


def test_many_inputs_of_nobody_in_particular_are_each_answered_as_alone(
    client: TestClient, try_out: Callable[..., None], noted: list[PredictionRecord]
) -> None:
    try_out(share=0.5)
    alone = [client.post("/price", json=one).json() for one in BOOKS]
    noted.clear()
    bad = {**BOOK, "rating": 9}
    told = ask_many(client, [*BOOKS, bad])
    assert told["model"]["version"] == "3"
    *items, last = told["items"]
    assert set(arms(items)) == {"champion", "challenger"}
    assert [one["index"] for one in items] == list(range(20))
    for one, by_itself in zip(items, alone, strict=True):
        of_its_own = {"prediction_id"}
        assert {k: v for k, v in one["prediction"].items() if k not in of_its_own} == {
            k: v for k, v in by_itself.items() if k not in of_its_own
        }
    assert [one["field"] for one in last["error"]["errors"]] == ["inputs.20.rating"]
    by_id = {one.prediction_id: one for one in noted}
    assert len(by_id) == 20
    for one in items:
        record = by_id[one["prediction"]["prediction_id"]]
        assert (record.role, record.version) == (
            one["prediction"]["arm"],
            one["prediction"]["model"]["version"],
        )


def test_every_one_of_many_inputs_is_shadowed_beside_its_own_answer(
    client: TestClient,
    try_out: Callable[..., None],
    noted: list[PredictionRecord],
) -> None:
    try_out(shadow=1.0)
    noted.clear()
    told = ask_many(client, [*BOOKS, {**BOOK, "category": "Unheard of"}])
    assert told["items"][20]["error"]["errors"][0]["field"] == "inputs.20.category"
    assert arms(told["items"][:20]) == [None] * 20
    assert told["model"]["version"] == "3"
    wait_until(lambda: len(noted) == 40)
    shadowed = {one.shadow_of: one for one in noted if one.role == "shadow"}
    assert list(shadowed) == [one["prediction"]["prediction_id"] for one in told["items"][:20]]
    for one, book in zip(told["items"], BOOKS, strict=False):
        shadow = shadowed[one["prediction"]["prediction_id"]]
        assert json.loads(shadow.inputs)["title"] == book["title"]
        assert json.loads(shadow.answer)["price"] == pytest.approx(one["prediction"]["price"] + 10, abs=1)


def test_what_a_challenger_cannot_answer_of_many_the_champion_does(
    client: TestClient, challenger: Champion, try_out: Callable[..., None], noted: list[PredictionRecord]
) -> None:
    model = Broken(challenger.model)
    try_out(replace(challenger, version="6", model=model), share=1.0)
    assert ask_many(client, BOOKS)["model"]["version"] == "6"
    model.broken = True
    noted.clear()
    told = ask_many(client, BOOKS)
    assert told["model"]["version"] == "3"
    assert arms(told["items"]) == ["champion"] * 20
    assert [one.role for one in noted] == ["champion"] * 20
