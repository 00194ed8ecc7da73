"""Sources that are asked for by name: one that was never heard of is no source without books."""

from __future__ import annotations

from api.parts import parts
from bookshelf.errors import NotFound

_MOST_NAMED = 10


def known_source(source: str | None) -> str | None:
    """The source, of which a snapshot was taken at some time; None for everybody's. Raises `NotFound`."""
    if source is None or source in (known := parts().catalogue.snapshots.sources()):
        return source
    named = ", ".join(known[:_MOST_NAMED]) or "none yet"
    raise NotFound("source", f"no source is called {source[:200]!r}; there are {named}")
