"""What the API's answers are made of. Written by `python client/generate.py`; not to be edited."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from bookshelf_client.answer import Answer, Page


class AccessReply(Answer):
    """A token for the `Authorization: Bearer` header; `expires_in` counts seconds."""

    access_token: str
    expires_in: int
    token_type: str = "Bearer"


class AnswerDriftReply(Answer):
    """What the version has told its callers in the `days` before the publish, beside what it would tell of
    the books that it learnt from.

    A question that came again counts once among the `questions`. `drift` is null where they are too few to
    compare, and `error` where nobody has given feedback.
    """

    days: int
    drift: FeatureDriftReply | None
    error: LiveErrorReply | None
    questions: int


class BookReply(Answer):
    """A book on offer. What its source does not tell is null, or empty for a text that is never null.

    Within its `source` a book is known by `upc`, else `isbn`, else `key`; `id` is ours, and for ever.
    """

    author: str | None
    #: `In stock` or `Out of stock`.
    availability: str | None
    binding: str | None
    category: str
    #: ISO 4217.
    currency: str
    description: str
    #: A finer shelf than the category, of a source that has both.
    genre: str | None
    id: int
    image: str
    #: ISBN-13 without hyphens.
    isbn: str | None
    #: What else the source calls unique, where it is neither.
    key: str | None
    language: str | None
    #: In `currency`, with at most two decimals.
    price: float
    publisher: str | None
    #: 1 to 5 stars; whole ones are an integer.
    rating: int | float | None
    #: How many there are.
    reviews: int | None
    #: Address of the shop, `sample shop`, or name of the import.
    source: str
    #: Copies.
    stock: int | None
    thumbnail: str | None
    title: str
    upc: str | None
    url: str
    #: Of publication.
    year: int | None


class BookVersionReply(Answer):
    """What the catalogue said of a book from `valid_from` until just before `valid_to`.

    `valid_to` is null if it still says so. The snapshots are those that began and ended it.
    """

    author: str | None
    #: `In stock` or `Out of stock`.
    availability: str | None
    binding: str | None
    category: str
    #: ISO 4217.
    currency: str
    description: str
    from_snapshot: int
    #: A finer shelf than the category, of a source that has both.
    genre: str | None
    id: int
    image: str
    #: ISBN-13 without hyphens.
    isbn: str | None
    #: What else the source calls unique, where it is neither.
    key: str | None
    language: str | None
    #: In `currency`, with at most two decimals.
    price: float
    publisher: str | None
    #: 1 to 5 stars; whole ones are an integer.
    rating: int | float | None
    #: How many there are.
    reviews: int | None
    #: Address of the shop, `sample shop`, or name of the import.
    source: str
    #: Copies.
    stock: int | None
    thumbnail: str | None
    title: str
    to_snapshot: int | None
    upc: str | None
    url: str
    valid_from: datetime
    valid_to: datetime | None
    #: Of publication.
    year: int | None


class CategoriesReply(Answer):
    """CategoriesReply, as the API has it."""

    items: list[CategoryReply]


class CategoryReply(Answer):
    """CategoryReply, as the API has it."""

    books: int
    name: str


class CategoryStatisticsList(Answer):
    """CategoryStatisticsList, as the API has it."""

    items: list[CategoryStatisticsReply]


class CategoryStatisticsReply(Answer):
    """What one category holds; ratings in stars, `in_stock` in titles.

    Prices are in `currency`, and all null where the books' currencies differ. No book of the category
    need be rated.
    """

    average_price: float | None
    average_rating: float | None
    books: int
    currency: str | None
    in_stock: int
    max_price: float | None
    min_price: float | None
    name: str


class ChangeReply(Answer):
    """What happened to a book; `changes` has the fields that differ, none if it was added or removed."""

    book_id: int
    changes: dict[str, FieldChange]
    kind: str
    title: str


class DeliveryReply(Answer):
    """One event on its way to a webhook.

    `next_attempt_at` is null once it is delivered or given up; `response_status` and `error` say how the
    last attempt went.
    """

    attempts: int
    created_at: datetime
    delivered_at: datetime | None
    error: str | None
    event: str
    id: str
    next_attempt_at: datetime | None
    payload: dict[str, Any]
    response_status: int | None
    status: str


class Dependency(Answer):
    """`down` refused or failed, `unknown` did not answer in time, `degraded` answers less than all."""

    detail: str
    status: str


class DriftReply(Answer):
    """The books on offer after one publish beside those that a version has learnt from.

    `source` is the one whose books were compared, null for everybody's. `published_at` is when the
    snapshot was, `reference_at` as of when the version learnt. `violated` says whether any feature is;
    features come worst first, and `prediction` is the version's own answer. `run_id` is the MLflow run
    with the plots, and `order_id` the retraining that this window gave rise to, null if it gave none.
    `answers` are apart from all that, and null where they were not compared.
    """

    answers: AnswerDriftReply | None
    features: list[FeatureDriftReply]
    measured_at: datetime
    model: str
    order_id: str | None
    published_at: datetime
    reference_at: datetime
    #: Books that the version learnt from.
    reference_rows: int
    run_id: str
    snapshot_id: int
    source: str | None
    version: str
    violated: bool
    #: Books on offer.
    window_rows: int


class FeatureDriftReply(Answer):
    """How far one feature has moved; `violated` where `psi` or `ks` reaches its limit.

    `psi` is the population stability index, 0 for the same shares, and `ks` the Kolmogorov–Smirnov
    distance, 0 to 1; `p` says how often chance alone comes so far. A category has no `ks`. Limits grow
    where books are few, because then chance does more.
    """

    feature: str
    kind: str
    ks: float | None
    ks_limit: float | None
    p: float | None
    psi: float
    psi_limit: float
    violated: bool


class FeatureFreshness(Answer):
    """How fresh the online values are that an answer was made from, against their feature service's limit.

    `age_seconds` is that of the oldest, which are those of the view `oldest`: since the shop last confirmed
    them. `missing` names what the store has not, as `view:feature`; with any, the status is MISSING.
    """

    age_seconds: float | None
    limit_seconds: float
    missing: list[str] = Field(default_factory=list)
    oldest: str | None
    service: str
    status: str


class FeedbackReply(Answer):
    """Feedback as it is kept."""

    at: datetime
    chosen: int | None = None
    feedback_id: str
    sentiment: str | None = None
    value: float | None = None


class FieldChange(Answer):
    """Values as books have them."""

    new: int | float | str | None
    old: int | float | str | None


class FieldError(Answer):
    """One offending field: its path, such as `inputs.3.rating`, and what was expected."""

    field: str
    message: str


class FoundBook(Answer):
    """A book that was searched for."""

    author: str | None
    #: `In stock` or `Out of stock`.
    availability: str | None
    binding: str | None
    category: str
    #: ISO 4217.
    currency: str
    description: str
    #: A finer shelf than the category, of a source that has both.
    genre: str | None
    id: int
    image: str
    #: ISBN-13 without hyphens.
    isbn: str | None
    #: What else the source calls unique, where it is neither.
    key: str | None
    language: str | None
    #: In `currency`, with at most two decimals.
    price: float
    publisher: str | None
    #: 1 to 5 stars; whole ones are an integer.
    rating: int | float | None
    #: How many there are.
    reviews: int | None
    #: With `mode=semantic` alone: how near it is, at most 1; the nearest come first.
    score: float | None = None
    #: Address of the shop, `sample shop`, or name of the import.
    source: str
    #: Copies.
    stock: int | None
    thumbnail: str | None
    title: str
    upc: str | None
    url: str
    #: Of publication.
    year: int | None


class HealthReply(Answer):
    """`ok` only if every dependency is; neither a schedule nor the last run is one.

    Worker and trainer are known by what waits: `down` if a scheduled time has passed unheeded, `unknown` if
    a run or an order has waited for two minutes.

    `last_run` is the one under way, or else the one that was asked for last.
    """

    dependencies: dict[str, Dependency]
    last_run: RunReply | None
    retraining: ScheduleReply
    schedule: ScheduleReply
    status: str


class HistoryReply(Answer):
    """Every version of a book, the oldest first; between two of them it may have been away."""

    items: list[BookVersionReply]


class Interval(Answer):
    """Where the price lies, in the reply's currency, in `coverage` (0 to 1) of all cases."""

    coverage: float
    high: float
    low: float


