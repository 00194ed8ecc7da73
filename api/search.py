"""The two ways to search books: for the words that they hold, and for what they are about."""

from __future__ import annotations

from collections.abc import Iterator

from api.book_schemas import BookPage, BookReply, FoundBook, SearchPage
from api.errors import InvalidRequest, ModelRefused, field_error
from api.inputs import SearchQuery
from api.parts import parts
from api.sources import known_source
from bookshelf.catalogue import BookFilter
from bookshelf.contracts import FieldError, RecommendationFilters, SimilarRequest
from bookshelf.errors import NotFound
from bookshelf.words import Term, terms_of

MAX_TERMS = 16
#: So many are ranked by meaning; further down, nearness says little.
MOST_NEAR = 100
# What the model server calls what a query asks with.
_ASKED_AS = {"text": "q", "filters.category": "category", "filters.source": "source"}


def by_words(query: SearchQuery) -> BookPage:
    """The books that have every word of `q` and match the rest, the most relevant first.

    Raises `InvalidRequest` for a `q` without words, or with too many, and `NotFound` for an unknown source.
    """
    wanted = BookFilter(
        title=query.title,
        category=query.category,
        words=_terms(query.q) if query.q else (),
        source=known_source(query.source),
        as_of=query.as_of,
    )
    found, total = parts().catalogue.page(wanted, number=query.page, size=query.page_size, order="relevance")
    return BookPage.of(map(BookReply.of, found), total, query)


def by_meaning(query: SearchQuery) -> SearchPage:
    """The books that the recommender finds nearest to `q`, as the catalogue has them now, best first.

    One that the catalogue no longer has is left out. Raises `InvalidRequest` for what has no meaning here,
    and `NotFound` for an unknown source or category.
    """
    if wrong := list(_not_by_meaning(query)):
        raise InvalidRequest(wrong)
    filters = RecommendationFilters(source=known_source(query.source), category=_whole_name(query))
    wanted = SimilarRequest(text=query.q, filters=filters, limit=MOST_NEAR)
    try:
        answer = parts().gateway.similar(wanted)
    except ModelRefused as refused:
        raise _as_asked(refused) from refused
    ids = tuple(item.id for item in answer.items)
    listed = {one.id: one for one in parts().catalogue.all_books(BookFilter(ids=ids, source=query.source))}
    found = [FoundBook.near(listed[item.id], item.score) for item in answer.items if item.id in listed]
    first = (query.page - 1) * query.page_size
    page = SearchPage.of(found[first : first + query.page_size], len(found), query)
    return page.model_copy(update={"model": answer.model})


def _terms(asked: str) -> tuple[Term, ...]:
    terms = terms_of(asked)
    if not terms:
        raise InvalidRequest([field_error("q", "must hold at least one letter or digit")])
    if len(terms) > MAX_TERMS:
        message = f"must hold at most {MAX_TERMS} different words, got {len(terms)}"
        raise InvalidRequest([field_error("q", message)])
    return terms


def _not_by_meaning(query: SearchQuery) -> Iterator[FieldError]:
    if not (query.q or "").strip():
        yield field_error("q", "is required with mode=semantic")
    if query.title is not None:
        yield field_error("title", "must not be given together with mode=semantic")
    if query.as_of is not None:
        yield field_error(
            "as_of", "must not be given together with mode=semantic: models know what is on offer now"
        )


def _as_asked(refused: ModelRefused) -> ModelRefused:
    """The model server's refusal, its fields called what they are called here."""
    errors = tuple(
        one.model_copy(update={"field": _ASKED_AS.get(one.field, one.field)})
        for one in refused.problem.errors
    )
    return ModelRefused(refused.problem.model_copy(update={"errors": errors}), refused.status)


def _whole_name(query: SearchQuery) -> str | None:
    """The category as books have it, whatever the case in which it was asked for."""
    if not query.category:
        return None
    near = parts().catalogue.categories(BookFilter(category=query.category, source=query.source))
    named = (one.name for one in near if one.name.casefold() == query.category.casefold())
    found = next(named, None)
    if found is None:
        raise NotFound("category", f"no book on offer is in the category {query.category!r}")
    return found
