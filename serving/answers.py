"""What each model answers: requests in, one reply or one error each out, in their order.

One question is a batch of one, so that asking alone and asking in bulk go the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from bookshelf.contracts import (
    MAX_DESCRIPTION,
    Contract,
    FeatureFreshness,
    Interval,
    PriceReply,
    PriceRequest,
    RecommendationReply,
    SentimentReply,
    SentimentRequest,
    SimilarReply,
)
from bookshelf.errors import BookshelfError, InvalidBook
from features.schema import NUMBERS, VECTOR
from features.text import clean_description
from serving.champions import Champion
from serving.compiled import compiled_form
from serving.encoding import Encoding
from serving.freshness import Freshness
from serving.online import PRICE_FEATURES, OnlineFeatures, OnlineRow, of_book
from serving.used import Used

if TYPE_CHECKING:
    import pandas as pd

    from features.layers import LayeredEncoder

Reply: TypeAlias = PriceReply | RecommendationReply | SimilarReply | SentimentReply
Answer: TypeAlias = Reply | BookshelfError
In = TypeVar("In")
Out = TypeVar("Out")

# So many take less time than handing them to a thread and back.
_AT_ONCE = 8
# A long batch is judged in parts, none longer than one text may be: a single question waits for a part
# and not for the whole, and a caller who has gone costs no more than the part that is under way.
_CHARACTERS_AT_ONCE = MAX_DESCRIPTION
_KNOWN_SHOWN = 10


class Answers(Protocol):
    """A champion that answers requests of `contract`.

    A call adds to `used` what each answer was made from, in their order; with that, `again` makes one anew.
    """

    @property
    def contract(self) -> type[Contract]: ...

    @property
    def champion(self) -> Champion: ...

    async def __call__(self, requests: Sequence[Any], used: list[Used] | None = None) -> list[Answer]: ...

    async def again(self, request: Any, used: Used) -> Answer: ...


class PriceAnswers:
    """Prices: books known by id get their features from the online store, all are predicted in one go.

    Descriptions are encoded only for a model that reads vectors, in the thread that encodes for all. Few
    books are priced by the model's compiled form, where it has one, and many by the model itself: the same
    to `TOLERANCE`, and to a penny but for prices on the border between two.
    """

    contract = PriceRequest

    def __init__(
        self, champion: Champion, online: OnlineFeatures, freshness: Freshness, encoding: Encoding
    ) -> None:
        self.champion = champion
        self._online = online
        self._freshness = freshness
        self._encoding = encoding
        self._compiled = compiled_form(champion)

    async def __call__(
        self, requests: Sequence[PriceRequest], used: list[Used] | None = None
    ) -> list[Answer]:
        by_id = [one.book_id for one in requests if one.book_id is not None]
        known = await self._online.read(by_id, _read_by(self.champion)) if by_id else {}
        fresh = await self._freshness.of(known) if known else {}
        rows = [_attempt(self._inputs, one, known) for one in requests]
        sound = await self._with_vectors([row for row in rows if not isinstance(row, BookshelfError)])
        answers = _in_place(rows, await _off_loop(self._replies, sound))
        if used is not None:
            used += [
                _used(one, row, known) for one, row in zip(requests, _in_place(rows, sound), strict=True)
            ]
        return [_told(answer, one, fresh) for one, answer in zip(requests, answers, strict=True)]

    async def again(self, request: PriceRequest, used: Used) -> Answer:
        """The price by those features; how fresh they were is no part of it."""
        assert used.features is not None, request  # a price is never noted without
        [reply] = await _off_loop(self._replies, [used.features])
        return reply

    def _inputs(self, request: PriceRequest, known: Mapping[int, OnlineRow]) -> Mapping[str, Any]:
        """The request as a row of features. What was not given is what training calls not known."""
        if request.book_id is not None:
            return of_book(known, request.book_id)
        # A catalogue need not have any: then none is better than another, and the model takes no notice.
        if self._categories and request.category not in self._categories:
            some = ", ".join(map(repr, list(self._categories)[:_KNOWN_SHOWN]))
            expected = f"one of the {len(self._categories)} categories the model knows, such as {some}"
            raise InvalidBook("category", expected, request.category)
        given = request.model_dump(exclude={"book_id", "description"})
        known_texts = {name: text or "" for name, text in given.items() if name not in NUMBERS}
        return given | known_texts | {"description": clean_description(request.description or "")}

    @cached_property
    def _categories(self) -> dict[str, None]:
        """Those that have a name, in the model's order."""
        return dict.fromkeys(name for name in self.champion.model.categories if name)

    async def _with_vectors(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """The rows, each with the vector of its description if the model reads one."""
        if not self.champion.model.reads_vectors:
            return rows
        texts = [row["description"] for row in rows if VECTOR not in row]
        vectors: list[Any] = []
        for part in _parts(texts):
            vectors += await self._encoding.done(self._vectors, part)
        made = iter(vectors)
        return [row if VECTOR in row else {**row, VECTOR: next(made)} for row in rows]

    def _vectors(self, texts: list[str]) -> list[Any]:
        encoder = self.champion.encoder
        assert encoder is not None  # no model that reads vectors is served without one
        # The model takes no notice of the vector of no text.
        told = iter(encoder.embed([text for text in texts if text]))
        return [next(told) if text else [0.0] * encoder.dimensions for text in texts]

    def _replies(self, rows: Sequence[Mapping[str, Any]]) -> list[Reply]:
        if not rows:
            return []
        model = self.champion.model
        return [
            PriceReply(
                price=round(price, 2),
                currency=model.currency,
                interval=Interval(low=round(low, 2), high=round(high, 2), coverage=model.coverage),
                informative=model.informative,
                model=self.champion.ref,
            )
            for price, low, high in self._prices(rows)
        ]

    def _prices(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[float, float, float]]:
        """Price, low and high of each row."""
        if self._compiled is not None and len(rows) <= _AT_ONCE:
            return [self._compiled.predict(row) for row in rows]
        model = self.champion.model
        predicted: list[tuple[float, float, float]] = (
            model.predict(_frame(rows, model.inputs))[["price", "low", "high"]].to_numpy().tolist()
        )
        return predicted


class SentimentAnswers:
    """The tone of texts, judged together where several callers wait."""

    contract = SentimentRequest

    def __init__(self, champion: Champion, encoding: Encoding) -> None:
        self.champion = champion
        self._encoding = encoding

    async def __call__(
        self, requests: Sequence[SentimentRequest], used: list[Used] | None = None
    ) -> list[Answer]:
        texts = [_attempt(_text, one) for one in requests]
        sound = [text for text in texts if not isinstance(text, BookshelfError)]
        replies: list[tuple[Reply, Used]] = []
        for part in _parts(sound):
            replies += await self._encoding.done(self._replies, part)
        made = _in_place(texts, replies)
        if used is not None:
            used += [Used() if isinstance(one, BookshelfError) else one[1] for one in made]
        return [one if isinstance(one, BookshelfError) else one[0] for one in made]

    async def again(self, request: SentimentRequest, used: Used) -> Answer:
        """The tone of that text, read anew.

        A passage comes out a little otherwise beside others than alone: as long as it is no more than that,
        the answer is made of what was thought of it then.
        """
        work = partial(self._replies_again, used)
        reply: SentimentReply
        [reply] = await self._encoding.done(work, [_text(request)])
        return reply

    @cached_property
    def _layers(self) -> LayeredEncoder:
        from features.layers import LayeredEncoder

        assert self.champion.encoder is not None  # no sentiment model is served without one
        return LayeredEncoder.over(self.champion.encoder)

    def _replies(self, texts: list[str]) -> list[tuple[Reply, Used]]:
        from features.sentiment import impressions
        from serving.tones import tones, used_by

        found = impressions(self.champion.model, self._layers.embed, texts)
        return list(zip(tones(self.champion, found), used_by(found), strict=True))

    def _replies_again(self, used: Used, texts: list[str]) -> list[SentimentReply]:
        from features.sentiment import impressions
        from serving.tones import as_then, tones

        found = impressions(self.champion.model, self._layers.embed, texts)
        return tones(self.champion, as_then(found, used))


def _text(request: SentimentRequest) -> str:
    """What the description says, without what a shop's page adds to it."""
    text = clean_description(request.description)
    if not text:
        raise InvalidBook("description", "text that can be read", request.description[:_KNOWN_SHOWN])
    return text


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in their order, as many together as have so many characters in all, at least one."""
    part: list[str] = []
    for text in texts:
        if part and sum(map(len, part)) + len(text) > _CHARACTERS_AT_ONCE:
            yield part
            part = []
        part.append(text)
    if part:
        yield part


def _frame(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> pd.DataFrame:
    """The columns of those names as the price model reads them: numbers as doubles, NaN where not known."""
    import numpy as np
    import pandas as pd

    # Column by column, each with its type: from rows, pandas takes three times as long to find them out.
    return pd.DataFrame(
        {
            name: np.array([row[name] for row in rows], dtype="float64")
            if name in NUMBERS
            else pd.Series([row[name] for row in rows], dtype=object)
            for name in names
        }
    )


def _read_by(champion: Champion) -> list[str]:
    """The features that a price model reads; what it does not read need not be there."""
    return [one for one in PRICE_FEATURES if one.partition(":")[2] in champion.model.inputs]


def _used(
    request: PriceRequest, row: Mapping[str, Any] | BookshelfError, known: Mapping[int, OnlineRow]
) -> Used:
    """What a price was made from; nothing where there is none."""
    if isinstance(row, BookshelfError):
        return Used()
    return Used(row, {} if request.book_id is None else known[request.book_id].event_times)


def _told(answer: Answer, request: PriceRequest, fresh: Mapping[int, FeatureFreshness]) -> Answer:
    """The answer, with how fresh the features are that it was made from."""
    if request.book_id is None or not isinstance(answer, PriceReply):
        return answer
    return answer.model_copy(update={"features": fresh[request.book_id]})


def _attempt(function: Callable[..., Out], *arguments: Any) -> Out | BookshelfError:
    """What the function returns, or the error of ours that it raises."""
    try:
        return function(*arguments)
    except BookshelfError as error:
        return error


def _in_place(attempts: Iterable[object], replies: Iterable[Out]) -> list[Out | BookshelfError]:
    """The errors among the attempts where they are, and the replies, in their order, for the others."""
    rest = iter(replies)
    return [one if isinstance(one, BookshelfError) else next(rest) for one in attempts]


async def _off_loop(function: Callable[[Sequence[In]], list[Out]], items: Sequence[In]) -> list[Out]:
    """What the function makes of the items, in another thread if it takes long enough to hold up others."""
    return function(items) if len(items) <= _AT_ONCE else await asyncio.to_thread(function, items)