class LiveErrorReply(Answer):
    """How wrong the answers were of which feedback says what was right: `mean` over `n` of them, in `unit`.

    `low` and `high` are its 95 % interval, null for one answer. `baseline` is what the one price or tone that
    suits all of them best would lose, or as many books drawn at random.
    """

    baseline: float
    high: float | None
    low: float | None
    mean: float
    measure: str
    n: int
    unit: str


class LiveReply(Answer):
    """The version that was live, and the change that had put it on duty."""

    action: str
    reason: str
    since: datetime
    version: str
    who: str


class LogLineReply(Answer):
    """One line; `event` says what happened and `detail` its facts."""

    at: datetime
    detail: dict[str, Any]
    event: str
    id: int
    level: str


class LoggedPrediction(Answer):
    """A prediction as it was made, and what was said about it since.

    `features` is what the model was given besides what the question says by itself, a vector as base64 of
    little-endian float32; `event_times` are those of online values, by view. `snapshot_id` is the state of
    the catalogue then. `shadow_of` is the prediction that a shadow, whose answer nobody saw, was made beside.
    """

    answer: dict[str, Any]
    at: datetime
    event_times: dict[str, datetime] | None
    features: dict[str, Any] | None
    feedback: list[FeedbackReply] = Field(default_factory=list)
    inputs: dict[str, Any]
    model: ModelRef
    prediction_id: str
    role: str
    shadow_of: str | None
    snapshot_id: int | None


