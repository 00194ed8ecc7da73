"""A version's files out of the registry, kept in the home, and the model that is made of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bookshelf.errors import ModelUnavailable
from serving.loader_words import Tag
from serving.loading import LoadedModel, load_model
from serving.local_copy import LocalCopies

# MLflow takes seconds to import and is needed when models are loaded, not when the service is declared.
if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

Loaded = TypeVar("Loaded")


class VersionFiles:
    """Makes what is wanted of a version's local copy, which is made where it is missing or damaged."""

    def __init__(self, uri: str, copies: LocalCopies) -> None:
        self._uri = uri
        self._copies = copies

    def model(self, name: str, version: str, key: str) -> LoadedModel:
        """The model of that version, once it has answered its own input example.

        `key` names the local copy, so that the registry may be away. Raises `ModelUnavailable` with the
        reason, whatever it is.
        """
        with reading(f"{name} version {version}"):
            return self.loaded(name, version, key, partial(load_model, name, version))

    def loaded(self, name: str, version: str, key: str, load: Callable[[Path], Loaded]) -> Loaded:
        """What `load` makes of the version's files: of the kept ones, or of new ones if these will not do."""
        kept = self._copies.has(key)
        if kept:
            try:
                return load(self._copies.fetch(key, partial(self._download, name, version)))
            except Exception as error:  # noqa: BLE001  (whatever a damaged file makes a loader raise)
                log.warning("the local copy of %s version %s is fetched anew: %s", name, version, error)
        try:
            # In place of the kept one, which stays until then: it may have failed for another reason.
            folder = self._copies.fetch(key, partial(self._download, name, version), anew=kept)
        except OSError as error:
            log.warning("%s version %s cannot be kept: %s", name, version, error)
            folder = self._download(name, version)
        return load(folder)

    def _download(self, name: str, version: str, to: Path | None = None) -> Path:
        import mlflow

        client_of(self._uri)
        told = None if to is None else str(to)
        return Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version}", dst_path=told))


def client_of(uri: str) -> MlflowClient:
    """A client of that registry, to which MLflow is turned."""
    import mlflow

    # For the whole process, because MLflow resolves `models:` addresses there whatever a call names.
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    return mlflow.MlflowClient()


def set_tag(tag: Tag) -> None:
    """Note it in the registry. Raises whatever its store and driver raise."""
    client_of(tag.uri).set_model_version_tag(tag.name, tag.version, tag.key, tag.value)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Translate whatever goes wrong while something is read from the registry into a reason to refuse it."""
    try:
        yield
    except (ModelUnavailable, KeyboardInterrupt, SystemExit):
        raise
    # A store, its driver or the file of a model can raise anything, and one that is broken must not
    # take the others off duty, nor end the thread that follows; what is written in Rust, as tokenizers are,
    # panics with no `Exception`.
    except BaseException as error:
        raise ModelUnavailable(f"{what} cannot be served: {type(error).__name__}: {error}") from error
