"""A catalogue that cannot be opened is one that cannot be read: who asks it is told so, and goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bookshelf.catalogue import Catalogue
from serving.newest import NewestSnapshot
from serving.offer import OnOffer
from serving.opening import open_catalogue


def of_a_newer_release(home: Path) -> str:
    url = f"sqlite:///{home / 'catalogue.db'}"
    engine = Catalogue.open(url).engine
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    return url


def in_a_home_that_takes_no_files(home: Path) -> str:
    (home / "home").write_text("a file where a folder should be")
    return f"sqlite:///{home / 'home' / 'catalogue.db'}"


@pytest.mark.parametrize("url_in", [of_a_newer_release, in_a_home_that_takes_no_files])
def test_what_cannot_be_opened_cannot_be_read(tmp_path: Path, url_in: Callable[[Path], str]) -> None:
    url = url_in(tmp_path)
    with pytest.raises(SQLAlchemyError, match="the catalogue cannot be opened: "):
        open_catalogue(url)
    newest = NewestSnapshot(lambda: open_catalogue(url))
    newest.look()
    assert newest.id is None
    assert asyncio.run(OnOffer(lambda: open_catalogue(url)).now()) is None
