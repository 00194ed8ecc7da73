"""The champions: the versions that the registry names `champion`, loaded and checked.

This is the only reader of the registry. Nothing is asked of it but aliases, versions and artifacts, and
nothing is written to it but one tag: what became of a version here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from bookshelf.contracts import ENCODER_NAME, ModelName, ModelRef
from bookshelf.errors import ModelUnavailable, NotFound
from bookshelf.settings import Settings
from serving.appointment import FINGERPRINT_TAG, Appointment
from serving.encoders import EncoderLoader
from serving.loader import Loader, LoaderAway
from serving.loader_words import Tag
from serving.loading import FormCheck, LoadedModel
from serving.local_copy import LocalCopies, kept_in
from serving.version_files import VersionFiles, client_of, reading, set_tag
from serving.wanted_trials import WantedTrial, wanted_trial

# MLflow takes seconds to import and is needed when models are loaded, not when the service is declared.
if TYPE_CHECKING:
    from mlflow import MlflowClient

    from features.embedding import Encoder
    from features.onnx_network import Precision

log = logging.getLogger(__name__)

ALIAS = "champion"
TRAINING_SET = "training_set.parquet"
#: Tag of a version: `serving since …`, `served until …` or `refused: …`.
SERVING_TAG = "serving"

# A registry holds so many characters of a tag.
_LONGEST_TAG = 5_000


@dataclass(frozen=True)
class Champion:
    """One model on duty, under the version number that was loaded, ready to answer.

    `tags` are the version's. `encoder` makes the vectors that the model reads; None if it reads none.
    `inputs` are the names of the columns in its signature, empty where these have no names; `example` is
    its input example. `form` is what was found of its form for few books where it was loaded; None where
    nobody has looked.
    """

    name: ModelName
    version: str
    run_id: str
    model: Any
    tags: Mapping[str, str]
    encoder: Encoder | None = None
    inputs: tuple[str, ...] = ()
    example: Any = None
    form: FormCheck | None = None

    @cached_property
    def ref(self) -> ModelRef:
        return ModelRef(name=self.name, version=self.version)

    @property
    def appointment(self) -> Appointment:
        return Appointment(self.name, self.version, self.run_id, self.tags)

    @property
    def informative(self) -> bool | None:
        """What training has found; None where it did not say."""
        told = self.tags.get("informative")
        return None if told is None else told == "true"


class Registry:
    """MLflow's model registry as serving needs it. What cannot be had raises `ModelUnavailable`."""

    def __init__(self, settings: Settings, loader: Loader | None = None) -> None:
        """`loader` loads versions beside those that answer; without one they are loaded here."""
        self._uri = settings.tracking_uri
        self._copies = LocalCopies(kept_in(settings))
        self._files = VersionFiles(settings.tracking_uri, self._copies)
        self._loader = loader
        # One copy of the weights, however many models and versions read its vectors; none that nobody reads.
        self._encoders: WeakValueDictionary[tuple[str, Precision], Encoder] = WeakValueDictionary()
        self._made = settings.encoders
        self._training_sets: dict[str, Path] = {}

    def appointed(self, name: ModelName) -> Appointment | None:
        """The version that is champion now; None if there is none."""
        from mlflow.exceptions import MlflowException

        with reading(f"the champion of {name}"):
            try:
                found = self._client.get_model_version_by_alias(name, ALIAS)
            except MlflowException as error:
                # A name that was never registered, and one without this alias.
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise
            return Appointment(name, str(found.version), str(found.run_id), dict(found.tags))

    def on_trial(self, name: ModelName) -> WantedTrial | None:
        """The trial of that model that is on; None if none is."""
        with reading(f"the trial of {name}"):
            return wanted_trial(self._client, name)

    def version(self, name: ModelName, version: str, run_id: str) -> Appointment:
        """The version with that number, of that run. Raises `NotFound` if the registry has it no more."""
        from mlflow.exceptions import MlflowException

        with reading(f"{name} version {version}"):
            try:
                found = self._client.get_model_version(name, version)
            except MlflowException as error:
                if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    raise
                found = None
        # A registry that was made anew gives the same numbers to other versions.
        if found is None or str(found.run_id) != run_id:
            raise NotFound("prediction_id", f"{name} version {version}, which made it, is not there any more")
        return Appointment(name, version, run_id, dict(found.tags))

    def last_on_duty(self, name: ModelName) -> Appointment | None:
        """The version that was on duty last, as the local copy has it; None if there was none."""
        return self._copies.last(name)

    def champion(self, appointed: Appointment, *, beside: bool = False) -> Champion:
        """That version, loaded by its number, so that the number told is the one used, and checked.

        It comes from the local copy, which is made if it is missing, so that the registry may be away.
        `beside` is for while others answer: it is loaded in a process of its own, if there can be one.
        """
        name, version = appointed.name, appointed.version
        loaded = self._loaded_beside(appointed) if beside else None
        if loaded is None:
            loaded = self._files.model(name, version, appointed.key)
        with reading(f"{name} version {version}"):
            encoder = self._encoder_of(appointed) if _reads_texts(name, loaded.model) else None
        return Champion(
            name,
            version,
            appointed.run_id,
            loaded.model,
            appointed.tags,
            encoder,
            loaded.inputs,
            loaded.example,
            loaded.form,
        )

    def training_set(self, champion: Champion) -> Path:
        """Local file with the rows the champion was trained on. Raises `NotFound` if its run has none."""
        with reading(f"the training set of {champion.name} version {champion.version}"):
            path = self._training_sets.get(champion.run_id)
            if path is None or not path.exists():  # it may lie among temporary files, which get tidied away
                path = self._fetch_training_set(champion.run_id)
            if path is not None:
                self._training_sets[champion.run_id] = path
                return path
        raise NotFound("model", f"{champion.name} version {champion.version} has no {TRAINING_SET}")

    def note_on_duty(self, champion: Champion, at: str) -> None:
        """Remember the version for the next start; tag it, and the one it replaces, once for all workers."""
        try:
            before = self._copies.note(champion.appointment)
        except OSError as error:
            log.warning("%s version %s cannot be kept: %s", champion.name, champion.version, error)
            return
        told = champion.tags.get(SERVING_TAG, "")
        if before is not None:
            self._tag(before.name, before.version, f"served until {at}")
        if before is not None or not told.startswith("serving since "):
            self._tag(champion.name, champion.version, f"serving since {at}")

    def note_refused(self, appointed: Appointment, reason: str) -> None:
        """Tag the version with the reason why it is not served."""
        told = f"refused: {reason}"
        if appointed.tags.get(SERVING_TAG) != told:
            self._tag(appointed.name, appointed.version, told)

    @cached_property
    def _client(self) -> MlflowClient:
        return client_of(self._uri)

    def _loaded_beside(self, appointed: Appointment) -> LoadedModel | None:
        """The model as the loader hands it over; None where it has to be loaded here."""
        if self._loader is None:
            return None
        try:
            return self._loader.model(appointed.name, appointed.version, appointed.key)
        except LoaderAway as error:
            log.warning("%s version %s is loaded by the worker: %s", appointed.name, appointed.version, error)
            return None

    def _tag(self, name: str, version: str, told: str) -> None:
        tag = Tag(self._uri, name, version, SERVING_TAG, told[:_LONGEST_TAG])
        if self._loader is not None and self._loader.sets(tag):
            return
        try:
            set_tag(tag)
        # A store and its driver can raise anything, and a tag that is missing keeps nobody from answering.
        except Exception as error:  # noqa: BLE001
            log.warning("%s version %s cannot be tagged %r: %s", name, version, told, error)

    def _encoder_of(self, appointed: Appointment) -> Encoder:
        """The encoder that the version was trained with. Vectors of other weights would pass for its own."""
        number, key = appointed.encoder_version, appointed.encoder_key
        if number is None or key is None:
            raise ModelUnavailable(
                f"{appointed.name} version {appointed.version} has no tag encoder_version that is a number"
            )
        ready = (key, appointed.precision)
        load = EncoderLoader(self._made, appointed.precision)
        encoder = self._encoders.get(ready) or self._files.loaded(ENCODER_NAME, number, key, load)
        fingerprint = encoder.network.weights_fingerprint
        if appointed.tags.get(FINGERPRINT_TAG, fingerprint) != fingerprint:
            raise ModelUnavailable(
                f"{appointed.name} version {appointed.version} was not trained with "
                f"encoder version {number}, which its tag names"
            )
        self._encoders[ready] = encoder
        return encoder

    def _fetch_training_set(self, run_id: str) -> Path | None:
        import mlflow

        if TRAINING_SET not in {artifact.path for artifact in self._client.list_artifacts(run_id)}:
            return None
        return Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=TRAINING_SET))


def _reads_texts(name: ModelName, model: Any) -> bool:
    """Whether the model is given vectors of texts: the recommender those of what is said in words.

    A model that is not one of ours reads none, and is refused for what it does read.
    """
    return name != "price" or bool(getattr(model, "reads_vectors", False))
