"""The BentoML service: the champions over HTTP, one endpoint a question, bodies as the contracts say.

    bentoml serve serving.service:Bookshelf --port 3000

from the repository's root. Importing this declares the service and does nothing else. Models are loaded
in the background once the server listens: until then `/readyz` and the models' endpoints answer 503. Every
worker follows the registry from then on: a version that is named champion answers within seconds.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, timedelta
from functools import cached_property, partial
from threading import Event, Thread
from typing import Any, TypeVar

import bentoml
from starlette.exceptions import HTTPException

from bookshelf.catalogue import Catalogue
from bookshelf.contracts import (
    Contract,
    ModelName,
    ModelsReply,
    PredictionsReply,
    PredictionsRequest,
    PriceReply,
    PriceRequest,
    RecommendationReply,
    RecommendationRequest,
    SentimentReply,
    SentimentRequest,
    SimilarReply,
    SimilarRequest,
)
from bookshelf.errors import ModelUnavailable
from bookshelf.feature_store import open_feature_store
from bookshelf.lifeline import end_with_parent
from bookshelf.prediction_contracts import (
    FeedbackReply,
    FeedbackRequest,
    LoggedPrediction,
    PredictionLookup,
    ReplayReply,
)
from bookshelf.prediction_files import PredictionFiles
from bookshelf.settings import QUIET_ENVIRONMENT, load_settings
from bookshelf.table_contracts import (
    FileRequest,
    TableReply,
    TableRequest,
    TrainingDataRequest,
    TrainingFileRequest,
)
from features.schema import FRESHNESS, PRICE_SERVICE
from serving.answers import Answers, PriceAnswers, SentimentAnswers
from serving.asking import Asking
from serving.challengers import TrialFollower
from serving.champions import Champion, Registry
from serving.checks import check_inputs, feature_service, rehearse
from serving.encoding import Encoding
from serving.files import file_response
from serving.follow import Follower, follow
from serving.freshness import Freshness, LastRead
from serving.http import ProblemService, endpoint
from serving.loader import Loader
from serving.log_lines import log_to_stderr
from serving.made import judged, made, shown
from serving.metrics import forget_the_dead, standing_of
from serving.newest import NewestSnapshot
from serving.offer import OnOffer
from serving.online import OnlineFeatures
from serving.opening import open_catalogue
from serving.past import PastFeatures
from serving.prediction_log import PredictionLog
from serving.recommendations import RecommendationAnswers
from serving.replay import Replays
from serving.shelf import Shelf, settled_heap
from serving.tables import features_table, past_training_table, training_table
from serving.whole_tables import all_features, all_past_training_rows, all_training_rows

# A response of Starlette's; BentoML, which hands it through, has no schema for its type.
ReadyResponse = Any
OneReply = TypeVar("OneReply", PriceReply, RecommendationReply, SimilarReply, SentimentReply)

# Prometheus's own buckets begin at 5 ms, which is longer than most answers take.
_SECONDS = [0.0005 * 2**power for power in range(17)]

# While one thread loads a version, another waits so long for its turn to answer: Python's own 5 ms make
# the slowest answers of a swap half as slow again.
_SWITCH_SECONDS = 0.0005

_ENVIRONMENT = {
    **QUIET_ENVIRONMENT,
    # A log has no use for progress bars.
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    # A registry that is away is asked again in a second; MLflow would wait for it for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


class Nothing(Contract):
    """A question that needs no words."""


@bentoml.service(
    service_class=ProblemService,
    envs=[{"name": name, "value": value} for name, value in _ENVIRONMENT.items()],
    traffic={"timeout": 60},
    metrics={"enabled": True, "duration": {"buckets": _SECONDS}},
    logging={"access": {"enabled": False}},
    monitoring={"enabled": False},
)
class Bookshelf:
    """Prices, recommendations and the tone of descriptions, each answer naming its model and version."""

    def __init__(self) -> None:
        log_to_stderr()
        self.settings = load_settings()
        self.loader = Loader(self.settings)
        self.registry = Registry(self.settings, self.loader)
        self.online = OnlineFeatures(partial(open_feature_store, self.settings, mlflow=False))
        self.past = PastFeatures(partial(open_feature_store, self.settings, mlflow=False))
        self.offer = OnOffer(lambda: self.catalogue)
        self.encoding = Encoding()
        self.last_read = LastRead(lambda: self.catalogue)
        self.newest = NewestSnapshot(lambda: self.catalogue)
        retention = timedelta(days=self.settings.prediction_retention)
        self.log = PredictionLog(PredictionFiles(self.settings.home), retention)
        self.shelf = Shelf()
        self.follower = Follower(self.registry, self.shelf, self.prepare)
        self.trial_follower = TrialFollower(self.registry, self.shelf, self.prepare)
        self.asking = Asking(self.shelf, self.log, self.newest)
        self.replays = Replays(self.registry, self.shelf, self._answers_of)
        self.ended = Event()

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    def begin(self) -> None:
        if bentoml.server_context.worker_index is not None:  # None where no server started this process
            end_with_parent()
            sys.setswitchinterval(_SWITCH_SECONDS)
            forget_the_dead()
        self.log.begin()
        Thread(target=self.newest.follow, args=(self.ended,), name="newest-snapshot", daemon=True).start()
        Thread(target=self.load, name="loading", daemon=True).start()

    def load(self) -> None:
        """Put the champions on duty, each as soon as it is loaded, and follow the registry from then on."""
        with settled_heap():
            self.follower.look()
            self.online.warm_up()
        self.shelf.open()
        looks = self.follower.look, self.trial_follower.look, self.loader.rest
        follow(self.ended, *looks, self.shelf.leftovers.collect)

    def prepare(self, champion: Champion) -> Answers:
        """The champion, checked and ready to answer. Raises `ModelUnavailable` with a reason."""
        answers = self._answers_of(champion)
        check_inputs(champion, answers.contract, self.online.known_features())
        rehearse(answers)
        return answers

    def _answers_of(self, champion: Champion) -> Answers:
        if champion.name == "price":
            return PriceAnswers(champion, self.online, self._freshness(PRICE_SERVICE), self.encoding)
        if champion.name == "recommender":
            return RecommendationAnswers(champion, self.offer, self.encoding)
        return SentimentAnswers(champion, self.encoding)

    def _freshness(self, service: str) -> Freshness:
        return Freshness(self.last_read, service, self.settings.freshness_limit or FRESHNESS[service])

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def end(self) -> None:
        self.ended.set()
        self.loader.end()
        self.log.end()

    @cached_property
    def catalogue(self) -> Catalogue:
        return open_catalogue(self.settings.catalogue_url)

    @endpoint
    async def price(self, request: PriceRequest, /) -> PriceReply:
        """The price of a book, by its id or by what it is like."""
        return await self._one("price", request, PriceReply)

    @endpoint
    async def recommendations(self, request: RecommendationRequest, /) -> RecommendationReply:
        """The books most like one book."""
        return await self._one("recommender", request, RecommendationReply)

    @endpoint
    async def similar(self, request: SimilarRequest, /) -> SimilarReply:
        """The books near what is liked and far from what is disliked."""
        return await self._one("recommender", request, SimilarReply)

    @endpoint
    async def sentiment(self, request: SentimentRequest, /) -> SentimentReply:
        """The tone of a description."""
        return await self._one("sentiment", request, SentimentReply)

    @endpoint
    async def predictions(self, request: PredictionsRequest, /) -> PredictionsReply:
        """One prediction or one error for each of many inputs."""
        return await self.asking.many(request)

    @endpoint
    async def features(self, request: TableRequest, /) -> TableReply:
        """The features of the books on offer, as the models would be given them now, or were at a time."""
        return await features_table(lambda: self.catalogue, self.online, self.past, request)

    @endpoint
    async def training_data(self, request: TrainingDataRequest, /) -> TableReply:
        """What the model on duty was trained on, or would have been at a time."""
        champion = self.shelf.answers(request.model).champion
        if request.as_of is not None:
            service = feature_service(champion)
            return await past_training_table(lambda: self.catalogue, self.past, service, request)
        path = await asyncio.to_thread(self.registry.training_set, champion)
        return await asyncio.to_thread(training_table, path, request)

    @endpoint
    async def features_file(self, request: FileRequest, /) -> ReadyResponse:
        """All that `features` tells, as a file."""
        table = await all_features(lambda: self.catalogue, self.online, self.past, request)
        return await file_response(table, request.format, f"features{_moment(request)}")

    @endpoint
    async def training_data_file(self, request: TrainingFileRequest, /) -> ReadyResponse:
        """All that `training_data` tells, as a file."""
        champion = self.shelf.answers(request.model).champion
        name = f"training-data-{champion.name}-version-{champion.version}{_moment(request)}"
        if request.as_of is not None:
            service = feature_service(champion)
            table = await all_past_training_rows(lambda: self.catalogue, self.past, service, request)
        else:
            path = await asyncio.to_thread(self.registry.training_set, champion)
            table = await all_training_rows(path, request)
        return await file_response(table, request.format, name)

    @endpoint
    async def models(self, _request: Nothing, /) -> ModelsReply:
        """Which version of each model is on duty, which is wanted, and why they differ where they do."""
        return ModelsReply(items=tuple(self.shelf.served()))

    @endpoint
    async def prediction(self, request: PredictionLookup, /) -> LoggedPrediction:
        """A prediction that was made, and what was said about it since."""
        return await shown(self.log, request.prediction_id)

    @endpoint
    async def replay(self, request: PredictionLookup, /) -> ReplayReply:
        """A prediction that was made, made again by the same version of the same values."""
        return await self.replays.replay(await made(self.log, request.prediction_id))

    @endpoint
    async def feedback(self, request: FeedbackRequest, /) -> FeedbackReply:
        """Keep what is known of a prediction by now."""
        return await judged(self.log, request)

    async def _one(self, name: ModelName, request: Contract, kind: type[OneReply]) -> OneReply:
        answer = await self.asking.one(name, request)
        assert isinstance(answer, kind)
        return answer

    async def __is_ready__(self) -> bool:
        try:
            self.shelf.check_ready()
        except ModelUnavailable as error:
            raise HTTPException(503, str(error)) from error
        return True

    async def __metrics__(self, collected: str) -> str:
        return collected + standing_of(
            self.shelf.served(),
            registry_reachable=self.follower.away is None,
            records_waiting=self.log.waiting,
            log_writable=self.log.writable,
        )


def _moment(request: FileRequest) -> str:
    return f"-as-of-{request.as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}" if request.as_of else ""
