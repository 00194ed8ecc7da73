"""The catalogue as serving opens it: one that cannot be opened is one that cannot be read."""

from __future__ import annotations

from alembic.util.exc import CommandError
from sqlalchemy.exc import InvalidRequestError

from bookshelf.catalogue import Catalogue
from bookshelf.errors import SettingsError


def open_catalogue(url: str) -> Catalogue:
    """The catalogue at that address. Raises `SQLAlchemyError`, as reading it does, whatever keeps it shut."""
    try:
        return Catalogue.open(url)
    # A home that takes no lock file, or tables that a newer release than this has made.
    except (SettingsError, CommandError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InvalidRequestError(f"the catalogue cannot be opened: {reason}") from error
