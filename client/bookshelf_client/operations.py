"""The API's operations as methods. Written by `python client/generate.py`; not to be edited."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from bookshelf_client.models import (
    AccessReply,
    BookPage,
    BookReply,
    CategoriesReply,
    CategoryStatisticsList,
    ChangePage,
    DeliveryPage,
    DeliveryReply,
    DriftPage,
    FeedbackReply,
    HealthReply,
    HistoryPage,
    HistoryReply,
    LoggedPrediction,
    LoginReply,
    LogPage,
    NewWebhookReply,
    OrderPage,
    OrderReply,
    OverviewReply,
    PredictionsReply,
    PriceReply,
    QueuedRunReply,
    RecommendationFilters,
    RecommendationReply,
    RegisteredModelsReply,
    ReplayReply,
    RunPage,
    RunReply,
    SearchPage,
    SentimentReply,
    SimilarReply,
    SnapshotPage,
    SnapshotReply,
    SnapshotReportReply,
    TableReply,
    WebhookReply,
    WebhooksReply,
)
from bookshelf_client.transport import Call, Transport


class Operations(Transport):
    """The API's operations by their names in its OpenAPI document.

    What is left out is left to the API; its defaults are in its document. Raises what `errors` lists.
    """

    def login(self, *, password: str, username: str) -> LoginReply:
        """Exchange name and password for tokens.

        The access token goes into the `Authorization: Bearer` header of what needs a login.
        """
        return self._ask(
            Call("POST", "/api/v1/auth/login", body={"password": password, "username": username}), LoginReply
        )

    def refresh(self) -> AccessReply:
        """Exchange a refresh token for a new access token.

        The refresh token goes into the `Authorization: Bearer` header.
        """
        return self._ask(Call("POST", "/api/v1/auth/refresh", token="refresh"), AccessReply)

    def list_books(
        self,
        *,
        as_of: datetime | None = None,
        source: str | None = None,
        page: int | None = None,
        page_size: int | None = None,
    ) -> BookPage:
        """All books, by id.

        `as_of`: What the catalogue said at that moment (RFC 3339, with its zone) in place of now.
        Before the first crawl it said nothing; the future is refused.
        `source`: Only what comes from that source, by its whole name as books give it.
        `page`: Which page, from 1.
        `page_size`: Items on a page.
        """
        return self._ask(
            Call(
                "GET",
                "/api/v1/books",
                query={"as_of": as_of, "source": source, "page": page, "page_size": page_size},
            ),
            BookPage,
        )

    def books_in_price_range(
        self,
        *,
        as_of: datetime | None = None,
        source: str | None = None,
        page: int | None = None,
        page_size: int | None = None,
        min: float | None = None,
        max: float | None = None,
    ) -> BookPage:
        """Books whose price lies from min to max, the cheapest first.

        Both ends are included, and either may be left out. Prices are compared as they are, each in its
        book's own currency: where sources sell in several, ask with `source`.

        `as_of`: What the catalogue said at that moment (RFC 3339, with its zone) in place of now.
        Before the first crawl it said nothing; the future is refused.
        `source`: Only what comes from that source, by its whole name as books give it.
        `page`: Which page, from 1.
        `page_size`: Items on a page.
        `min`: Included; in the books' currency.
        `max`: Included; in the books' currency.
        """
        return self._ask(
            Call(
                "GET",
                "/api/v1/books/price-range",
                query={
                    "as_of": as_of,
                    "source": source,
                    "page": page,
                    "page_size": page_size,
                    "min": min,
                    "max": max,
                },
            ),
            BookPage,
        )

    def search_books(
        self,
        *,
        as_of: datetime | None = None,
        source: str | None = None,
        page: int | None = None,
        page_size: int | None = None,
        q: str | None = None,
        mode: Literal["text", "semantic"] | None = None,
        title: str | None = None,
        category: str | None = None,
    ) -> SearchPage:
        """Books that hold the words of q, or are about it, and whose title and category contain what is
        asked.

        With `mode=text` every word of `q` must be somewhere in title, author, category, genre or
        description, whatever its case and accents: `"two words"` follow each other, and `begin*` may go
        on. Those with the most of the words in their title come first, then as author, then as category
        or genre; ties by id.

        With `mode=semantic` the recommender finds the books whose meaning is nearest to `q`, at most
        100 of what is on offer now, each with its `score`; `category` is then the whole name of one. It
        needs the model server, which `mode=text` does not.

        With neither `q` nor `title` nor `category`, all books by id.

        `as_of`: What the catalogue said at that moment (RFC 3339, with its zone) in place of now.
        Before the first crawl it said nothing; the future is refused.
        `source`: Only what comes from that source, by its whole name as books give it.
        `page`: Which page, from 1.
        `page_size`: Items on a page.
        `q`: Words that books hold, or what they are to be about.
        `mode`: Whether `q` is words or a meaning.
        `title`: Part of the title, whatever its case.
        `category`: Part of the category's name, whatever its case.
        """
        return self._ask(
            Call(
                "GET",
                "/api/v1/books/search",
                query={
                    "as_of": as_of,
                    "source": source,
                    "page": page,
                    "page_size": page_size,
                    "q": q,
                    "mode": mode,
                    "title": title,
                    "category": category,
                },
            ),
            SearchPage,
        )

    def top_rated_books(
        self,
        *,
        as_of: datetime | None = None,
        source: str | None = None,
        limit: int | None = None,
        page: int | None = None,
        page_size: int | None = None,
    ) -> BookPage:
        """All books, the best rated first, ties by id; those without a rating come last.

        `as_of`: What the catalogue said at that moment (RFC 3339, with its zone) in place of now.
        Before the first crawl it said nothing; the future is refused.
        `source`: Only what comes from that source, by its whole name as books give it.
        `limit`: Only so many books, in place of page and page_size.
        `page`: Which page, from 1.
        `page_size`: Items on a page.
        """
        return self._ask(
            Call(
                "GET",
                "/api/v1/books/top-rated",
                query={
                    "as_of": as_of,
                    "source": source,
                    "limit": limit,
                    "page": page,
                    "page_size": page_size,
                },
            ),
            BookPage,
        )

    def one_book(
        self, book_id: int, *, as_of: datetime | None = None, source: str | None = None
    ) -> BookReply:
        """The book with that id, if it is on offer, or was then.

        Of a book that has left, the 404 says when, and where its history is.

        `book_id`: The book's id.
        `as_of`: What the catalogue said at that moment (RFC 3339, with its zone) in place of now.
        Before the first crawl it said nothing; the future is refused.
        `source`: Only what comes from that source, by its whole name as books give it.
        """
        return self._ask(
            Call(
                "GET",
                "/api/v1/books/{book_id}",
                values={"book_id": book_id},
                query={"as_of": as_of, "source": source},
            ),
            BookReply,
        )

    def book_history(self, book_id: int) -> HistoryReply:
        """All that the catalogue ever said of a book, also of one that has left, the oldest first.

        `book_id`: The book's id.
        """
        return self._ask(
            Call("GET", "/api/v1/books/{book_id}/history", values={"book_id": book_id}), HistoryReply
        )

    def categories(self, *, as_of: datetime | None = None, source: str | None = None) -> CategoriesReply:
        """Every category with its number of books, by name.

        `as_of`: What the catalogue said at that moment (RFC 3339, with its zone) in place of now.
        Before the first crawl it said nothing; the future is refused.
        `source`: Only what comes from that source, by its whole name as books give it.
        """
        return self._ask(
            Call("GET", "/api/v1/categories", query={"as_of": as_of, "source": source}), CategoriesReply
        )

    def state(self) -> HealthReply:
        """Ok if every dependency is, degraded otherwise; 503 only when books cannot be answered."""
        return self._ask(Call("GET", "/api/v1/health", accepts=(200, 503)), HealthReply)

    def list_drift(
        self,
        *,
        page: int | None = None,
        page_size: int | None = None,
        model: Literal["price", "recommender", "sentiment"] | None = None,
    ) -> DriftPage:
        """How far the books on offer are from those that the models have learnt from, the newest publish
        first.

        Each publish is compared with what the version then on duty had learnt from, feature by feature,
        the worst first, and so are that version's predictions. Where enough of the last windows
        violate, the model is trained anew: `order_id` names the order. `answers` is what the version
        has told its callers.

        `page`: Which page, from 1.
        `page_size`: Items on a page.
        `model`: Only windows of that model.
        """
        return self._ask(
            Call("GET", "/api/v1/ml/drift", query={"page": page, "page_size": page_size, "model": model}),
            DriftPage,
        )

    def features(
        self,
        *,
        as_of: datetime | None = None,
        source: str | None = None,
        page: int | None = None,
        page_size: int | None = None,
    ) -> TableReply:
        """The features of every book as the models are given them, by book id.

        A page as JSON, or every row as NDJSON or Parquet: by `format`, or by the Accept header.

        `as_of`: What the catalogue said at that moment (RFC 3339, with its zone) in place of now.
        Before the first crawl it said nothing; the future is refused.
        `source`: Only what comes from that source, by its whole name as books give it.
        `page`: Which page, from 1.
        `page_size`: Rows on a page.
        """
        return self._ask(
            Call(
                "GET",
                "/api/v1/ml/features",
                query={"as_of": as_of, "source": source, "page": page, "page_size": page_size},
            ),
            TableReply,
        )

    def features_file(
        self,
        to: str | Path,
        *,
        format: Literal["ndjson", "parquet"],
        as_of: datetime | None = None,
        source: str | None = None,
    ) -> Path:
        """The features of every book as the models are given them, by book id.

        A page as JSON, or every row as NDJSON or Parquet: by `format`, or by the Accept header.

        `to`: Where it is written, once all of it has come.
        `format`: Of the file.
        `as_of`: What the catalogue said at that moment (RFC 3339, with its zone) in place of now.
        Before the first crawl it said nothing; the future is refused.
        `source`: Only what comes from that source, by its whole name as books give it.
        """
        return self._fetch(
            Call("GET", "/api/v1/ml/features", query={"as_of": as_of, "source": source, "format": format}), to
        )

    def list_models(self) -> RegisteredModelsReply:
        """The models now served, with their versions; and what the registry has of each.

        Where the model server cannot be reached, `unavailable` says so, and the rest is told all the
        same.
        """
        return self._ask(Call("GET", "/api/v1/ml/models"), RegisteredModelsReply)

    def history(
        self,
        name: Literal["price", "recommender", "sentiment"],
        *,
        page: int | None = None,
        page_size: int | None = None,
        at: datetime | None = None,
    ) -> HistoryPage:
        """What was promoted, refused, rolled back and changed by hand, the newest first, and what is live.

        With `at`, what was live then, and what had happened until then.

        `name`: The model.
        `page`: Which page, from 1.
        `page_size`: Items on a page.
        `at`: What was live then, and what had happened until then (RFC 3339, with its zone).
        """
        return self._ask(
            Call(
                "GET",
                "/api/v1/ml/models/{name}/history",
                values={"name": name},
                query={"page": page, "page_size": page_size, "at": at},
            ),
            HistoryPage,
        )

    def promote_model(
        self,
        name: Literal["price", "recommender", "sentiment"],
        *,
        reason: str | None = None,
        version: int | None = None,
    ) -> OrderReply:
        """Send a version, the newest if none is named, to its gate; it serves if it passes.

        Answers at once; `Location` says where the order can be watched. A version that is not there is
        a 404, one that is on duty already a 409, and so is another order of that model that is not
        done, which is named.

        `name`: The model.
        `reason`: Kept in the log of promotions.
        `version`: The version's number.
        """
        return self._ask(
            Call(
                "POST",
                "/api/v1/ml/models/{name}/promote",
                values={"name": name},
                body={"reason": reason, "version": version},
                token="access",
            ),
            OrderReply,
        )

    def retrain_model(
        self, name: Literal["price", "recommender", "sentiment"], *, reason: str | None = None
    ) -> OrderReply:
        """Train a version as the champion was trained, on what is known now, and send it to its gate.

        409 while another order of that model is not done, which is named.

        `name`: The model.
        `reason`: Kept in the log of promotions.
        """
        return self._ask(
            Call(
                "POST",
                "/api/v1/ml/models/{name}/retrain",
                values={"name": name},
                body={"reason": reason},
                token="access",
            ),
            OrderReply,
        )

    def roll_model_back(
        self,
        name: Literal["price", "recommender", "sentiment"],
        *,
        reason: str | None = None,
        version: int | None = None,
    ) -> OrderReply:
        """Put a version back on duty that was so before: the one before the champion if none is named.

        No gate judges it, so it serves within seconds. A version that is not there is a 404; one that
        is on duty, or never was, a 409, as where there is none to go back to, or another order of that
        model is not done, which is named.

        `name`: The model.
        `reason`: Kept in the log of promotions.
        `version`: The version's number.
        """
        return self._ask(
            Call(
                "POST",
                "/api/v1/ml/models/{name}/rollback",
                values={"name": name},
                body={"reason": reason, "version": version},
                token="access",
            ),
            OrderReply,
        )

    def try_model_out(
        self,
        name: Literal["price", "recommender", "sentiment"],
        *,
        reason: str | None = None,
        shadow: float | None = None,
        share: float | None = None,
        version: int | None = None,
    ) -> OrderReply:
        """Try a version, the challenger if none is named, beside the champion; without any share, end the
        trial.

        Serving follows within seconds, and `GET /ml/models` says what is on. No gate judges the
        version, only whether it can answer. A version that is not there is a 404; one that is on duty a
        409, as where there is no challenger, or another order of that model is not done, which is
        named.

        `name`: The model.
        `reason`: Kept in the log of promotions.
        `shadow`: Of the questions to the champion: put to it too, and not waited for.
        `share`: Of the callers, told apart by `X-Trial-Key`: answered by it.
        `version`: The version's number.
        """
        return self._ask(
            Call(
                "POST",
                "/api/v1/ml/models/{name}/trial",
                values={"name": name},
                body={"reason": reason, "shadow": shadow, "share": share, "version": version},
                token="access",
            ),
            OrderReply,
        )

    def list_orders(
        self,
        *,
        page: int | None = None,
        page_size: int | None = None,
        model: Literal["price", "recommender", "sentiment"] | None = None,
    ) -> OrderPage:
        """Everything that was asked of the trainer, the newest first.

        `page`: Which page, from 1.
        `page_size`: Items on a page.
        `model`: Only orders of that model.
        """
        return self._ask(
            Call("GET", "/api/v1/ml/orders", query={"page": page, "page_size": page_size, "model": model}),
            OrderPage,
        )

    def one_order(self, order_id: str) -> OrderReply:
        """How that order stands, and how it ended if it has."""
        return self._ask(
            Call("GET", "/api/v1/ml/orders/{order_id}", values={"order_id": order_id}), OrderReply
        )

    def predict_price(
        self,
        *,
        x_trial_key: str | None = None,
        author: str | None = None,
        availability: Literal["In stock", "Out of stock"] | None = None,
        binding: str | None = None,
        book_id: int | None = None,
        category: str | None = None,
        description: str | None = None,
        genre: str | None = None,
        language: str | None = None,
        publisher: str | None = None,
        rating: float | None = None,
        reviews: int | None = None,
        stock: int | None = None,
        title: str | None = None,
        year: int | None = None,
    ) -> PriceReply:
        """The price of a book, with its interval and its currency.

        Name the book by `book_id`, or by `rating`, `category` and `availability` and what else is
        known. By `book_id`, `features` says how long ago the shop confirmed what the price was made
        from. Where `informative` is false, the model has found that its inputs say nothing about
        prices.

        `x_trial_key`: Who asks, such as a session's id: while two versions are tried, the same one
        answers.
        """
        return self._ask(
            Call(
                "POST",
                "/api/v1/ml/predict/price",
                headers={"X-Trial-Key": x_trial_key},
                body={
                    "author": author,
                    "availability": availability,
                    "binding": binding,
                    "book_id": book_id,
                    "category": category,
                    "description": description,
                    "genre": genre,
                    "language": language,
                    "publisher": publisher,
                    "rating": rating,
                    "reviews": reviews,
                    "stock": stock,
                    "title": title,
                    "year": year,
                },
            ),
            PriceReply,
        )

    def predictions(
        self,
        *,
        inputs: list[dict[str, Any]],
        model: Literal["price", "recommender", "sentiment"],
        x_trial_key: str | None = None,
    ) -> PredictionsReply:
        """Many inputs for one model: one prediction or one error for each, in their order.

        While two versions are tried, each input is answered by the one that would answer it alone, and
        names it; `model` is the version that answered all, or that on duty where both did.

        `x_trial_key`: Who asks, such as a session's id: while two versions are tried, the same one
        answers.
        """
        return self._ask(
            Call(
                "POST",
                "/api/v1/ml/predictions",
                headers={"X-Trial-Key": x_trial_key},
                body={"inputs": inputs, "model": model},
            ),
            PredictionsReply,
        )

    def one_prediction(self, prediction_id: str) -> LoggedPrediction:
        """What was asked and answered, by which version, made from what, and what was said about it since.

        The id is the `prediction_id` of the answer. What is older than the log is kept for is a 404.

        `prediction_id`: The `prediction_id` of the answer.
        """
        return self._ask(
            Call("GET", "/api/v1/ml/predictions/{prediction_id}", values={"prediction_id": prediction_id}),
            LoggedPrediction,
        )

    def give_feedback(
        self,
        prediction_id: str,
        *,
        chosen: int | None = None,
        sentiment: Literal["negative", "neutral", "positive"] | None = None,
        value: float | None = None,
    ) -> FeedbackReply:
        """What is known of a prediction by now.

        Of a price, the `value` that it really had; of a text, the `sentiment` that it really has; of
        recommendations, the id of the book that was `chosen`. It is kept beside the prediction and
        shown with it; a second one does not take the place of the first.

        `prediction_id`: The `prediction_id` of the answer.
        """
        return self._ask(
            Call(
                "POST",
                "/api/v1/ml/predictions/{prediction_id}/feedback",
                values={"prediction_id": prediction_id},
                body={"chosen": chosen, "sentiment": sentiment, "value": value},
                token="access",
            ),
            FeedbackReply,
        )

    def replay_prediction(self, prediction_id: str) -> ReplayReply:
        """The same prediction once more, by the same version and of the same values, beside the first.

        A version that is not on duty any more is loaded, which takes a moment. One that the registry
        does not have any more is a 404, one that cannot be loaded a 503 with the reason.

        `prediction_id`: The `prediction_id` of the answer.
        """
        return self._ask(
            Call(
                "GET",
                "/api/v1/ml/predictions/{prediction_id}/replay",
                values={"prediction_id": prediction_id},
            ),
            ReplayReply,
        )

    def similar(
        self,
        *,
        x_trial_key: str | None = None,
        dislike: list[int] | None = None,
        diversity: float | None = None,
        filters: RecommendationFilters | None = None,
        like: list[int] | None = None,
        limit: int | None = None,
        text: str | None = None,
    ) -> SimilarReply:
        """The books near what you like and far from what you don't, best first, each with what it is near
        by.

        Name books by `like` and `dislike`, say it in your own words by `text`, or both. `filters` apply
        first, so that `limit` books come back wherever so many are left. A greater `diversity` gives
        books that are less like each other. Never a book that you named, nor another edition of one.

        `x_trial_key`: Who asks, such as a session's id: while two versions are tried, the same one
        answers.
        """
        return self._ask(
            Call(
                "POST",
                "/api/v1/ml/recommendations",
                headers={"X-Trial-Key": x_trial_key},
                body={
                    "dislike": dislike,
                    "diversity": diversity,
                    "filters": filters,
                    "like": like,
                    "limit": limit,
                    "text": text,
                },
            ),
            SimilarReply,
        )

    def recommendations(
        self, book_id: int, *, x_trial_key: str | None = None, limit: int | None = None
    ) -> RecommendationReply:
        """The books most like that one, best first, each with what it is near by.

        `book_id`: The book's id.
        `x_trial_key`: Who asks, such as a session's id: while two versions are tried, the same one
        answers.
        `limit`: How many books.
        """
        return self._ask(
            Call(
                "GET",
                "/api/v1/ml/recommendations/{book_id}",
                values={"book_id": book_id},
                query={"limit": limit},
                headers={"X-Trial-Key": x_trial_key},
            ),
            RecommendationReply,
        )

    def sentiment(self, *, description: str, x_trial_key: str | None = None) -> SentimentReply:
        """Whether a description sounds positive, neutral or negative, from 1 to -1.

        `x_trial_key`: Who asks, such as a session's id: while two versions are tried, the same one
        answers.
        """
        return self._ask(
            Call(
                "POST",
                "/api/v1/ml/sentiment",
                headers={"X-Trial-Key": x_trial_key},
                body={"description": description},
            ),
            SentimentReply,
        )

    def training_data(
        self,
        *,
        as_of: datetime | None = None,
        source: str | None = None,
        page: int | None = None,
        page_size: int | None = None,
        model: Literal["price", "recommender", "sentiment"] | None = None,
        vectors: bool | None = None,
    ) -> TableReply:
        """What the model now served was trained on, row by row.

        With `as_of`, what it would be trained on had that moment been the last that was known. A page
        as JSON, or every row as NDJSON or Parquet, with `vectors=true` the vectors too: by `format`, or
        by the Accept header.

        `as_of`: What the catalogue said at that moment (RFC 3339, with its zone) in place of now.
        Before the first crawl it said nothing; the future is refused.
        `source`: Only what comes from that source, by its whole name as books give it.
        `page`: Which page, from 1.
        `page_size`: Rows on a page.
        `model`: The model whose training rows are wanted.
        `vectors`: The vectors too, in NDJSON and Parquet.
        """
        return self._ask(
            Call(
                "GET",
                "/api/v1/ml/training-data",
                query={
                    "as_of": as_of,
                    "source": source,
                    "page": page,
                    "page_size": page_size,
                    "model": model,
                    "vectors": vectors,
                },
            ),
            TableReply,
        )

    def training_data_file(
        self,
        to: str | Path,
        *,
        format: Literal["ndjson", "parquet"],
        as_of: datetime | None = None,
        source: str | None = None,
        model: Literal["price", "recommender", "sentiment"] | None = None,
        vectors: bool | None = None,
    ) -> Path:
        """What the model now served was trained on, row by row.

        With `as_of`, what it would be trained on had that moment been the last that was known. A page
        as JSON, or every row as NDJSON or Parquet, with `vectors=true` the vectors too: by `format`, or
        by the Accept header.

        `to`: Where it is written, once all of it has come.
        `format`: Of the file.
        `as_of`: What the catalogue said at that moment (RFC 3339, with its zone) in place of now.
        Before the first crawl it said nothing; the future is refused.
        `source`: Only what comes from that source, by its whole name as books give it.
        `model`: The model whose training rows are wanted.
        `vectors`: The vectors too, in NDJSON and Parquet.
        """
        return self._fetch(
            Call(
                "GET",
                "/api/v1/ml/training-data",
                query={
                    "as_of": as_of,
                    "source": source,
                    "model": model,
                    "vectors": vectors,
                    "format": format,
                },
            ),
            to,
        )

    def list_runs(self, *, page: int | None = None, page_size: int | None = None) -> RunPage:
        """Every run, the newest first.

        `page`: Which page, from 1.
        `page_size`: Items on a page.
        """
        return self._ask(
            Call("GET", "/api/v1/scraping/runs", query={"page": page, "page_size": page_size}), RunPage
        )

    def cancel_run(self, run_id: str) -> RunReply:
        """Cancel a run: at once if it is queued, as soon as its process hears of it if it is running.

        The catalogue stays as it is, and the run can be resumed. One that has ended is a 409.
        """
        return self._ask(
            Call("DELETE", "/api/v1/scraping/runs/{run_id}", values={"run_id": run_id}, token="access"),
            RunReply,
        )

    def one_run(self, run_id: str) -> RunReply:
        """How far that run is, and how it ended if it has."""
        return self._ask(Call("GET", "/api/v1/scraping/runs/{run_id}", values={"run_id": run_id}), RunReply)

    def run_log(self, run_id: str, *, page: int | None = None, page_size: int | None = None) -> LogPage:
        """What happened during that run, line by line, the oldest first.

        `page`: Which page, from 1.
        `page_size`: Items on a page.
        """
        return self._ask(
            Call(
                "GET",
                "/api/v1/scraping/runs/{run_id}/log",
                values={"run_id": run_id},
                query={"page": page, "page_size": page_size},
            ),
            LogPage,
        )

    def release_run(self, run_id: str) -> SnapshotReply:
        """Publish what a run found although the checks refused it; its snapshot as it is now.

        409 if the run is not in quarantine, or its source has been published since.
        """
        return self._ask(
            Call("POST", "/api/v1/scraping/runs/{run_id}/release", values={"run_id": run_id}, token="access"),
            SnapshotReply,
        )

    def resume_run(self, run_id: str) -> RunReply:
        """Queue a run again that was interrupted, cancelled or failed; it goes on where it stopped.

        409 if it is none of these, or while another run is queued or running.
        """
        return self._ask(
            Call("POST", "/api/v1/scraping/runs/{run_id}/resume", values={"run_id": run_id}, token="access"),
            RunReply,
        )

    def trigger(self, *, idempotency_key: str | None = None, source: str | None = None) -> QueuedRunReply:
        """Queue a scrape.

        Of the shop this installation is set to, or of the `source` given. Answers at once; `Location`
        says where the run can be watched. While a run is queued or running, 409 names it. With an
        `Idempotency-Key` that was used before, the run that it asked for then is named again, whatever
        has become of it; used for another source, it is a 409.

        `idempotency_key`: The same key asks for the same run, however often.
        """
        return self._ask(
            Call(
                "POST",
                "/api/v1/scraping/trigger",
                headers={"Idempotency-Key": idempotency_key},
                body={"source": source},
                token="access",
            ),
            QueuedRunReply,
        )

    def list_snapshots(
        self, *, page: int | None = None, page_size: int | None = None, source: str | None = None
    ) -> SnapshotPage:
        """The published snapshots and those in quarantine, the newest first.

        `page`: Which page, from 1.
        `page_size`: Items on a page.
        `source`: Only snapshots of that source.
        """
        return self._ask(
            Call("GET", "/api/v1/snapshots", query={"page": page, "page_size": page_size, "source": source}),
            SnapshotPage,
        )

    def one_snapshot(self, snapshot_id: int) -> SnapshotReportReply:
        """One snapshot, with the report of the checks if they refused it.

        `snapshot_id`: The snapshot's id.
        """
        return self._ask(
            Call("GET", "/api/v1/snapshots/{snapshot_id}", values={"snapshot_id": snapshot_id}),
            SnapshotReportReply,
        )

    def snapshot_changes(
        self,
        snapshot_id: int,
        *,
        page: int | None = None,
        page_size: int | None = None,
        kind: Literal["added", "removed", "changed"] | None = None,
    ) -> ChangePage:
        """What a published snapshot changed: books added, removed and changed, by id.

        As CSV, by `format=csv` or `Accept: text/csv`, all of it comes at once, a row for each field; a
        text that a spreadsheet would take for a formula has an apostrophe before it there, and not in
        the JSON. A snapshot that was not published has changed nothing: 409.

        `snapshot_id`: The snapshot's id.
        `page`: Which page, from 1.
        `page_size`: Items on a page.
        `kind`: Only changes of that kind.
        """
        return self._ask(
            Call(
                "GET",
                "/api/v1/snapshots/{snapshot_id}/changes",
                values={"snapshot_id": snapshot_id},
                query={"page": page, "page_size": page_size, "kind": kind},
            ),
            ChangePage,
        )

    def snapshot_changes_file(
        self,
        snapshot_id: int,
        to: str | Path,
        *,
        format: Literal["csv"],
        kind: Literal["added", "removed", "changed"] | None = None,
    ) -> Path:
        """What a published snapshot changed: books added, removed and changed, by id.

        As CSV, by `format=csv` or `Accept: text/csv`, all of it comes at once, a row for each field; a
        text that a spreadsheet would take for a formula has an apostrophe before it there, and not in
        the JSON. A snapshot that was not published has changed nothing: 409.

        `snapshot_id`: The snapshot's id.
        `to`: Where it is written, once all of it has come.
        `format`: Of the file.
        `kind`: Only changes of that kind.
        """
        return self._fetch(
            Call(
                "GET",
                "/api/v1/snapshots/{snapshot_id}/changes",
                values={"snapshot_id": snapshot_id},
                query={"kind": kind, "format": format},
            ),
            to,
        )

    def category_statistics(
        self, *, as_of: datetime | None = None, source: str | None = None
    ) -> CategoryStatisticsList:
        """Prices, ratings and stock of each category, by name.

        `as_of`: What the catalogue said at that moment (RFC 3339, with its zone) in place of now.
        Before the first crawl it said nothing; the future is refused.
        `source`: Only what comes from that source, by its whole name as books give it.
        """
        return self._ask(
            Call("GET", "/api/v1/stats/categories", query={"as_of": as_of, "source": source}),
            CategoryStatisticsList,
        )

    def overview(self, *, as_of: datetime | None = None, source: str | None = None) -> OverviewReply:
        """The whole catalogue in four numbers.

        `as_of`: What the catalogue said at that moment (RFC 3339, with its zone) in place of now.
        Before the first crawl it said nothing; the future is refused.
        `source`: Only what comes from that source, by its whole name as books give it.
        """
        return self._ask(
            Call("GET", "/api/v1/stats/overview", query={"as_of": as_of, "source": source}), OverviewReply
        )

    def list_webhooks(self) -> WebhooksReply:
        """Every webhook, the oldest first, without its secret."""
        return self._ask(Call("GET", "/api/v1/webhooks", token="access"), WebhooksReply)

    def register_webhook(
        self,
        *,
        events: list[
            Literal[
                "snapshot.published",
                "run.failed",
                "run.quarantined",
                "run.interrupted",
                "run.cancelled",
                "model.promoted",
                "model.refused",
                "model.rolled_back",
                "model.changed_by_hand",
                "model.order_failed",
            ]
        ],
        url: str,
        secret: str | None = None,
    ) -> NewWebhookReply:
        """Tell an address of events from now on.

        The answer has the secret that what is sent will be signed with, this once. Private addresses
        are allowed, since receivers in one's own network are the usual case and only the admin names
        them.
        """
        return self._ask(
            Call(
                "POST",
                "/api/v1/webhooks",
                body={"events": events, "url": url, "secret": secret},
                token="access",
            ),
            NewWebhookReply,
        )

    def remove_webhook(self, webhook_id: str) -> None:
        """Forget a webhook and its deliveries, also those that were not sent yet."""
        self._tell(
            Call("DELETE", "/api/v1/webhooks/{webhook_id}", values={"webhook_id": webhook_id}, token="access")
        )

    def one_webhook(self, webhook_id: str) -> WebhookReply:
        """One webhook, without its secret."""
        return self._ask(
            Call("GET", "/api/v1/webhooks/{webhook_id}", values={"webhook_id": webhook_id}, token="access"),
            WebhookReply,
        )

    def list_deliveries(
        self, webhook_id: str, *, page: int | None = None, page_size: int | None = None
    ) -> DeliveryPage:
        """What was sent to a webhook or is to be, the newest first.

        `page`: Which page, from 1.
        `page_size`: Items on a page.
        """
        return self._ask(
            Call(
                "GET",
                "/api/v1/webhooks/{webhook_id}/deliveries",
                values={"webhook_id": webhook_id},
                query={"page": page, "page_size": page_size},
                token="access",
            ),
            DeliveryPage,
        )

    def resend_delivery(self, webhook_id: str, delivery_id: str) -> DeliveryReply:
        """Send a delivery anew, with all its attempts before it, however it stands."""
        return self._ask(
            Call(
                "POST",
                "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend",
                values={"webhook_id": webhook_id, "delivery_id": delivery_id},
                token="access",
            ),
            DeliveryReply,
        )