class LoginReply(Answer):
    """The refresh token is good for nothing but new access tokens."""

    access_token: str
    expires_in: int
    refresh_token: str
    token_type: str = "Bearer"


class ModelRef(Answer):
    """The registered model and the version that answered."""

    name: str
    version: str


class NewWebhookReply(Answer):
    """A webhook with its `secret`, which is told this once: it signs what is sent."""

    created_at: datetime
    events: list[str]
    id: str
    secret: str
    url: str


class OnTrial(Answer):
    """A trial as the model server has it; `refused` says why it is not on, None where it is."""

    refused: str | None = None
    shadow: float = 0.0
    share: float = 0.0
    version: str | None = None


class OrderReply(Answer):
    """What was asked of the trainer. `outcome` says how it ended, `attempts` how often it was begun.

    While it is running, the trainer must be heard of by `lease_until`; if it is not, the next one takes it
    up again.
    """

    attempts: int
    finished_at: datetime | None
    kind: str
    lease_until: datetime | None
    model: str
    order_id: str
    outcome: str | None
    reason: str
    requested_at: datetime
    requested_by: str
    started_at: datetime | None
    status: str
    #: Of one that puts the version on trial; none ends the trial.
    trial: Shares | None
    #: To be put on duty; null for one that is still to be trained.
    version: str | None


class OverviewReply(Answer):
    """The averages of an empty catalogue are null, and prices where the books' currencies differ.

    `rating_distribution` counts the books that are rated, by whole stars.
    """

    average_price: float | None
    average_rating: float | None
    currency: str | None
    rating_distribution: dict[str, int]
    total_books: int


class Prediction(Answer):
    """Either the reply to the input at `index`, or the errors that it has."""

    error: Problem | None = None
    index: int
    prediction: PriceReply | RecommendationReply | SentimentReply | None = None


class PredictionsReply(Answer):
    """`model` has answered all of the items; where a trial shares them out to two versions, it is the one on
    duty, and each prediction names its own.
    """

    items: list[Prediction]
    model: ModelRef


class PriceReply(Answer):
    """The predicted price in `currency` (ISO 4217), that of the books the model has learnt from.

    `informative` is False where the inputs say nothing about prices. `features` are told where they came
    from the online store, for a book that was named by its id.
    """

    arm: str | None = None
    currency: str = "GBP"
    features: FeatureFreshness | None = None
    informative: bool
    interval: Interval
    model: ModelRef
    prediction_id: str | None = None
    price: float


