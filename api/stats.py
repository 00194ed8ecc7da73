"""Counts and averages over the catalogue, whole and by category, now or then."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response

from api.documentation import group
from api.inputs import CatalogueQuery
from api.parts import parts
from api.schemas import (
    CategoriesReply,
    CategoryReply,
    CategoryStatisticsList,
    CategoryStatisticsReply,
    OverviewReply,
)
from api.sources import known_source
from api.wire import json_reply
from bookshelf.catalogue import BookFilter

stats = group("statistics", "", "The catalogue in numbers.", 404, 422, 503)


@stats.get("/categories", responses={200: CategoriesReply})
def categories(query: CatalogueQuery) -> Response:
    """Every category with its number of books, by name."""
    found = parts().catalogue.categories(_wanted(query))
    return json_reply(
        CategoriesReply(items=[CategoryReply(name=each.name, books=each.books) for each in found])
    )


@stats.get("/stats/overview", responses={200: OverviewReply})
def overview(query: CatalogueQuery) -> Response:
    """The whole catalogue in four numbers."""
    return json_reply(OverviewReply(**asdict(parts().catalogue.overview(_wanted(query)))))


@stats.get("/stats/categories", responses={200: CategoryStatisticsList})
def category_statistics(query: CatalogueQuery) -> Response:
    """Prices, ratings and stock of each category, by name."""
    found = parts().catalogue.categories(_wanted(query))
    return json_reply(
        CategoryStatisticsList(items=[CategoryStatisticsReply.model_validate(each) for each in found])
    )


def _wanted(asked: CatalogueQuery) -> BookFilter:
    return BookFilter(source=known_source(asked.source), as_of=asked.as_of)
