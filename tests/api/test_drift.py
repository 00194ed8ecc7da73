"""Whoever reads may see how far the books have moved from what the models learnt from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from bookshelf.catalogue import now
from bookshelf.drift import AnswerDrift, DriftWindows, FeatureDrift, LiveError, NewWindow
from bookshelf.model_orders import ModelOrders

DRIFT = "/api/v1/ml/drift"
FEATURES = (
    FeatureDrift(feature="stock", kind="number", psi=0.31, psi_limit=0.2, ks=0.22, ks_limit=0.15, p=1e-21),
    FeatureDrift(feature="category", kind="category", psi=0.004, psi_limit=0.2),
)

ANSWERS = AnswerDrift(
    days=7,
    questions=900,
    drift=FeatureDrift(feature="answer", kind="number", psi=0.03, psi_limit=0.2),
    error=LiveError(
        measure="absolute error", unit="currency", n=1, mean=9.5, low=None, high=None, baseline=0.0
    ),
)


@pytest.fixture
def client(make_app: Callable[..., Any], tmp_path: Path) -> FlaskClient:
    """Two windows of the price model, the newer of which led to an order, and one of the sentiment model."""
    app = make_app(tmp_path, books=3)
    catalogue = app.extensions["bookshelf"].catalogue
    first = catalogue.snapshot()
    second = catalogue.publish([one.book for one in catalogue.all_books()], first.source, now())
    windows = DriftWindows(catalogue.engine)
    window = NewWindow(
        model="price",
        version="3",
        snapshot_id=first.id,
        source="https://shop.test/",
        published_at=first.published_at,
        reference_at=first.published_at,
        measured_at=now(),
        reference_rows=3,
        window_rows=3,
        features=FEATURES[1:],
        run_id="5c0d9b6f0a7d4c0e9f1f3a52c1d7e8b4",
    )
    windows.add(window)
    windows.add(replace(window, model="sentiment", source=""))
    moved = windows.add(
        replace(
            window,
            snapshot_id=second.id,
            published_at=second.published_at,
            features=FEATURES,
            answers=ANSWERS,
        )
    )
    ModelOrders(catalogue.engine).request(
        *("retrain", "price", "drift", "stock moved", now()),
        noted=lambda connection, order_id: windows.note_order(connection, moved.id, order_id),
    )
    client: FlaskClient = app.test_client()
    return client


def test_windows_come_newest_first_with_every_feature_and_its_limits(client: FlaskClient) -> None:
    reply: Any = client.get(DRIFT).json
    assert (reply["total"], reply["pages"]) == (3, 1)
    newest = reply["items"][0]
    assert (newest["model"], newest["version"], newest["snapshot_id"]) == ("price", "3", 2)
    assert (newest["violated"], len(newest["order_id"])) == (True, 36)
    assert newest["features"] == [
        {
            "feature": "stock",
            "kind": "number",
            "psi": 0.31,
            "psi_limit": 0.2,
            "ks": 0.22,
            "ks_limit": 0.15,
            "p": 1e-21,
            "violated": True,
        },
        {
            "feature": "category",
            "kind": "category",
            "psi": 0.004,
            "psi_limit": 0.2,
            "ks": None,
            "ks_limit": None,
            "p": None,
            "violated": False,
        },
    ]


def test_what_callers_were_told_is_apart_from_what_the_books_are_like(client: FlaskClient) -> None:
    newest, older = client.get(f"{DRIFT}?model=price").json["items"]  # type: ignore[index]
    assert older["answers"] is None
    assert (newest["answers"]["days"], newest["answers"]["questions"]) == (7, 900)
    assert (newest["answers"]["drift"]["feature"], newest["answers"]["drift"]["violated"]) == (
        "answer",
        False,
    )
    assert newest["answers"]["error"] == {
        "measure": "absolute error",
        "unit": "currency",
        "n": 1,
        "mean": 9.5,
        "low": None,
        "high": None,
        "baseline": 0.0,
    }


def test_one_model_is_told_of_alone_and_page_by_page(client: FlaskClient) -> None:
    reply: Any = client.get(f"{DRIFT}?model=price&page=2&page_size=1").json
    assert [(one["model"], one["snapshot_id"]) for one in reply["items"]] == [("price", 1)]
    assert (reply["total"], reply["pages"]) == (2, 2)
    assert client.get(f"{DRIFT}?model=recommender").json["total"] == 0  # type: ignore[index]


def test_books_of_every_source_have_no_one_source(client: FlaskClient) -> None:
    [one] = client.get(f"{DRIFT}?model=sentiment").json["items"]  # type: ignore[index]
    assert (one["source"], one["order_id"]) == (None, None)
