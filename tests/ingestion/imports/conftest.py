"""A catalogue on each database, and the command that imports into it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookshelf.catalogue import Catalogue
from bookshelf.settings import Settings
from ingestion.imports.command import add_arguments, run_import
from tests.ingestion.imports.files import Import


@pytest.fixture
def catalogue(database_url: str) -> Iterator[Catalogue]:
    opened = Catalogue.open(database_url)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def imported(
    catalogue: Catalogue, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Import:
    """Imports a file as the command does; in a working folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(path: Path, *arguments: str) -> int:
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        return run_import(parser.parse_args([str(path), *arguments]), catalogue, settings)

    return run
