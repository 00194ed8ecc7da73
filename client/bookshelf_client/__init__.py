"""A typed client of the Bookshelf API: one method an operation, answers as models, problems as exceptions."""

from bookshelf_client.client import Client
from bookshelf_client.errors import (
    BrokenAnswer,
    ClientError,
    Conflict,
    InvalidRequest,
    NoAnswer,
    NotAuthenticated,
    NotFound,
    Refused,
    Unavailable,
)
from bookshelf_client.paging import every

__all__ = [
    "BrokenAnswer",
    "Client",
    "ClientError",
    "Conflict",
    "InvalidRequest",
    "NoAnswer",
    "NotAuthenticated",
    "NotFound",
    "Refused",
    "Unavailable",
    "every",
]
