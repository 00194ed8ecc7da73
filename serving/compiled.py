"""The price model's form for few books, if it has one that gives its prices."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from serving import metrics
from serving.champions import Champion

if TYPE_CHECKING:
    from features.price_compiled import CompiledPrices

log = logging.getLogger(__name__)


def compiled_form(champion: Champion) -> CompiledPrices | None:
    """The champion's compiled form, which was seen to give its prices; None where scikit-learn is to answer.

    Which of the two it is, is told in a metric, and why there is no such form in the log.
    """
    import pandas as pd

    from features.compiled_check import compiled
    from features.price import PriceRegressor

    found = None
    if isinstance(champion.model, PriceRegressor):
        example = champion.example if isinstance(champion.example, pd.DataFrame) else None
        try:
            found = compiled(champion.model, example)
        # Whatever becomes of a model that is otherwise than ours are now: it can be served as it is.
        except Exception as error:  # noqa: BLE001
            reason = f"{type(error).__name__}: {error}"
            log.warning("price version %s is served by scikit-learn alone: %s", champion.version, reason)
    metrics.note_compiled(champion.version, compiled=found is not None)
    return found
