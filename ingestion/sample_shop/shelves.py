"""The shop's categories: how many books stand on each shelf, and how they are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shelf:
    """One category; its books are told in turn from `sources`, families or strands of `prose/`."""

    category: str
    books: int
    sources: tuple[str, ...]


_STORIES = (
    "mystery thriller horror romance literary literary historical classics fantasy scifi young "
    "children comics"
)
_FACTS = "travel food history science arts business ideas lives mind faith/pray faith/study outdoors"
_EVERYTHING = f"{_STORIES} poetry humour {_FACTS}"

# Uneven as in a real shop: a few long shelves, many short ones, and two that say nothing about a book.
_SHELVES: tuple[tuple[str, int, str], ...] = (
    ("Travel", 12, "travel/go travel/go travel/guide"),
    ("Mystery", 33, "mystery"),
    ("Historical Fiction", 27, "historical"),
    ("Sequential Art", 69, "comics/cape comics/cape comics/serial comics/drawn"),
    ("Classics", 20, "classics"),
    ("Philosophy", 11, "ideas/think"),
    ("Romance", 36, "romance/com romance/com romance/slow"),
    ("Womens Fiction", 17, "romance/anew romance/anew literary/family"),
    ("Fiction", 64, "literary literary literary historical mystery/police romance/slow"),
    ("Childrens", 30, "children"),
    ("Religion", 7, "faith/study faith/pray"),
    ("Nonfiction", 101, _FACTS),
    ("Music", 13, "arts/band arts/band arts/play"),
    ("Default", 145, _EVERYTHING),
    ("Science Fiction", 18, "scifi"),
    ("Sports and Games", 5, "outdoors/sport"),
    ("Add a comment", 64, _EVERYTHING),
    ("Fantasy", 49, "fantasy/quest fantasy/quest fantasy/thief fantasy/small"),
    ("New Adult", 6, "young/now romance/com"),
    ("Young Adult", 52, "young"),
    ("Science", 15, "science"),
    ("Poetry", 21, "poetry"),
    ("Paranormal", 2, "horror/ghost"),
    ("Art", 8, "arts/look arts/painter"),
    ("Psychology", 8, "mind/psyche mind/help"),
    ("Autobiography", 9, "lives/memoir"),
    ("Parenting", 2, "mind/child"),
    ("Adult Fiction", 1, "literary/ruin"),
    ("Humor", 11, "humour"),
    ("Horror", 18, "horror/haunt horror/haunt horror/ruin"),
    ("History", 19, "history/event history/event history/thing"),
    ("Food and Drink", 31, "food/cook food/cook food/bake food/essay food/drink"),
    ("Christian Fiction", 6, "faith/novel"),
    ("Business", 13, "business/do business/do business/fall"),
    ("Biography", 6, "lives/life"),
    ("Thriller", 12, "thriller/chase thriller/chase thriller/home"),
    ("Contemporary", 3, "literary/family literary/loss"),
    ("Spirituality", 6, "faith/pray mind/help"),
    ("Academic", 1, "ideas/think"),
    ("Self Help", 5, "mind/help"),
    ("Historical", 2, "historical/court"),
    ("Christian", 3, "faith/pray"),
    ("Suspense", 1, "thriller/home"),
    ("Short Stories", 2, "literary/stories"),
    ("Novels", 1, "literary/family"),
    ("Health", 4, "mind/help"),
    ("Politics", 3, "ideas/power"),
    ("Cultural", 1, "ideas/power"),
    ("Gardening", 3, "outdoors/plot"),
    ("Crafts", 4, "outdoors/make"),
)

SHELVES = tuple(Shelf(category, books, tuple(sources.split())) for category, books, sources in _SHELVES)
