"""A full-text index over the versions of books; those of before are taken up.

Revision ID: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

# The texts stay in the table of the versions and are not kept twice. In parts of 16 MB and not of 1 MB a
# large publication writes the index three times as fast.
_SQLITE = (
    "CREATE VIRTUAL TABLE book_words USING fts5("
    "title, author, category, genre, description, "
    "content='book_versions', content_rowid='id', tokenize='unicode61 remove_diacritics 2')",
    "INSERT INTO book_words (book_words, rank) VALUES ('hashsize', 16777216)",
    "INSERT INTO book_words (book_words) VALUES ('rebuild')",
)

# PostgreSQL's own parser would take addresses, paths and signed numbers for words, and `unaccent` is an
# extension that not every server has. Only what has letters beyond ASCII is taken apart into letters and
# accents, which takes as long as all the rest. A tsvector has room for 1 MB: texts are cut long before.
_POSTGRESQL = (
    r"""
    CREATE FUNCTION bookshelf_plain(told text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT regexp_replace(
            CASE WHEN kept ~ '[\u00c0-\u1fff\u2c00-\uffef]'
                THEN regexp_replace(normalize(kept, NFD), '[\u0300-\u036f]+', '', 'g')
                ELSE kept END,
            '[-!-,./:-@\[-`{-~]+', ' ', 'g')
        FROM left(told, 100000) AS kept
    $$""",
    """
    CREATE FUNCTION bookshelf_words(title text, author text, category text, genre text, description text)
    RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT setweight(to_tsvector('simple', bookshelf_plain(title)), 'A')
            || setweight(to_tsvector('simple', bookshelf_plain(author)), 'B')
            || setweight(to_tsvector('simple', bookshelf_plain(category || ' ' || genre)), 'C')
            || to_tsvector('simple', bookshelf_plain(description))
    $$""",
    """
    CREATE FUNCTION bookshelf_wanted(term text, begins boolean)
    RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT CASE WHEN begins AND numnode(phrase) > 0 THEN (phrase::text || ':*')::tsquery ELSE phrase END
        FROM phraseto_tsquery('simple', bookshelf_plain(term)) AS phrase
    $$""",
    "CREATE TABLE book_words (version_id bigint PRIMARY KEY, words tsvector NOT NULL)",
    # A sample of the vectors tells the planner enough; they are long to read.
    "ALTER TABLE book_words ALTER words SET STATISTICS 10",
    "CREATE INDEX books_by_word ON book_words USING gin (words)",
    """
    INSERT INTO book_words (version_id, words)
    SELECT id, bookshelf_words(title, author, category, genre, description) FROM book_versions""",
)


def upgrade() -> None:
    connection = op.get_bind()
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        connection.exec_driver_sql(statement)  # as it stands: Alembic would take `:alnum:` for a parameter
