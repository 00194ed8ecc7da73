"""What api and serving say to each other, and what both say to the world about models.

A request that breaks its contract is answered with a `Problem` that names each field.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from bookshelf.contract import MAX_DESCRIPTION as MAX_DESCRIPTION
from bookshelf.contract import BookId as BookId
from bookshelf.contract import Contract as Contract
from bookshelf.contract import ModelRef as ModelRef
from bookshelf.contract import Predicted as Predicted
from bookshelf.recommending import MAX_LIKED as MAX_LIKED
from bookshelf.recommending import Reason as Reason
from bookshelf.recommending import Recommendation as Recommendation
from bookshelf.recommending import RecommendationFilters as RecommendationFilters
from bookshelf.recommending import RecommendationReply as RecommendationReply
from bookshelf.recommending import RecommendationRequest as RecommendationRequest
from bookshelf.recommending import SimilarReply as SimilarReply
from bookshelf.recommending import SimilarRequest as SimilarRequest
from bookshelf.trial import OnTrial

ModelName = Literal["price", "recommender", "sentiment"]
MODEL_NAMES: tuple[ModelName, ...] = ("price", "recommender", "sentiment")
#: The encoder is registered beside the three models and served inside two of them.
ENCODER_NAME = "encoder"
#: Folder among the encoder's artifacts with the form in which it is served.
ENCODER_FORM = "onnx"
#: Tag of a model's version: `int8` where its evaluation has shown that it may read such vectors.
PRECISION_TAG = "encoder_precision"

#: Header of an answer: which model and version made it, such as `price/3`.
MODEL_VERSION_HEADER = "X-Model-Version"
MAX_TITLE = 1_000
MAX_SHELF = 200
MAX_INPUTS = 1_000


class FieldError(Contract):
    """One offending field: its path, such as `inputs.3.rating`, and what was expected."""

    field: str
    message: str


class Problem(Contract):
    """Why a request was refused (RFC 9457); `errors` names the offending fields."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()


class FeatureFreshness(Contract):
    """How fresh the online values are that an answer was made from, against their feature service's limit.

    `age_seconds` is that of the oldest, which are those of the view `oldest`: since the shop last confirmed
    them. `missing` names what the store has not, as `view:feature`; with any, the status is MISSING.
    """

    service: str
    status: Literal["PRESENT", "STALE", "MISSING"]
    age_seconds: float | None
    limit_seconds: float
    oldest: str | None
    missing: tuple[str, ...] = ()


class PriceRequest(Contract):
    """A book to price: `book_id` alone, or its rating, category and availability and what else is known.

    What is left out is not known; `author` may name several, apart by commas.
    """

    book_id: BookId | None = None
    rating: Annotated[float, Field(strict=True, ge=1, le=5)] | None = Field(None, validate_default=True)
    category: Annotated[str, Field(min_length=1, max_length=MAX_SHELF)] | None = Field(
        None, validate_default=True
    )
    availability: Literal["In stock", "Out of stock"] | None = Field(None, validate_default=True)
    title: Annotated[str, Field(max_length=MAX_TITLE)] | None = Field(None, validate_default=True)
    description: Annotated[str, Field(max_length=MAX_DESCRIPTION)] | None = Field(None, validate_default=True)
    stock: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = Field(None, validate_default=True)
    author: Annotated[str, Field(max_length=MAX_TITLE)] | None = Field(None, validate_default=True)
    publisher: Annotated[str, Field(max_length=MAX_TITLE)] | None = Field(None, validate_default=True)
    year: Annotated[int, Field(strict=True, ge=1, le=9_999)] | None = Field(None, validate_default=True)
    binding: Annotated[str, Field(max_length=MAX_SHELF)] | None = Field(None, validate_default=True)
    language: Annotated[str, Field(max_length=MAX_SHELF)] | None = Field(None, validate_default=True)
    genre: Annotated[str, Field(max_length=MAX_SHELF)] | None = Field(None, validate_default=True)
    reviews: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] | None = Field(
        None, validate_default=True
    )

    @field_validator(
        *("rating", "category", "availability", "title", "description", "stock"),
        *("author", "publisher", "year", "binding", "language", "genre", "reviews"),
    )
    @classmethod
    def _one_way_to_name_a_book(cls, value: Any, info: ValidationInfo) -> Any:
        if "book_id" not in info.data:  # it is wrong itself, and says so
            return value
        by_id = info.data["book_id"] is not None
        required = info.field_name in ("rating", "category", "availability")
        if value is None and required and not by_id:
            raise PydanticCustomError("required_without_id", "is required unless book_id is given")
        if value is not None and by_id:
            raise PydanticCustomError("not_with_book_id", "must not be given together with book_id")
        return value