class Problem(Answer):
    """Why a request was refused (RFC 9457); `errors` names the offending fields."""

    detail: str
    errors: list[FieldError] = Field(default_factory=list)
    status: int
    title: str
    type: str = "about:blank"


class PromotionReply(Answer):
    """`to_version` took the place of `from_version`, or was refused it; null where there was none.

    `by_hand` was done in the registry itself, past gate and log, and found a moment later. `scores` are
    each version's own, beside its baseline's, and the difference of their losses on the same held-out rows,
    below 0 where the new one is better. `snapshot_id` is the state of the catalogue it learnt from.
    """

    action: str
    at: datetime
    from_version: str | None
    id: int
    model: str
    reason: str
    scores: dict[str, Any]
    snapshot_id: int | None
    to_version: str | None
    who: str


class QueuedRunReply(Answer):
    """`status` is how the run stands now: a key that was used before may name one that has ended."""

    run_id: str
    status: str


class Reason(Answer):
    """Why a book is near what was asked for: what both share, and what in its description says so.

    `category` and `author` are given where they are shared. `terms` are words of both, the weightiest
    first. `sentence` is of the book's own description; None where it has none or none has to do with it.
    """

    author: str | None = None
    category: str | None = None
    sentence: str | None = None
    terms: list[str] = Field(default_factory=list)


class Recommendation(Answer):
    """One book, how near it is and why: `score` is at most 1, best first, ties by id."""

    category: str
    id: int
    score: float
    title: str
    why: Reason | None = None


class RecommendationFilters(Answer):
    """Which books may be given at all, by what the catalogue says of them now; None is anything.

    Prices are in each book's own currency, both ends included.
    """

    category: str | None = None
    in_stock: bool | None = None
    max_price: float | None = None
    min_price: float | None = None
    source: str | None = None


class RecommendationReply(Answer):
    """RecommendationReply, as the API has it."""

    arm: str | None = None
    book_id: int
    items: list[Recommendation]
    model: ModelRef
    prediction_id: str | None = None


class RegisteredModelsReply(Answer):
    """`items` are the models as they are served now, `registry` is what should serve and could.

    `unavailable` says why `items` are empty, null where the model server has answered.
    """

    items: list[ServedModel]
    registry: list[StandingReply]
    unavailable: str | None


class ReplayReply(Answer):
    """A prediction as it was made (`answer`) and as the same version makes it now of the same values.

    `largest_difference` is that of all numbers in both; `equal` is up to a millionth, and every text the
    same. `differs` names what is not, such as `items.2.title`.
    """

    answer: dict[str, Any]
    differs: list[str]
    equal: bool
    largest_difference: float
    model: ModelRef
    prediction_id: str
    replayed: dict[str, Any]


class RunReply(Answer):
    """A run's record. `source` is as its books have it once it reads it, and until then as it was asked for:
    empty for the installation's own shop.

    `counts` says what it has done so far, over all its `attempts`: requests, pages, pages_parsed,
    pages_unchanged (by their own word), pages_kept (not asked again after a resume), bytes, books,
    failures, added, changed, removed, feature_rows, texts_encoded; `pages`, `books` and `bytes` are
    three of them. While it is running, the process that carries it out must be heard of by `lease_until`.
    """

    #: How often it was begun or taken up again.
    attempts: int
    books: int
    bytes: int
    cancel_asked: bool
    counts: dict[str, int]
    error: str | None
    finished_at: datetime | None
    kind: str
    lease_until: datetime | None
    pages: int
    requested_at: datetime
    requested_by: str
    run_id: str
    snapshot_id: int | None
    source: str
    started_at: datetime | None
    status: str


class ScheduleReply(Answer):
    """When a scrape, or a training, will be asked for next, which is never while the schedule is off.

    A time in the past was missed, and is made up for as soon as the worker, or the trainer, runs.
    `unknown` is what the database did not tell in time.
    """

    next_run_at: datetime | None
    status: str


