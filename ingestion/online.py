"""The online rows: brought over from the offline ones, then read back and compared value by value."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import logging
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bookshelf.errors import FeatureStoreError
from bookshelf.feature_store import REPOSITORY, feature_store_config, registry_file, store_of
from bookshelf.settings import ROOT, Settings
from features import schema

if TYPE_CHECKING:
    from feast import FeatureStore, RepoConfig

_PART = 500  # books read back at once
# What is read off a book, and how: rows made otherwise are made again.
_MAKE_ROWS = ("features/schema.py", "features/tabular.py", "features/text.py", "ingestion/offline.py")


def definitions_hash(settings: Settings) -> str:
    """Hex SHA-256 of all that decides what Feast's registry and the rows hold."""
    digest = hashlib.sha256(f"feast {version('feast')} {settings.offline_store}".encode())
    described = [*sorted(REPOSITORY.glob("*.py")), REPOSITORY / "feature_store.yaml"]
    for file in [*described, *(ROOT / name for name in _MAKE_ROWS)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def online_files(settings: Settings) -> tuple[str, ...]:
    """The files of the registry and of the online store, but for one that is kept elsewhere."""
    config = feature_store_config(settings, mlflow=False)
    files = (registry_file(config), getattr(config.online_store, "path", None))
    return tuple(str((REPOSITORY / file).resolve()) for file in files if file is not None)


def bring_online(
    settings: Settings, views: Sequence[str], start: datetime, end: datetime, *, apply: bool
) -> None:
    """Write the newest offline row of each book, from `start` to `end` inclusive, to the online store.

    With `apply` the definitions are registered first. Readers keep the registry that they have until all
    is done. Raises `FeatureStoreError`.
    """
    config = feature_store_config(settings, mlflow=False)
    registry = registry_file(config)
    if registry is not None:
        # Feast writes its registry in place, several times; a reader could meet half of it.
        config.registry.path = str(_working_copy(registry, anew=apply))
    with _quiet() as said:
        try:
            store = store_of(config)
            if apply:
                _apply(config)
                store.refresh_registry()
            store.materialize(start, end, feature_views=list(views))
        # Feast's stores raise errors of their own drivers, and an apply that fails may exit.
        except (Exception, SystemExit) as error:
            told = said.getvalue().strip().splitlines()[-1:]
            reason = f"{type(error).__name__}: {error}"
            raise FeatureStoreError(f"Feast cannot publish: {' '.join([reason, *told])}") from error
    if registry is not None:
        Path(config.registry.path).replace(registry)


def check_online(store: FeatureStore, expected: pd.DataFrame) -> None:
    """Compare every feature of every book online with `expected`, which has one row a book.

    Raises `FeatureStoreError` naming the first book and feature that differ, vectors exactly.
    """
    names = [f"{view}:{feature}" for view, features in schema.VIEWS.items() for feature in features]
    for start in range(0, len(expected), _PART):
        part = expected.iloc[start : start + _PART]
        book_ids = part[schema.JOIN_KEY].tolist()
        online = store.get_online_features(
            features=names, entity_rows=[{schema.JOIN_KEY: book_id} for book_id in book_ids]
        ).to_dict()
        for features in schema.VIEWS.values():
            for feature, kind in features.items():
                _compare(book_ids, feature, kind, online[feature], part[feature].tolist())


def _compare(book_ids: list[int], feature: str, kind: str, online: list[Any], expected: list[Any]) -> None:
    for book_id, found, wanted in zip(book_ids, online, expected, strict=True):
        if kind == "vector":
            same = found is not None and np.array_equal(np.asarray(found, dtype=np.float32), wanted)
        else:
            same = found == wanted or (found is None and wanted != wanted)  # a number that is not known
        if not same:
            raise FeatureStoreError(
                f"{feature} of book {book_id} is {_short(found)} in the online store "
                f"and {_short(wanted)} in the catalogue"
            )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _apply(config: RepoConfig) -> None:
    from feast.repo_operations import apply_total

    # Feast imports the definitions by their bare names from the working folder. They are imported before
    # it goes there, where a home given as a relative path means what it means to us, and forgotten after.
    names = [file.stem for file in REPOSITORY.glob("*.py") if file.stem != "__init__"]
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(REPOSITORY))
    try:
        for name in names:
            importlib.import_module(name)
        with contextlib.chdir(REPOSITORY):
            apply_total(config, REPOSITORY, skip_source_validation=False)
    finally:
        sys.path.remove(str(REPOSITORY))
        sys.dont_write_bytecode = bytecode
        for name in names:
            sys.modules.pop(name, None)


def _working_copy(registry: Path, *, anew: bool) -> Path:
    """A registry to write to: a copy, or none yet where definitions are to be applied.

    An apply that finds an old registry takes tables down for changes as small as a path spelled anew.
    """
    copy = registry.with_name(f"{registry.name}.working")
    copy.unlink(missing_ok=True)
    if not anew:
        shutil.copyfile(registry, copy)
    return copy


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    """What Feast says in the body, which is nobody's news unless it fails."""
    said = io.StringIO()
    log, handler = logging.getLogger("feast"), logging.StreamHandler(said)
    log.addHandler(handler)
    propagate, log.propagate = log.propagate, False  # else to wherever somebody has told the log to go
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")
            yield said
    finally:
        log.propagate = propagate
        log.removeHandler(handler)
