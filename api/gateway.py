"""The one way to the model server: typed questions over pooled connections, with every wait bounded."""

from __future__ import annotations

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
    TableReply,
    TableRequest,
    TrainingDataRequest,
)
from bookshelf.errors import ModelUnavailable

#: Calls at once from one process: fewer than its threads, so that a model server that hangs holds up
#: its own callers while books still answer.
MAX_CALLS = 8
_CONNECT_SECONDS = 1.0
_WAIT_FOR_A_CALL_SECONDS = 1

Reply = TypeVar("Reply", bound=Contract)


class ModelGateway:
    """Every method raises `ModelUnavailable` if no answer can be had now, and `ModelRefused` with the
    model server's own problem document if the question was wrong."""

    def __init__(self, url: str, timeout: timedelta) -> None:
        self._timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=timeout.total_seconds())
        self._pool = urllib3.connection_from_url(url, maxsize=MAX_CALLS, block=True, retries=False)
        # Apart from the calls, so that health can be asked while all of them wait.
        self._probes = urllib3.connection_from_url(url, maxsize=MAX_CALLS, retries=False)

    def price(self, request: PriceRequest) -> PriceReply:
        return self._ask("/price", request, PriceReply)

    def recommendations(self, request: RecommendationRequest) -> RecommendationReply:
        return self._ask("/recommendations", request, RecommendationReply)

    def similar(self, request: SimilarRequest) -> SimilarReply:
        return self._ask("/similar", request, SimilarReply)

    def sentiment(self, request: SentimentRequest) -> SentimentReply:
        return self._ask("/sentiment", request, SentimentReply)

    def predictions(self, request: PredictionsRequest) -> PredictionsReply:
        return self._ask("/predictions", request, PredictionsReply)

    def features(self, request: TableRequest) -> TableReply:
        return self._ask("/features", request, TableReply)

    def training_data(self, request: TrainingDataRequest) -> TableReply:
        return self._ask("/training_data", request, TableReply)

    def models(self) -> ModelsReply:
        return self._ask("/models", None, ModelsReply)

    def readiness(self, timeout: timedelta) -> int:
        """HTTP status of the model server's `/readyz`. Raises urllib3's `HTTPError`."""
        seconds = timeout.total_seconds()
        answer = self._probes.request("GET", "/readyz", timeout=urllib3.Timeout(total=seconds))
        return answer.status

    def _ask(self, path: str, request: Contract | None, reply: type[Reply]) -> Reply:
        body = b"{}" if request is None else request.model_dump_json().encode()
        try:
            answer = self._post(path, body)
        except HTTPError as error:
            raise ModelUnavailable(f"the model server {plain_reason(error)}") from error
        if 400 <= answer.status < 500 and (problem := _problem(answer.data)):
            raise ModelRefused(problem, answer.status)
        if answer.status != 200:
            raise ModelUnavailable(_reason(answer))
        try:
            return reply.model_validate_json(answer.data)
        except ValidationError as error:
            raise ModelUnavailable(f"the model server's answer to {path} breaks the contract") from error

    def _post(self, path: str, body: bytes) -> urllib3.BaseHTTPResponse:
        try:
            return self._send(path, body)
        except ProtocolError:
            # The server closed a kept connection just as we used it. Once more is safe: questions
            # change nothing.
            return self._send(path, body)

    def _send(self, path: str, body: bytes) -> urllib3.BaseHTTPResponse:
        return self._pool.urlopen(
            "POST",
            path,
            body=body,
            headers={"Content-Type": "application/json"},
            timeout=self._timeout,
            pool_timeout=_WAIT_FOR_A_CALL_SECONDS,
            retries=False,
        )


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


def _reason(answer: urllib3.BaseHTTPResponse) -> str:
    """The server's own words if it sent a problem document, its status otherwise."""
    problem = _problem(answer.data)
    return problem.detail if problem else f"the model server answered {answer.status}"
