"""What a run tells of the data that it was trained on, so that the same data can be read again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from bookshelf.catalogue import Catalogue
from bookshelf.errors import TrainingError
from bookshelf.settings import Settings
from training.runs import given_params

#: Tags of a run: the moment its data are as of, and the feature service that gave them.
AS_OF, SERVICE = "as_of", "feature_service"

_SNAPSHOT, _SOURCE = "snapshot_id", "source"
_SHA256, _CORPUS = "dataset_sha256", "corpus"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Which data a run was trained on, and their hash.

    `service` is a feature service, "" for a model that learns from `corpus` instead. `source` is what was
    asked for, "" for all books. `snapshot_id` is the catalogue's last at `as_of`, "" before the first.
    """

    run_id: str
    service: str
    corpus: str
    as_of: datetime
    source: str
    snapshot_id: str
    sha256: str

    @classmethod
    def of_run(cls, client: MlflowClient, run_id: str) -> Provenance:
        """Raises `TrainingError` if there is no such run, or it does not tell of its data."""
        try:
            found = client.get_run(run_id)
        except MlflowException as error:
            raise TrainingError(f"there is no run {run_id!r}") from error
        run, params = found.data, given_params(found)
        service, corpus = run.tags.get(SERVICE, ""), params.get(_CORPUS, "")
        missing = [name for name in (_SHA256, AS_OF) if name not in run.tags]
        if missing or not (service or corpus):
            told = missing[0] if missing else SERVICE
            raise TrainingError(f"run {run_id} does not tell which data it was trained on: it has no {told}")
        return cls(
            run_id=run_id,
            service=service,
            corpus=corpus,
            as_of=datetime.fromisoformat(run.tags[AS_OF]),
            # The tag may name the one source that all books happened to be of.
            source=params.get(_SOURCE, ""),
            snapshot_id=run.tags.get(_SNAPSHOT, ""),
            sha256=run.tags[_SHA256],
        )


def moment_tags(settings: Settings, as_of: datetime, source: str) -> dict[str, str]:
    """What every run tells of the moment it was trained as of; the fit tells the rest."""
    tags = {AS_OF: as_of.isoformat(), _SOURCE: source}
    snapshot = Catalogue.open(settings.catalogue_url).snapshot(source or None, as_of)
    return tags if snapshot is None else tags | {_SNAPSHOT: str(snapshot.id)}
