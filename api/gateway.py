"""The one way to the model server: typed questions over pooled connections, with every wait bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import urllib3
from pydantic import ValidationError
from urllib3.exceptions import EmptyPoolError, HTTPError, NewConnectionError, ProtocolError, TimeoutError

from api.errors import ModelRefused
from bookshelf.contracts import (
    Contract,
    ModelsReply,
    PredictionsReply,
    PredictionsRequest,
    PriceReply,
    PriceRequest,
    Problem,
    RecommendationReply,
    RecommendationRequest,
    SentimentReply,
    SentimentRequest,
    SimilarReply,
    SimilarRequest,
)
from bookshelf.errors import ModelUnavailable
from bookshelf.prediction_contracts import (
    FeedbackReply,
    FeedbackRequest,
    LoggedPrediction,
    PredictionLookup,
    ReplayReply,
)
from bookshelf.table_contracts import (
    FileRequest,
    TableReply,
    TableRequest,
    TrainingDataRequest,
    TrainingFileRequest,
)
from bookshelf.trial import TRIAL_KEY_HEADER

#: Calls at once from one process: fewer than its threads, so that a model server that hangs holds up
#: its own callers while books still answer.
MAX_CALLS = 8
#: Files at once from one process.
MAX_FILES = 2
_CHUNK_BYTES = 64 * 1024
_CONNECT_SECONDS = 1.0
_WAIT_FOR_A_CALL_SECONDS = 1
_SOON_SECONDS = 1
_LONGEST_NUMBER = 6

Reply = TypeVar("Reply", bound=Contract)


@dataclass(frozen=True, slots=True)
class PassedFile:
    """A file under way: its chunks raise `ModelUnavailable` if it breaks off. To be closed in any case."""

    chunks: Iterator[bytes]
    media_type: str
    disposition: str | None
    close: Callable[[], None]


class ModelGateway:
    """Every method raises `ModelUnavailable` if no answer can be had now, and `ModelRefused` with the
    model server's own problem document if the question was wrong.

    `caller` is the key by which one caller is always answered by the same of two versions on trial.
    """

    def __init__(self, url: str, timeout: timedelta) -> None:
        self._timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=timeout.total_seconds())
        self._pool = urllib3.connection_from_url(url, maxsize=MAX_CALLS, block=True, retries=False)
        # Apart from the calls, which are over soon: a client may take its time over a file.
        self._files = urllib3.connection_from_url(url, maxsize=MAX_FILES, block=True, retries=False)
        # Apart from the calls, so that health can be asked while all of them wait.
        self._probes = urllib3.connection_from_url(url, maxsize=MAX_CALLS, retries=False)

    def price(self, request: PriceRequest, caller: str | None = None) -> PriceReply:
        return self._ask("/price", request, PriceReply, caller)

    def recommendations(
        self, request: RecommendationRequest, caller: str | None = None
    ) -> RecommendationReply:
        return self._ask("/recommendations", request, RecommendationReply, caller)

    def similar(self, request: SimilarRequest, caller: str | None = None) -> SimilarReply:
        return self._ask("/similar", request, SimilarReply, caller)

    def sentiment(self, request: SentimentRequest, caller: str | None = None) -> SentimentReply:
        return self._ask("/sentiment", request, SentimentReply, caller)

    def predictions(self, request: PredictionsRequest, caller: str | None = None) -> PredictionsReply:
        return self._ask("/predictions", request, PredictionsReply, caller)

    def prediction(self, request: PredictionLookup) -> LoggedPrediction:
        return self._ask("/prediction", request, LoggedPrediction)

    def replay(self, request: PredictionLookup) -> ReplayReply:
        return self._ask("/replay", request, ReplayReply)

    def feedback(self, request: FeedbackRequest) -> FeedbackReply:
        return self._ask("/feedback", request, FeedbackReply)

    def features(self, request: TableRequest) -> TableReply:
        return self._ask("/features", request, TableReply)

    def training_data(self, request: TrainingDataRequest) -> TableReply:
        return self._ask("/training_data", request, TableReply)

    def features_file(self, request: FileRequest) -> PassedFile:
        return self._pass_on("/features_file", request)

    def training_data_file(self, request: TrainingFileRequest) -> PassedFile:
        return self._pass_on("/training_data_file", request)

    def models(self) -> ModelsReply:
        return self._ask("/models", None, ModelsReply)

    def readiness(self, timeout: timedelta) -> int:
        """HTTP status of the model server's `/readyz`. Raises urllib3's `HTTPError`."""
        seconds = timeout.total_seconds()
        answer = self._probes.request("GET", "/readyz", timeout=urllib3.Timeout(total=seconds))
        return answer.status

    def _ask(
        self, path: str, request: Contract | None, reply: type[Reply], caller: str | None = None
    ) -> Reply:
        body = b"{}" if request is None else request.model_dump_json().encode()
        answer = self._post(self._pool, path, body, caller=caller)
        try:
            return reply.model_validate_json(answer.data)
        except ValidationError as error:
            raise ModelUnavailable(f"the model server's answer to {path} breaks the contract") from error

    def _pass_on(self, path: str, request: Contract) -> PassedFile:
        answer = self._post(self._files, path, request.model_dump_json().encode(), whole=False)
        headers = answer.headers

        def close() -> None:
            # What was not read to its end is of no use to the next caller; the place in the pool is.
            answer.close()
            answer.release_conn()

        return PassedFile(
            chunks=_chunks(answer),
            media_type=headers.get("Content-Type", "application/octet-stream"),
            disposition=headers.get("Content-Disposition"),
            close=close,
        )

    def _post(
        self,
        pool: urllib3.HTTPConnectionPool,
        path: str,
        body: bytes,
        *,
        whole: bool = True,
        caller: str | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """A good answer, read at once if it is wanted whole."""
        headers = {"Content-Type": "application/json"} | ({TRIAL_KEY_HEADER: caller} if caller else {})
        try:
            try:
                answer = self._send(pool, path, body, headers, whole)
            except ProtocolError:
                # The server closed a kept connection just as we used it. Once more is safe: questions
                # change nothing, and feedback that comes twice under one id counts once.
                answer = self._send(pool, path, body, headers, whole)
            if answer.status != 200:
                raise _refusal(answer)
        except EmptyPoolError as error:  # over as soon as one of the calls is
            raise ModelUnavailable(f"the model server {plain_reason(error)}", _SOON_SECONDS) from error
        except HTTPError as error:
            raise ModelUnavailable(f"the model server {plain_reason(error)}") from error
        return answer

    def _send(
        self,
        pool: urllib3.HTTPConnectionPool,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        whole: bool,
    ) -> urllib3.BaseHTTPResponse:
        return pool.urlopen(
            "POST",
            path,
            body=body,
            headers=headers,
            timeout=self._timeout,
            pool_timeout=_WAIT_FOR_A_CALL_SECONDS,
            retries=False,
            preload_content=whole,
        )


def _chunks(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    try:
        yield from answer.stream(_CHUNK_BYTES)
    except HTTPError as error:
        raise ModelUnavailable(f"the model server {plain_reason(error)}") from error


def plain_reason(error: HTTPError) -> str:
    """What became of a call, in words that follow "the model server"."""
    match error:
        case EmptyPoolError():
            return "has more questions waiting than it can answer"
        case NewConnectionError():  # a kind of TimeoutError, to urllib3
            return "is not there"
        case TimeoutError():
            return "did not answer in time"
    return "broke off in the middle of its answer"


def _problem(body: bytes) -> Problem | None:
    try:
        return Problem.model_validate_json(body)
    except ValidationError:
        return None


def _refusal(answer: urllib3.BaseHTTPResponse) -> ModelRefused | ModelUnavailable:
    """What an answer other than 200 means; with the server's own words if it sent a problem document."""
    problem = _problem(answer.data)
    if problem and 400 <= answer.status < 500:
        return ModelRefused(problem, answer.status)
    told = problem.detail if problem else f"the model server answered {answer.status}"
    return ModelUnavailable(told, _seconds(answer.headers.get("Retry-After", "")))


def _seconds(retry_after: str) -> int | None:
    """A header's seconds; None for a moment, or for nothing that can be read."""
    return int(retry_after) if retry_after.isdecimal() and len(retry_after) < _LONGEST_NUMBER else None
