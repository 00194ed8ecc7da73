"""A version's files to a model that has answered its own input example."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bookshelf.errors import ModelUnavailable
from serving.encoders import without_logged_code
from serving.imports import import_skops


@dataclass(frozen=True)
class FormCheck:
    """That a model's form for few books was compared with the model.

    `refused` says why it is not to be used; None if it gave the model's prices.
    """

    refused: str | None


@dataclass(frozen=True)
class LoadedModel:
    """A model as `load_model` makes it.

    `inputs` are the names of the columns in its signature, empty where these have no names; `example` is
    its input example. `form` is None while its form for few books, if it has one, has not been checked.
    """

    model: Any
    inputs: tuple[str, ...]
    example: Any = None
    form: FormCheck | None = None


def load_model(name: str, version: str, folder: Path) -> LoadedModel:
    """The estimator in the folder, once it has answered its own input example.

    Raises `ModelUnavailable` for one without a signature or without an example, and whatever a file that
    is damaged, or a model that cannot answer, makes its library raise.
    """
    import mlflow.sklearn
    from mlflow.models import Model

    import_skops()
    described = Model.load(str(folder))
    if described.signature is None or described.signature.inputs is None:
        raise ModelUnavailable(f"{name} version {version} has no signature")
    example = described.load_input_example(str(folder))
    if example is None:
        raise ModelUnavailable(f"{name} version {version} has no input example to be checked with")
    with without_logged_code():
        model = mlflow.sklearn.load_model(str(folder))
    model.predict(example)  # a model that fails here would fail every caller; it also warms it up
    named = described.signature.inputs.has_input_names()
    return LoadedModel(model, tuple(described.signature.inputs.input_names()) if named else (), example)


def check_form(loaded: LoadedModel) -> FormCheck | None:
    """Compare a price model's form for few books with the model; None for a model of another kind."""
    import pandas as pd

    from features.compiled_check import compiled
    from features.price import PriceRegressor

    if not isinstance(loaded.model, PriceRegressor):
        return None
    try:
        compiled(loaded.model, loaded.example if isinstance(loaded.example, pd.DataFrame) else None)
    # Whatever becomes of a model that is otherwise than ours are now: it can be served as it is.
    except Exception as error:  # noqa: BLE001
        return FormCheck(f"{type(error).__name__}: {error}")
    return FormCheck(None)
