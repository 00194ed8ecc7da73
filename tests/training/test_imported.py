"""From a file of books to models whose data can be read anew, and whose features are the same everywhere.

By the commands, on a real feature store and a real MLflow, with imports and corrections in between.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from bookshelf.settings import Settings
from features import schema
from ingestion.__main__ import main as ingestion
from ingestion.sample_shop.catalogue import sample_books
from tests.training.tampering import ANOTHER_PRICE, change_first, online_prices, restored
from training.__main__ import main as training
from training.dataset import TrainingSet, content_hash, load_training_set
from training.recommender import RecommenderParams, fit_recommender
from training.runs import tracking_client

pytestmark = pytest.mark.slow

BOOKS = 40
COLUMNS = ("key", "title", "author", "genre", "year", "category", "rating", "reviews", "price", "description")


def rows() -> list[dict[str, Any]]:
    """Books of a list that knows authors, genres, years and reviews; the fourth is silent on most."""
    found = []
    for number, book in enumerate(sample_books()[:BOOKS]):
        known = {
            "author": f"Author {number % 7}",
            "genre": f"Genre {number % 5}",
            "year": 1960 + number,
            "category": book.category,
            "rating": book.rating,
            "reviews": number**2,
            "description": book.description,
        }
        said = dict.fromkeys(known, "") if number == 3 else known
        found.append({"key": f"k{number}", "title": book.title, "price": f"{5 + number * 0.75:.2f}", **said})
    return found


def corrected(listed: list[dict[str, Any]], day: int) -> list[dict[str, Any]]:
    """What the list says a day later: a price, a text and a year are others, one book left and one came."""
    later = [dict(row) for row in listed[:-1]]
    later[0]["price"] = f"{90 + day}.00"
    later[5]["description"] += f" Now with a foreword of the day {day}, written by a friend of the author."
    later[6]["year"] = 1900 + day
    return [*later, {**later[7], "key": f"new {day}", "title": f"Come on day {day}"}]


@dataclass
class Home:
    """A home with an imported catalogue, and the run of each model trained on its first day."""

    settings: Settings
    folder: Path
    listed: list[dict[str, Any]] = field(default_factory=rows)
    runs: dict[str, str] = field(default_factory=dict)

    @property
    def corpus(self) -> Path:
        return self.folder / "corpus.csv"

    @property
    def client(self) -> MlflowClient:
        return tracking_client(self.settings)

    def import_and_publish(self) -> None:
        file = self.folder / "books.csv"
        with file.open("w", encoding="utf-8", newline="") as written:
            writer = csv.DictWriter(written, COLUMNS)
            writer.writeheader()
            writer.writerows(self.listed)
        assert ingestion(["import", str(file), "--source", "list", "--key", "key", "--currency", "EUR"]) == 0
        assert ingestion(["publish"]) == 0

    def train(self, name: str, *how: str) -> str:
        """The id of the run."""
        assert training([name, *how]) == 0
        versions = self.client.search_model_versions(f"name='{name}'")
        return str(max(versions, key=lambda one: int(one.version)).run_id)


def write_corpus(file: Path) -> None:
    tones = {"negative": "dull and sad", "neutral": "set in a town", "positive": "bright and warm"}
    told = [
        (f"Story {n} is {tone}, page after page.", label) for label, tone in tones.items() for n in range(24)
    ]
    pd.DataFrame(told, columns=["text", "label"]).to_csv(file, index=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("imported")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SOURCE", "BOOKSHELF_SOURCE", "BOOKSHELF_DATABASE_URL", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        patch.setenv("BOOKSHELF_HOME", str(folder / "var"))
        patch.setenv("BOOKSHELF_MLRUNS", str(folder / "mlruns"))
        patch.setenv("BOOKSHELF_EXPORT_CSV", str(folder / "books-export.csv"))
        # The weights of the encoder, of which nothing is told here, take longer to log than all the rest.
        patch.setattr("training.registry.ensure_encoder", lambda _settings: "1")
        made = Home(Settings(), folder)
        made.import_and_publish()
        write_corpus(made.corpus)
        made.runs["price"] = made.train("price", "--source", "list", "--folds", "2")
        made.runs["recommender"] = made.train("recommender", "--held-out-books", "20")
        made.runs["sentiment"] = made.train("sentiment", "--corpus", str(made.corpus))
        for day in (1, 2):
            made.listed = corrected(made.listed, day)
            made.import_and_publish()
        yield made


def test_features_are_the_same_everywhere_after_every_day(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert training(["parity", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["books"], told["values"], told["holds"]) == (BOOKS, BOOKS * 18, True)
    assert told["compared"] == ["offline", "online", "served"]
    then = home.client.get_run(home.runs["price"]).data.tags["as_of"]
    assert training(["parity", "--as-of", then]) == 0


@pytest.mark.parametrize("name", ["price", "recommender", "sentiment"])
def test_every_run_tells_its_data_and_they_are_read_anew_with_the_same_hash(
    home: Home, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    run = home.client.get_run(home.runs[name]).data
    told = {one: run.tags[one] for one in ("dataset_sha256", "as_of", "snapshot_id")}
    assert training(["dataset", "--run", home.runs[name], "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["equal"], found["difference"], found["sha256"]) == (True, None, told["dataset_sha256"])
    assert (
        (found["as_of"], found["snapshot_id"]) == (told["as_of"], told["snapshot_id"]) == (told["as_of"], "1")
    )
    assert found["feature_service"] == run.tags.get("feature_service")
    assert found["rows"] == (72 if name == "sentiment" else BOOKS)
    assert run.params["source"] == found["source"] == ("list" if name == "price" else "")


def test_the_rows_can_be_kept_and_are_the_ones_that_were_hashed(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new" / "set.parquet"
    assert training(["dataset", "--run", home.runs["price"], "--out", str(file)]) == 0
    assert "equal to the one that run" in capsys.readouterr().out
    table = pd.read_parquet(file)
    names = [feature for view in schema.SERVICES[schema.PRICE_SERVICE].values() for feature in view]
    sha256 = home.client.get_run(home.runs["price"]).data.tags["dataset_sha256"]
    assert content_hash(table[names], table["book_id"].tolist()) == sha256
    assert table["year"].dropna().tolist() == [1960 + number for number in range(BOOKS) if number != 3]


def test_a_past_row_changed_by_hand_is_named(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    first = min((home.settings.offline_store / schema.PRICE_VIEW).glob("*.parquet"))
    with restored(first):
        book_id = change_first(first, "price", 77.5)
        assert training(["dataset", "--run", home.runs["price"]]) == 3
        expected = f"price of book {book_id} is 77.5, and was 5.0; 1 values differ in 1 rows"
        assert expected in capsys.readouterr().out
    first = min((home.settings.offline_store / schema.EMBEDDING_VIEW).glob("*.parquet"))
    with restored(first):
        change_first(first, "embedding", [1.0, *[0.0] * 383])
        assert training(["dataset", "--run", home.runs["recommender"]]) == 3
        told = capsys.readouterr().out
        assert re.search(r"embedding (of book \d+ is|the run has no value to compare with)", told), told


def test_a_corpus_that_is_another_is_named(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with restored(home.corpus):
        home.corpus.write_text(home.corpus.read_text().replace("Story 2 is dull", "Story 2 is very dull"))
        assert training(["dataset", "--run", home.runs["sentiment"]]) == 3
    assert "text of row 2 is 'Story 2 is very dull and sad, page after page.'" in capsys.readouterr().out


def test_a_run_that_tells_of_no_data_is_an_error(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert training(["dataset", "--run", "nonesuch"]) == 1
    assert capsys.readouterr().err == "error: there is no run 'nonesuch'\n"
    empty = home.client.create_run("0").info.run_id
    assert training(["dataset", "--run", empty]) == 1
    assert "it has no dataset_sha256" in capsys.readouterr().err


def test_nothing_is_promoted_while_one_online_value_is_another(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with online_prices(home.settings, ANOTHER_PRICE):
        assert training(["promote", "--name", "price"]) == 3
    told = capsys.readouterr().out
    assert "price version 1: refused: features are skewed: price of book " in told
    assert all(place in told for place in ("offline", "online", "served"))
    assert training(["promote", "--name", "price"]) == 0


def test_a_second_training_on_the_same_texts_encodes_nothing(home: Home) -> None:
    then = home.client.get_run(home.runs["recommender"]).data
    params = RecommenderParams(held_out_books=20)
    again = fit_recommender(home.settings, params, datetime.fromisoformat(then.tags["as_of"])).metrics
    assert then.metrics["texts_encoded"] > 20
    assert (again["texts_encoded"], again["texts_reused"]) == (0, then.metrics["texts_encoded"])
    assert again["mrr"] == then.metrics["mrr"]


def test_a_model_of_shuffled_prices_takes_nobodys_place(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def shuffled(*arguments: Any) -> TrainingSet:
        data = load_training_set(*arguments)
        prices = np.random.default_rng(0).permutation(data.frame[schema.LABEL])
        return replace(data, frame=data.frame.assign(price=prices))

    with monkeypatch.context() as patch:
        patch.setattr("training.dataset.load_training_set", shuffled)
        home.train("price", "--source", "list", "--folds", "2")
    assert training(["promote", "--name", "price"]) == 3
    told = capsys.readouterr().out
    assert "refused: it did not learn from what the feature store gives: price of book" in told
