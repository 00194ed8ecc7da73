"""Drift windows are kept once each, and told newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.drift import DriftWindow, DriftWindows, FeatureDrift, NewWindow
from bookshelf.model_orders import ModelOrders, Order

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CATEGORY = FeatureDrift(feature="category", kind="category", psi=0.01, psi_limit=0.2)
STOCK = FeatureDrift(feature="stock", kind="number", psi=0.1, psi_limit=0.2, ks=0.3, ks_limit=0.15, p=1e-9)


@pytest.fixture
def windows(catalogue: Catalogue) -> DriftWindows:
    for day in range(3):
        catalogue.publish([Book(title="Tale", price=Decimal(10 + day), upc="1")], "shop", NOON + day * DAY)
    return DriftWindows(catalogue.engine)


def a_window(snapshot: int, model: str = "price", version: str = "1", *drifts: FeatureDrift) -> NewWindow:
    return NewWindow(
        model=model,
        version=version,
        snapshot_id=snapshot,
        source="shop",
        published_at=NOON + (snapshot - 1) * DAY,
        reference_at=NOON,
        measured_at=NOON + snapshot * DAY,
        reference_rows=10,
        window_rows=12,
        features=drifts or (CATEGORY,),
        run_id="a" * 32,
    )


def an_order(windows: DriftWindows, of: DriftWindow) -> Order:
    return ModelOrders(windows.engine).request(
        *("retrain", "price", "drift", "it drifts", NOON),
        noted=lambda connection, order_id: windows.note_order(connection, of.id, order_id),
    )


def test_a_window_comes_back_as_it_was_kept(windows: DriftWindows) -> None:
    given = a_window(1, "price", "1", STOCK, CATEGORY)
    kept = windows.add(given)
    assert {name: getattr(kept, name) for name in NewWindow.__dataclass_fields__} == {
        name: getattr(given, name) for name in NewWindow.__dataclass_fields__
    }
    assert (kept.order_id, kept.violated) == (None, True)
    assert windows.find("price", "1", 1) == kept


def test_a_second_one_of_its_snapshot_model_and_version_changes_nothing(windows: DriftWindows) -> None:
    first = windows.add(a_window(1))
    assert windows.add(a_window(1, "price", "1", STOCK)) == first
    assert windows.page(None, number=1, size=10) == ([first], 1)


def test_windows_come_newest_first_of_one_model_or_of_all(windows: DriftWindows) -> None:
    late = windows.add(a_window(3))
    early = windows.add(a_window(1))
    other = windows.add(a_window(2, "sentiment"))
    again = windows.add(a_window(2, version="2"))
    assert windows.page("price", number=1, size=10) == ([late, again, early], 3)
    assert windows.page(None, number=2, size=2) == ([other, early], 4)
    assert windows.history("price", 2) == [again, late]
    assert windows.find("price", "3", 1) is None


def test_a_window_names_the_retraining_that_it_gave_rise_to(windows: DriftWindows) -> None:
    kept = windows.add(a_window(1))
    order = an_order(windows, kept)
    assert windows.history("price", 1)[0].order_id == order.id


def test_a_retraining_that_its_window_cannot_name_is_not_ordered(windows: DriftWindows) -> None:
    def died(_connection: Connection, _order_id: str) -> None:
        raise KeyboardInterrupt

    orders = ModelOrders(windows.engine)
    with pytest.raises(KeyboardInterrupt):
        orders.request("retrain", "price", "drift", "it drifts", NOON, noted=died)
    assert orders.page(number=1, size=1)[1] == 0


def test_an_order_is_remembered_however_long_ago(windows: DriftWindows) -> None:
    kept = windows.add(a_window(1))
    an_order(windows, kept)
    windows.add(a_window(2))
    windows.add(a_window(2, "sentiment"))
    newest = windows.add(a_window(3))
    assert [one.snapshot_id for one in windows.history("price", 1)] == [1, newest.snapshot_id]


def test_a_feature_violates_from_either_limit_on() -> None:
    at_psi = FeatureDrift(feature="x", kind="number", psi=0.2, psi_limit=0.2, ks=0.0, ks_limit=0.15, p=1.0)
    at_ks = FeatureDrift(feature="x", kind="number", psi=0.0, psi_limit=0.2, ks=0.15, ks_limit=0.15, p=0.0)
    assert at_psi.violated
    assert at_ks.violated
    assert (at_psi.severity, at_ks.severity) == (1, 1)
    assert not CATEGORY.violated
