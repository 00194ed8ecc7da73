"""The tone of short texts by HTTP, from the model server, against the same model asked one text at a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import mlflow.artifacts
from mlflow import MlflowClient

from benchmarks.client import Client
from benchmarks.installation import free_port, serving, temporary_installation
from benchmarks.load import call_times, calls_per_second
from benchmarks.measure import Metric, Outcome, Tell, Way, compare, percentile
from bookshelf.catalogue import now
from bookshelf.contracts import PRECISION_TAG, SentimentReply
from bookshelf.errors import BookshelfError
from bookshelf.settings import Settings
from training.aliases import CHAMPION
from training.corpus import BUNDLED, load_corpus
from training.registry import register
from training.sentiment import SentimentParams, fit_sentiment
from training.yardsticks import load_yardsticks
from walk.programs import Program, programs

ROUNDS = 7
CALLS = 96
CLIENTS = 16
TORCH, ONNX, OURS = "uvicorn, torch", "uvicorn, ONNX int8", "BentoML"
P50 = Metric("one client, p50", "ms", higher_is_better=False)
P95 = Metric("one client, p95", "ms", higher_is_better=False)
THROUGHPUT = Metric(f"{CLIENTS} clients", "texts/s", higher_is_better=True)
# Parts of the corpus that are learnt in seconds: how well is not what is measured.
_PARTS = ("jackets", "readers", "plain")
# What vectors of int8 may move a score, from -1 to 1, by.
_MOST_MOVED = 0.25

Ask = Callable[[bytes], bytes]


def run(rounds: int, tell: Tell) -> Outcome:
    questions = [json.dumps({"description": text}).encode() for text in load_yardsticks()["text"][:CALLS]]
    with temporary_installation() as settings:
        folder, precision = _trained_champion(settings)
        bento = next(program for program in programs(settings) if program.name == "bento")
        bare = {TORCH: _bare("torch", folder), ONNX: _bare("onnx", folder, str(settings.encoders))}
        with serving(settings, [bento, *bare.values()]):
            urls = {label: str(program.ready_url).removesuffix("/readyz") for label, program in bare.items()}
            urls[OURS] = settings.bento_url
            ways = {label: partial(Client(url, CLIENTS).post, "/sentiment") for label, url in urls.items()}
            _check_same_answers(ways, questions)
            plain, onnx, ours = (
                Way(label, partial(_measured, ask, questions)) for label, ask in ways.items()
            )
            comparisons = compare(plain, [onnx, ours], rounds, tell)
    setting = f"{CALLS} short texts, vectors of {precision} for BentoML, rounds: {rounds}"
    return Outcome("texts", setting, comparisons)


def _trained_champion(settings: Settings) -> tuple[str, str]:
    """Folder of a sentiment model, trained and registered as ever and named champion; its precision."""
    corpus = load_corpus(BUNDLED)
    settings.home.mkdir(parents=True)
    file = settings.home / "corpus.csv"
    corpus[corpus["part"].isin(_PARTS)].to_csv(file, index=False)
    fitted = fit_sentiment(settings, SentimentParams(corpus=str(file)), now())
    version = register(fitted, settings).version
    # By hand: what it says is not measured here, and its gate would.
    MlflowClient(settings.tracking_uri).set_registered_model_alias("sentiment", CHAMPION, version)
    folder = settings.home / "yardstick"
    path = mlflow.artifacts.download_artifacts(f"models:/sentiment/{version}", dst_path=str(folder))
    return str(path), fitted.tags[PRECISION_TAG]


def _bare(name: str, *arguments: str) -> Program:
    folder, *rest = arguments
    port = str(free_port())
    command = (sys.executable, "-m", "benchmarks.bare_tone", folder, port, *rest)
    return Program(name, command, f"http://127.0.0.1:{port}/readyz")


def _measured(ask: Ask, questions: Sequence[bytes]) -> Mapping[Metric, float]:
    times = call_times(ask, questions)
    return {
        P50: percentile(times, 0.5),
        P95: percentile(times, 0.95),
        THROUGHPUT: calls_per_second(ask, questions, CLIENTS),
    }


def _check_same_answers(ways: Mapping[str, Ask], questions: Sequence[bytes]) -> None:
    """No way's score is far from another's; which also warms all of them up."""
    for question in questions:
        score = json.loads(ways[TORCH](question))["score"]
        answer = SentimentReply.model_validate_json(ways[OURS](question))
        if abs(answer.score - score) > _MOST_MOVED:
            raise BookshelfError(f"{OURS} answers {answer.score} where {TORCH} answers {score}")
        ways[ONNX](question)
