"""The books on offer that are near one book, or what is liked, disliked and said in words."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeAlias

from bookshelf.contracts import (
    Reason,
    Recommendation,
    RecommendationFilters,
    RecommendationReply,
    RecommendationRequest,
    SimilarReply,
    SimilarRequest,
)
from bookshelf.errors import BookshelfError, ModelUnavailable, NotFound
from features.schema import VECTOR
from features.text import clean_description
from serving.answers import Answer
from serving.champions import Champion
from serving.encoding import Encoding
from serving.offer import Offer, OnOffer, Places
from serving.used import Used

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from features.recommender import BookRecommender
    from features.search import Wish

Request: TypeAlias = RecommendationRequest | SimilarRequest
Rows: TypeAlias = "NDArray[np.bool_] | None"

# So many answers about so few books take less time than handing them to a thread and back.
_AT_ONCE, _FEW_BOOKS = 8, 10_000


class RecommendationAnswers:
    """The books nearest to each request, of those still on offer, each with its reason."""

    contract = RecommendationRequest

    def __init__(self, champion: Champion, offer: OnOffer, encoding: Encoding) -> None:
        self.champion = champion
        self._offer = offer
        self._encoding = encoding
        self._known: Places | None = None

    async def __call__(self, requests: Sequence[Request], used: list[Used] | None = None) -> list[Answer]:
        places = self._places_in(await self._offer.now())
        vectors = [await self._vector(one) for one in requests]
        if used is not None:
            used += [_used(one, places) for one in vectors]
        if len(requests) <= _AT_ONCE and len(self._model.book_ids) <= _FEW_BOOKS:
            return self._answers(requests, vectors, places)
        return await asyncio.to_thread(self._answers, requests, vectors, places)

    async def again(self, request: Request, used: Used) -> Answer:
        """The books nearest to the request of those that were on offer then.

        Raises `ModelUnavailable` if the catalogue, which knows those, cannot be read.
        """
        vector = None if used.features is None else used.features[VECTOR]
        return await asyncio.to_thread(self._answer_again, request, vector, used.snapshot_id)

    def _answer_again(
        self, request: Request, vector: NDArray[np.float32] | None, snapshot_id: int | None
    ) -> Answer:
        offer = None if snapshot_id is None else self._offer.of_snapshot(snapshot_id)
        return self._answer(request, vector, None if offer is None else offer.places_of(self._model.book_ids))

    @property
    def _model(self) -> BookRecommender:
        model: BookRecommender = self.champion.model
        return model

    def _places_in(self, offer: Offer | None) -> Places | None:
        """Where the index's books stand in the offer, found once a revision; None where that is not known."""
        if offer is None:
            return None
        if self._known is None or self._known.offer.revision != offer.revision:
            self._known = offer.places_of(self._model.book_ids)
        return self._known

    async def _vector(self, request: Request) -> NDArray[np.float32] | None:
        text = _text(request)
        if not text:
            return None
        assert self.champion.encoder is not None  # no recommender is served without one
        [found] = await self._encoding.done(self.champion.encoder.embed, [text])
        vector: NDArray[np.float32] = found
        return vector

    def _answers(
        self,
        requests: Sequence[Request],
        vectors: Sequence[NDArray[np.float32] | None],
        places: Places | None,
    ) -> list[Answer]:
        return [self._answer(*one, places) for one in zip(requests, vectors, strict=True)]

    def _answer(self, request: Request, vector: NDArray[np.float32] | None, places: Places | None) -> Answer:
        try:
            if isinstance(request, RecommendationRequest):
                items = self._items(self._wish_for(request), request.limit, _offered(places))
                return RecommendationReply(book_id=request.book_id, items=items, model=self.champion.ref)
            among = _passing(request.filters, places)
            items = self._items(self._wish(request, vector), request.limit, among, request.diversity)
            return SimilarReply(items=items, model=self.champion.ref)
        except BookshelfError as error:
            return error

    def _items(
        self, wish: Wish, limit: int, among: Rows, diversity: float = 0.0
    ) -> tuple[Recommendation, ...]:
        near = self._model.nearest(wish, limit, among, diversity)
        reasons = self._model.why(wish, [one.book_id for one in near])
        return tuple(
            Recommendation(
                id=one.book_id,
                title=one.title,
                category=one.category,
                score=one.score,
                why=Reason(**asdict(why)),
            )
            for one, why in zip(near, reasons, strict=True)
        )

    def _wish_for(self, request: RecommendationRequest) -> Wish:
        self._check("book_id", request.book_id)
        return self._model.wish([request.book_id])

    def _wish(self, request: SimilarRequest, vector: NDArray[np.float32] | None) -> Wish:
        for field, ids in (("like", request.like), ("dislike", request.dislike)):
            for place, book_id in enumerate(ids):
                self._check(f"{field}.{place}", book_id)
        return self._model.wish(_once(request.like), _once(request.dislike), _text(request), vector)

    def _check(self, field: str, book_id: int) -> None:
        try:
            self._model.row(book_id)
        except KeyError as error:
            reason = f"recommender version {self.champion.version} does not know book {book_id}"
            raise NotFound(field, reason) from error


def _text(request: Request) -> str:
    """What is said in words, as descriptions are read; "" for nothing."""
    if isinstance(request, RecommendationRequest) or request.text is None:
        return ""
    return clean_description(request.text) or request.text.strip()


def _used(vector: NDArray[np.float32] | None, places: Places | None) -> Used:
    """The vector of what was said in words, and the snapshot whose offer was known."""
    features = None if vector is None else {VECTOR: vector}
    return Used(features, snapshot_id=None if places is None else places.offer.snapshot_id)


def _once(book_ids: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(book_ids))


def _offered(places: Places | None) -> Rows:
    return None if places is None else places.offered


def _passing(filters: RecommendationFilters, places: Places | None) -> Rows:
    """Which rows of the index the filters let through. Raises `ModelUnavailable` where nobody can say,
    and `NotFound` for a category or a source of no book on offer.
    """
    if places is not None:
        places.offer.check(filters)
        return places.passing(filters)
    if filters == RecommendationFilters():
        return None
    raise ModelUnavailable("the catalogue, which the filters ask, cannot be read or is empty")
