"""The client against the live API: every answer a model, every refusal an exception that names its fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from bookshelf_client import (
    BrokenAnswer,
    Client,
    Conflict,
    InvalidRequest,
    NoAnswer,
    NotAuthenticated,
    NotFound,
    Unavailable,
    every,
)
from bookshelf_client.models import RecommendationFilters
from bookshelf_client.transport import Call
from tests.client.conftest import BOOKS, Stack
from tests.conftest import wait_until

pytestmark = pytest.mark.slow


def books_answer(client: Client) -> bool:
    """In the end, where on a busy machine it may at first take the catalogue longer than health waits."""
    wait_until(lambda: client.state().dependencies["catalogue"].status == "ok")
    return True


SHELF = RecommendationFilters(category="Poetry", max_price=30)
QUESTIONS: dict[str, Callable[[Client], Any]] = {
    "state": books_answer,
    "list_books": lambda client: client.list_books(page=2, page_size=10).items[0].id == 11,
    "one_book": lambda client: client.one_book(1).title == "A Light in the Attic",
    "book_history": lambda client: client.book_history(1).items[0].valid_to is None,
    "search_books": lambda client: client.search_books(q="attic").items[0].score is None,
    "top_rated_books": lambda client: client.top_rated_books(limit=3).items[0].rating == 5,
    "books_in_price_range": lambda client: client.books_in_price_range(min=10, max=12.5).total == 3,
    "categories": lambda client: client.categories().items[0].books == 15,
    "overview": lambda client: client.overview().total_books == BOOKS,
    "category_statistics": lambda client: len(client.category_statistics().items) == 2,
    "list_snapshots": lambda client: client.list_snapshots().items[0].started_at < datetime.now(UTC),
    "one_snapshot": lambda client: client.one_snapshot(1).id == 1,
    "snapshot_changes": lambda client: client.snapshot_changes(1, kind="added").total == BOOKS,
    "list_models": lambda client: client.list_models().items[0].version == "3",
    "history": lambda client: client.history("price").items == [],
    "list_orders": lambda client: client.list_orders().total == 0,
    "list_drift": lambda client: client.list_drift(model="price").total == 0,
    "features": lambda client: client.features().items[0]["stock"] is None,
    "training_data": lambda client: client.training_data(model="price").total == 1,
    "predict_price": lambda client: (
        client.predict_price(rating=4, category="A", availability="In stock").price == 35.07
    ),
    "recommendations": lambda client: len(client.recommendations(1, limit=3).items) == 3,
    "similar": lambda client: client.similar(like=[1], filters=SHELF, limit=2).items[1].id == 3,
    "sentiment": lambda client: client.sentiment(description="Lovely.").sentiment == "positive",
    "predictions": lambda client: (
        client.predictions(model="price", inputs=[{}, {}]).items[1].error is not None
    ),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_operation_answers_as_its_model(client: Client, name: str) -> None:
    assert QUESTIONS[name](client)


def test_every_page_is_read(client: Client) -> None:
    assert [book.id for book in every(client.list_books, page_size=20)] == list(range(1, BOOKS + 1))
    assert list(every(client.search_books, q="nothing is called so")) == []


def test_a_moment_is_sent_as_it_is(client: Client) -> None:
    assert client.overview(as_of=datetime.now(UTC) - timedelta(days=1)).total_books == 0
    with pytest.raises(InvalidRequest, match="as_of"):
        client.overview(as_of=datetime.now(UTC) + timedelta(days=1))


def test_a_refusal_names_the_fields(client: Client) -> None:
    with pytest.raises(InvalidRequest) as refused:
        client.predict_price(rating=6, category="Poetry")
    assert {one.field for one in refused.value.problem.errors} == {"rating", "availability"}
    with pytest.raises(NotFound, match="404"):
        client.one_book(9_999)


def test_what_is_no_number_is_refused_and_not_taken_for_not_known(client: Client) -> None:
    book = {"rating": 4, "category": "A", "availability": "In stock"}
    with pytest.raises(InvalidRequest, match="not JSON"):
        client.predictions(model="price", inputs=[book | {"stock": float("nan")}])


def test_what_needs_a_login_is_refused_without(client: Client) -> None:
    with pytest.raises(NotAuthenticated, match="a login is needed"):
        client.list_webhooks()
    with pytest.raises(NotAuthenticated, match="wrong username or password"):
        client.login(username="admin", password="guessed")


def test_runs_are_started_and_cancelled(admin: Client) -> None:
    run = admin.trigger(idempotency_key="once")
    assert admin.trigger(idempotency_key="once").run_id == run.run_id
    with pytest.raises(Conflict) as conflict:
        admin.trigger(idempotency_key="again")
    assert conflict.value.problem.model_extra == {"run_id": run.run_id}
    admin.cancel_run(run.run_id)
    assert next(every(admin.list_runs)).status == "cancelled"
    assert admin.one_run(run.run_id).requested_at < datetime.now(UTC)


def test_webhooks_are_kept_and_forgotten(admin: Client) -> None:
    hook = admin.register_webhook(url="http://receiver.test/", events=["run.failed"])
    assert admin.one_webhook(hook.id).url == "http://receiver.test/"
    admin.remove_webhook(hook.id)
    assert admin.list_webhooks().items == []


def test_a_token_that_ran_out_is_refreshed(admin: Client) -> None:
    admin._tokens["access"] = "ran out"
    assert admin.list_webhooks().items == []
    assert admin._tokens["access"] != "ran out"
    admin._tokens = {"access": "ran out", "refresh": "ran out too"}
    with pytest.raises(NotAuthenticated):
        admin.list_webhooks()


def test_an_absence_is_waited_for_as_long_as_the_api_says(stack: Stack) -> None:
    waits = []

    def return_(seconds: float) -> None:
        waits.append(seconds)
        stack.models.mood = "well"

    stack.models.mood = "no champion"
    with Client(stack.url, sleep=return_) as client:
        assert client.sentiment(description="Lovely.").score == 0.8
    assert waits == [5.0]


def test_who_would_be_asked_again_at_once_is_given_a_moment() -> None:
    class Busy(Client):
        def _send(self, call: Call, whole: bool) -> urllib3.BaseHTTPResponse:  # noqa: ARG002  (as it is called)
            return urllib3.HTTPResponse(b"", {"Retry-After": "0"}, status=503)

    class Slept(Exception):
        """For so many seconds."""

    def sleep(seconds: float) -> None:
        raise Slept(seconds)

    with Busy("http://api.test", sleep=sleep) as client, pytest.raises(Slept, match=r"1\.0"):
        client.one_book(1)


def test_an_absence_that_lasts_is_told(client: Client, stack: Stack) -> None:
    stack.models.mood = "no champion"
    with pytest.raises(Unavailable, match="no version of 'price' is on duty"):
        client.predict_price(book_id=1)
    assert client.state().status == "degraded"


def test_a_table_comes_as_a_file(client: Client, tmp_path: Path) -> None:
    file = client.features_file(tmp_path / "features.ndjson", format="ndjson")
    assert [json.loads(line)["book_id"] for line in file.read_text().splitlines()] == [1, 2, 3]
    changes = client.snapshot_changes_file(1, tmp_path / "changes.csv", format="csv")
    assert "A Light in the Attic" in changes.read_text()


def test_a_file_that_breaks_off_leaves_nothing(client: Client, stack: Stack, tmp_path: Path) -> None:
    stack.models.mood = "breaks off"
    with pytest.raises(NoAnswer, match="broke off"):
        client.features_file(tmp_path / "features.ndjson", format="ndjson")
    with pytest.raises(NotFound):
        client.features_file(tmp_path / "features.ndjson", format="ndjson", source="unheard of")
    assert list(tmp_path.iterdir()) == []


def test_nobody_there_and_somebody_else_there_are_told_apart(stack: Stack, nobodys_port: int) -> None:
    with Client(f"http://127.0.0.1:{nobodys_port}") as nobody, pytest.raises(NoAnswer):
        nobody.list_books()
    with Client(f"http://127.0.0.1:{stack.models.port}") as other, pytest.raises(BrokenAnswer):
        other.list_books()
    with (
        Client(f"{stack.url}/shop") as elsewhere,
        pytest.raises(BrokenAnswer, match=rf"GET {stack.url}/shop/api/v1/books is no address there"),
    ):
        elsewhere.list_books()


def test_the_api_is_also_found_by_the_address_that_its_paths_begin_with(stack: Stack) -> None:
    with Client(f"{stack.url}/api/v1/") as client:
        assert client.one_book(1).id == 1


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "localhost", "", "ftp://127.0.0.1"])
def test_an_address_without_http_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="must begin with http:// or https://"):
        Client(url)


def test_what_was_not_answered_is_named_as_it_was_asked(nobodys_port: int) -> None:
    with (
        Client(f"http://127.0.0.1:{nobodys_port}") as nobody,
        pytest.raises(NoAnswer, match="/api/v1/books/7 was not answered"),
    ):
        nobody.one_book(7)
