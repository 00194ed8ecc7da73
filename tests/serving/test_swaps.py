"""Swap after swap out of a real registry: nothing of the old versions stays behind."""

from __future__ import annotations

import gc
import itertools
import weakref
from collections.abc import Iterator
from typing import Any

import pandas as pd
import psutil
import pytest

from bookshelf.settings import Settings
from features.price import PriceRegressor
from features.price_columns import INPUTS, NUMBERS
from features.schema import FRESHNESS, PRICE_SERVICE
from serving.answers import PriceAnswers
from serving.champions import Champion, Registry
from serving.checks import rehearse
from serving.encoding import Encoding
from serving.follow import Follower
from serving.freshness import Freshness, LastRead
from serving.leftovers import QUIET_SECONDS, Leftovers
from serving.online import OnlineFeatures
from serving.shelf import Shelf, settled_heap

pytestmark = pytest.mark.slow

SWAPS = 20
EXAMPLE = pd.DataFrame({name: [4.0 if name in NUMBERS else "A text"] for name in INPUTS})
MOST_GROWTH_BYTES = 30 * 2**20


@pytest.fixture
def heap() -> Iterator[None]:
    """The heap as it was, for the tests that come after."""
    yield
    gc.unfreeze()
    gc.set_threshold(700, 10, 10)


@pytest.mark.usefixtures("heap")
def test_twenty_swaps_leave_no_old_version_and_no_memory_behind(
    other_home: Settings, registry_writer: Any, price_model: PriceRegressor, online: OnlineFeatures
) -> None:
    writer = registry_writer(other_home)
    numbers = [writer.add("price", price_model, EXAMPLE) for _ in range(2)]
    shelf, models, sizes = Shelf(), [], []
    shelf.leftovers = Leftovers(
        itertools.count(step=QUIET_SECONDS).__next__
    )  # each look is a quiet while later

    def prepare(champion: Champion) -> PriceAnswers:
        models.append(weakref.ref(champion.model))
        freshness = Freshness(LastRead(_no_catalogue), PRICE_SERVICE, FRESHNESS[PRICE_SERVICE])
        answers = PriceAnswers(champion, online, freshness, Encoding())
        rehearse(answers)
        return answers

    follower = Follower(Registry(other_home), shelf, prepare)
    with settled_heap():
        follower.look()
    for turn in range(SWAPS):
        writer.appoint("price", numbers[turn % 2])
        follower.look()
        shelf.leftovers.collect()
        assert shelf.answers("price").champion.version == numbers[turn % 2]
        sizes.append(psutil.Process().memory_info().rss)
    assert len(models) == SWAPS + 1
    assert [number for number, model in enumerate(models) if model() is not None] == [SWAPS]
    assert sizes[-1] - sizes[4] < MOST_GROWTH_BYTES


def _no_catalogue() -> Any:
    raise AssertionError("a question by features needs no catalogue")