class SentimentReply(Answer):
    """`score` runs from -1 (negative) to 1 (positive).

    `sentence` is the passage of the text that spoke most for the answer, one sentence or a few short ones.
    `language` is the text's (ISO 639-1). A text in another language than English is not understood: it is
    neutral, its score 0 and `sentence` null, which says nothing of its tone. Null means that the language
    cannot be told, as of a few words, a mixture, or letters that are no words: it is judged as English, and
    the score of what makes no sense means nothing, however high it is.
    """

    arm: str | None = None
    language: str | None = None
    model: ModelRef
    prediction_id: str | None = None
    score: float
    sentence: str | None = None
    sentiment: str


class ServedModel(Answer):
    """One model as the model server has it: the version on duty since when, None where nobody is.

    `wanted_version` is the one that the registry names champion; where it is not on duty, `refused` says why.
    `trial` is what is tried beside it; None where no trial is on.
    """

    informative: bool | None = None
    name: str
    refused: str | None = None
    run_id: str | None
    since: datetime | None = None
    trial: OnTrial | None = None
    version: str | None
    wanted_version: str | None = None


class Shares(Answer):
    """How much of the questions: `shadow` of those to the champion are put to the challenger too, which
    nobody waits for; `share` of the callers are answered by the challenger. 0 is none, 1 is all.
    """

    shadow: float = 0.0
    share: float = 0.0


class SimilarReply(Answer):
    """The nearest books that the filters let through; fewer than asked for only where there are fewer."""

    arm: str | None = None
    items: list[Recommendation]
    model: ModelRef
    prediction_id: str | None = None


class SnapshotReply(Answer):
    """What one crawl or import of a source found.

    It was read whole at `taken_at`, and the catalogue says so since `published_at`, as its `revision`-th
    state. `books` were on offer at the source then, or were read if it is in quarantine.
    """

    added: int
    books: int
    changed: int
    features_published_at: datetime | None
    id: int
    published_at: datetime | None
    removed: int
    revision: int | None
    source: str
    started_at: datetime
    status: str
    taken_at: datetime | None


class SnapshotReportReply(Answer):
    """A snapshot with the `report` of the checks that refused it, null if none did."""

    added: int
    books: int
    changed: int
    features_published_at: datetime | None
    id: int
    published_at: datetime | None
    removed: int
    report: dict[str, Any] | None
    revision: int | None
    source: str
    started_at: datetime
    status: str
    taken_at: datetime | None


class StandingReply(Answer):
    """A model's aliases in the registry and all its versions, as they were last seen: so since `seen_at`.

    `champion` serves, `challenger` was trained or judged last, `previous` was champion before the champion.
    `last_promotion` put the champion on duty. All are null where nothing is known.
    """

    challenger: str | None
    champion: str | None
    last_promotion: PromotionReply | None
    name: str
    previous: str | None
    seen_at: datetime | None
    versions: list[str]


class WebhookReply(Answer):
    """Who is told of what. Its secret is not told again."""

    created_at: datetime
    events: list[str]
    id: str
    url: str


class WebhooksReply(Answer):
    """Every webhook, the oldest first."""

    items: list[WebhookReply]


class BookPage(Page[BookReply]):
    """One page of books; `total` and `pages` count all that match."""


class ChangePage(Page[ChangeReply]):
    """One page of what a snapshot changed, by book id."""


class DeliveryPage(Page[DeliveryReply]):
    """One page of a webhook's deliveries, the newest first."""


class DriftPage(Page[DriftReply]):
    """One page of the windows, the newest publish first."""


class HistoryPage(Page[PromotionReply]):
    """One page of what happened to a model, the newest first; `live` is null where none was live."""

    live: LiveReply | None = None


class LogPage(Page[LogLineReply]):
    """One page of a run's log, the oldest line first."""


class OrderPage(Page[OrderReply]):
    """One page of the orders, the newest first."""


class RunPage(Page[RunReply]):
    """One page of the runs, the newest first."""


class SearchPage(Page[FoundBook]):
    """One page of what was found; with `mode=semantic`, `model` is the one that found it."""

    model: ModelRef | None = None


class SnapshotPage(Page[SnapshotReply]):
    """One page of the published and the quarantined snapshots, the newest first."""


class TableReply(Page[dict[str, Any]]):
    """Rows as records, ready for a data frame; `total` counts all pages' rows."""
