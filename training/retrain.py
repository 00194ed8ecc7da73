"""How a model is trained again: with the parameters and the source of its champion, which passed its gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from bookshelf.settings import Settings
from training.aliases import CHAMPION
from training.commands import params_type
from training.duty import Duty
from training.runs import given_params


def champions_choice(settings: Settings, name: str) -> tuple[Any, str]:
    """The parameters, and the source ("" for everybody's), that the champion was trained with.

    The defaults where there is no champion, and for what it was not told. Prices are learnt of the one
    source that the champion's were of, though everybody's were asked for: another may have another currency.
    """
    duty = Duty.of(settings)
    champion = duty.aliases(name).get(CHAMPION)
    if champion is None:
        return params_type(name)(), ""
    version = duty.client.get_model_version(name, champion)
    told = given_params(duty.client.get_run(version.run_id))
    source = told.get("source", "")
    if name == "price":
        source = source or version.tags.get("source", "")
    return params_of(params_type(name), told), source


def params_of(kind: type[Any], told: Mapping[str, str]) -> Any:
    """Parameters as a run has them: texts, of which some are of no field, and some fields have none."""
    known: dict[str, Any] = {}
    for one in fields(kind):
        of_type: Any = type(one.default)
        if one.name in told:
            known[one.name] = of_type(told[one.name])
    return kind(**known)