class Interval(Contract):
    """Where the price lies, in the reply's currency, in `coverage` (0 to 1) of all cases."""

    low: float
    high: float
    coverage: float


class PriceReply(Predicted):
    """The predicted price in `currency` (ISO 4217), that of the books the model has learnt from.

    `informative` is False where the inputs say nothing about prices. `features` are told where they came
    from the online store, for a book that was named by its id.
    """

    price: float
    currency: str = "GBP"
    interval: Interval
    informative: bool
    model: ModelRef
    features: FeatureFreshness | None = None


class SentimentRequest(Contract):
    """A description to judge."""

    description: Annotated[str, Field(min_length=1, max_length=MAX_DESCRIPTION)]

    @field_validator("description")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise PydanticCustomError("blank", "must hold at least one character that is not a space")
        return value


class SentimentReply(Predicted):
    """`score` runs from -1 (negative) to 1 (positive).

    `sentence` is the passage of the text that spoke most for the answer, one sentence or a few short ones.
    `language` is the text's (ISO 639-1). A text in another language than English is not understood: it is
    neutral, its score 0 and `sentence` null, which says nothing of its tone. Null means that the language
    cannot be told, as of a few words, a mixture, or letters that are no words: it is judged as English, and
    the score of what makes no sense means nothing, however high it is.
    """

    sentiment: Literal["negative", "neutral", "positive"]
    score: float
    sentence: str | None = None
    language: str | None = None
    model: ModelRef


class PredictionsRequest(Contract):
    """Many inputs for one model; each is judged alone, so one bad input spoils only its own answer."""

    # What is beyond all bounds, such as 1e400, must not become null on the way, which says "not known".
    model_config = ConfigDict(ser_json_inf_nan="constants")

    model: ModelName
    inputs: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_INPUTS)]


class Prediction(Contract):
    """Either the reply to the input at `index`, or the errors that it has."""

    index: int
    prediction: PriceReply | RecommendationReply | SentimentReply | None = None
    error: Problem | None = None


class PredictionsReply(Contract):
    """`model` has answered all of the items; where a trial shares them out to two versions, it is the one on
    duty, and each prediction names its own."""

    items: tuple[Prediction, ...]
    model: ModelRef


class ServedModel(Contract):
    """One model as the model server has it: the version on duty since when, None where nobody is.

    `wanted_version` is the one that the registry names champion; where it is not on duty, `refused` says why.
    `trial` is what is tried beside it; None where no trial is on.
    """

    name: str
    version: str | None
    run_id: str | None
    informative: bool | None = None
    since: AwareDatetime | None = None
    wanted_version: str | None = None
    refused: str | None = None
    trial: OnTrial | None = None


class ModelsReply(Contract):
    items: tuple[ServedModel, ...]


class ModelStatus(Contract):
    """One model's newest version, its score beside the baseline's, and what its gate said.

    `champion` is the number of the version that has the alias, None if none has. `promotion` is
    `champion`, a refusal with its reason, or empty before the gate has judged it. `source` is the one whose
    books it learnt from, "" where they are of several, None where that was not noted. `feature_service` is
    what it learnt from, None for a model that learnt from a corpus. `unservable` says why this code cannot
    serve that version, None if it can.
    """

    name: str
    version: str
    metric: str
    unit: str
    score: float
    baseline: float
    informative: bool | None
    promotion: str
    champion: str | None
    snapshot_id: int | None
    source: str | None = None
    feature_service: str | None = None
    unservable: str | None = None
