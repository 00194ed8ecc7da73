"""In which form a table is wanted, and a file of the model server's handed on as it comes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from flask import Response, request

from api.errors import InvalidRequest, NotAcceptable, field_error
from api.gateway import PassedFile
from bookshelf.table_contracts import MEDIA_TYPES, FileFormat

TableFormat = Literal["json", "ndjson", "parquet"]

_MEDIA_TYPES: dict[TableFormat, str] = {
    "json": "application/json",
    "ndjson": MEDIA_TYPES["ndjson"],
    "parquet": MEDIA_TYPES["parquet"],
}
#: Of a reply that the Accept header may have chosen.
VARY = {"Vary": "Accept"}


def wanted_format(named: TableFormat | None) -> TableFormat:
    """The format that is named, or else that the Accept header likes best; JSON without either.

    Raises `NotAcceptable` for a header that takes none of them.
    """
    accepted = request.accept_mimetypes
    if named is not None or not accepted:
        return named or "json"
    best = accepted.best_match(_MEDIA_TYPES.values())
    found = next((name for name, media_type in _MEDIA_TYPES.items() if media_type == best), None)
    if found is None:
        raise NotAcceptable(f"this can be told as {', '.join(_MEDIA_TYPES.values())}")
    return found


def check_unpaged(format: FileFormat, given: Collection[str]) -> None:
    """Raises `InvalidRequest` for fields that ask for a page: a file has the whole table."""
    if paging := sorted({"page", "page_size"} & set(given)):
        raise InvalidRequest(field_error(name, f"{format} is not paged: it has every row") for name in paging)


def check_no_vectors(wanted: bool) -> None:
    """Raises `InvalidRequest` where vectors are wanted on a page, for which they are too long."""
    if wanted:
        raise InvalidRequest([field_error("vectors", "needs format=ndjson or format=parquet")])


def file_reply(passed: PassedFile) -> Response:
    """The file as a download; one that breaks off breaks off here too, so that nobody takes it for whole."""
    headers = {**VARY, **({"Content-Disposition": passed.disposition} if passed.disposition else {})}
    reply = Response(passed.chunks, mimetype=passed.media_type, headers=headers)
    reply.call_on_close(passed.close)
    return reply
