"""Full-text search: which books hold the words that somebody types, and which of them come first.

The index `book_words` has a row a version and is no table of the metadata: FTS5 on SQLite, a `tsvector` on
PostgreSQL. Both take letters and digits for words, whatever their case and accents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Literal

from sqlalchemy import Boolean, ColumnElement, Connection, Integer, cast, literal, literal_column, null, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from bookshelf.tables import versions

Place = Literal["title", "author", "shelf", "description"]

# One more term in the title comes before any number of them elsewhere, and so on; the description is last.
_RANKED: tuple[Place, ...] = ("title", "author", "shelf")
# For each place its columns in FTS5, and the weight that its words bear in PostgreSQL.
_COLUMNS: dict[Place, str] = {
    "title": "title",
    "author": "author",
    "shelf": "category genre",
    "description": "description",
}
_WEIGHTS: dict[Place, str] = {"title": "A", "author": "B", "shelf": "C", "description": "D"}

_ASKED = re.compile(r'"([^"]*)"?(\*?)|([^\s"]+)')

_INDEX_SQLITE = text(
    "INSERT INTO book_words (rowid, title, author, category, genre, description) "
    "SELECT id, title, author, category, genre, description "
    "FROM book_versions WHERE from_snapshot = :snapshot"
)
_INDEX_POSTGRESQL = text(
    "INSERT INTO book_words (version_id, words) "
    "SELECT id, bookshelf_words(title, author, category, genre, description) "
    "FROM book_versions WHERE from_snapshot = :snapshot"
)


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or several that follow each other; with `begins` the last may go on."""

    text: str
    begins: bool = False


def terms_of(asked: str) -> tuple[Term, ...]:
    """What somebody types, as terms, each once: every one must be in a book that is found.

    A word is a term, and so is what stands between double quotes; a `*` behind it lets it go on. Other
    signs mean nothing: `sci-fi` asks for the word fi after the word sci. What has neither letter nor digit
    is left out, so that there may be none.
    """
    found = []
    for quoted, starred, plain in _ASKED.findall(asked):
        term = Term(quoted, bool(starred)) if not plain else Term(plain.rstrip("*"), plain.endswith("*"))
        if any(map(str.isalnum, term.text)):
            found.append(term)
    return tuple(dict.fromkeys(found))


def holding(term: Term, place: Place | None = None) -> ColumnElement[bool]:
    """Which versions have the term in that place, or in any."""
    words = '"' + term.text.replace('"', " ") + '"' + "*" * term.begins
    return _holding(
        versions.c.id,
        literal(words if place is None else f"{{{_COLUMNS[place]}}} : {words}"),
        literal(term.text),
        literal(term.begins),
        # In the statement itself, because PostgreSQL wants an array of one-byte characters.
        null() if place is None else literal_column(f"'{{{_WEIGHTS[place]}}}'"),
    )


def by_relevance(terms: tuple[Term, ...]) -> tuple[ColumnElement[Any], ...]:
    """The order of what is found: most terms in the title, then as author, then as category or genre.

    Ties go to the lower id. It depends on nothing but the book itself, so that what is found as of a past
    moment stays in its order.
    """
    counts = [_count(terms, place) for place in _RANKED if terms]
    return (*(count.desc() for count in counts), versions.c.book_id.asc())


def _count(terms: tuple[Term, ...], place: Place) -> ColumnElement[int]:
    held = [cast(holding(term, place), Integer) for term in terms]
    return reduce(add, held)


def index_words(connection: Connection, snapshot_id: int) -> None:
    """Take up the versions that began with that snapshot, in the transaction that makes them."""
    sqlite = connection.dialect.name == "sqlite"
    connection.execute(_INDEX_SQLITE if sqlite else _INDEX_POSTGRESQL, {"snapshot": snapshot_id})
    if not sqlite:  # as for any table that was just filled, see `note_sizes`
        connection.execute(text("ANALYZE book_words"))


class _holding(FunctionElement[bool]):  # noqa: N801  (SQLAlchemy names functions in lower case)
    """Of a version's id: what FTS5 is asked, then what PostgreSQL is, term, whether it begins and weights."""

    name = "holding"
    type = Boolean()
    inherit_cache = True


@compiles(_holding, "sqlite")
def _match(element: _holding, compiler: SQLCompiler, **how: Any) -> str:
    version, match, *_ = (compiler.process(clause, **how) for clause in list(element.clauses)[:2])
    return f"({version} IN (SELECT rowid FROM book_words WHERE book_words MATCH {match}))"


@compiles(_holding, "postgresql")
def _tsquery(element: _holding, compiler: SQLCompiler, **how: Any) -> str:
    version, _, term, begins, weights = (compiler.process(clause, **how) for clause in element.clauses)
    wanted = f"bookshelf_wanted({term}, {begins})"
    if weights == "NULL":
        return f"({version} IN (SELECT version_id FROM book_words WHERE words @@ {wanted}))"
    # The index knows no weights. This is asked of what was found, row by row.
    return (
        f"(EXISTS (SELECT 1 FROM book_words WHERE version_id = {version} "
        f"AND ts_filter(words, {weights}) @@ {wanted}))"
    )
