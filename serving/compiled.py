"""The price model's form for few books, if it has one that gives its prices."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from serving import metrics
from serving.champions import Champion
from serving.loading import LoadedModel, check_form

if TYPE_CHECKING:
    from features.price_compiled import CompiledPrices

log = logging.getLogger(__name__)


def compiled_form(champion: Champion) -> CompiledPrices | None:
    """The champion's compiled form, which was seen to give its prices; None where scikit-learn is to answer.

    Which of the two it is, is told in a metric, and why there is no such form in the log. It is compared
    here unless it was where the champion was loaded.
    """
    from features.price_compiled import CompiledPrices

    check = champion.form or check_form(LoadedModel(champion.model, champion.inputs, champion.example))
    found = None
    if check is not None and check.refused is None:
        found = CompiledPrices(champion.model)
    elif check is not None:
        version, reason = champion.version, check.refused
        log.warning("price version %s is served by scikit-learn alone: %s", version, reason)
    metrics.note_compiled(champion.version, compiled=found is not None)
    return found
