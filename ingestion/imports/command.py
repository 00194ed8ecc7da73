"""`python -m ingestion import FILE`: what it takes, what it says on screen, and how it ends."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from bookshelf.catalogue import Catalogue
from bookshelf.errors import BookshelfError
from bookshelf.publication import STAND_IN
from bookshelf.settings import Settings
from ingestion.imports.composite import with_key
from ingestion.imports.importer import Import
from ingestion.imports.mapping import map_columns, parse_map
from ingestion.imports.refused import RefusedRows
from ingestion.imports.rows import USUAL_CURRENCY, RowReader
from ingestion.imports.tables import FORMATS, Reading, open_table
from ingestion.progress import tell

_LONGEST_SOURCE = 500
# Rows by which columns of opinions are told apart: one is enough where it says what it counts.
_SAMPLE = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command `import`."""
    parser.add_argument("file", type=Path, metavar="FILE", help=f"{', '.join(FORMATS)}, or any of them .gz")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="FIELD=COLUMN,…",
        help="which column gives which field; columns that are called like a field need not be named, "
        "and FIELD= leaves one out",
    )
    parser.add_argument(
        "--source", metavar="NAME", help="what the books' source is called (default: FILE's name)"
    )
    parser.add_argument(
        "--key",
        metavar="COLUMN",
        help="the column that tells books apart without UPC and ISBN, or several: Title+Author+Edition",
    )
    parser.add_argument(
        "--currency",
        metavar="CODE",
        type=_currency,
        help=f"of prices, by ISO 4217 (default: what they say themselves, else {USUAL_CURRENCY})",
    )
    parser.add_argument(
        "--decimal", choices=("point", "comma"), help="the decimal mark, where 1,299 or 1.299 may be either"
    )
    parser.add_argument("--delimiter", type=_delimiter, help="between the columns of a text file")
    parser.add_argument("--encoding", help="of a text file (default: found by reading it)")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would change and which rows are refused; change nothing",
    )
    parser.add_argument(
        "--refused",
        type=Path,
        metavar="CSV",
        help="where refused rows go, with line and reason (default: FILE's name with .refused.csv, "
        "in the working folder; in a dry run, nowhere)",
    )


def run_import(options: argparse.Namespace, catalogue: Catalogue, settings: Settings) -> int:
    """Import a file as all that its source has on offer. Exit status: 0 done, 3 quarantined.

    Raises `BookshelfError`, with the catalogue as it was, if it cannot be read, mapped or published.
    """
    source = _source(options)
    with open_table(options.file, Reading(options.encoding or "", options.delimiter or "")) as table:
        sample, whole = with_key(table, options.key).sampled(_SAMPLE)
        stated = parse_map(options.map, options.key)
        columns = map_columns(whole.columns, stated, [row.cells for row in sample])
        for line in (*table.told, f"columns: {columns}"):
            tell(line)
        reader = RowReader(columns, options.currency or "", options.decimal)
        refused = RefusedRows(_refused_path(options), table.columns)
        with refused.writing():
            one = Import(options.file, source, whole, reader, refused)
            return one.rehearse(catalogue) if options.dry_run else one.carry_out(catalogue, settings)


def _source(options: argparse.Namespace) -> str:
    source: str = options.file.name if options.source is None else options.source.strip()
    if not source or len(source) > _LONGEST_SOURCE or "\0" in source:
        raise BookshelfError(
            f"--source must be a name of 1 to {_LONGEST_SOURCE} characters, got {source[:80]!r}"
        )
    if any("\ud800" <= letter <= "\udfff" for letter in source):  # bytes of a name that is no UTF-8
        raise BookshelfError(f"--source must be a name in UTF-8, got {source[:80]!r}")
    if source == STAND_IN:
        raise BookshelfError(f"--source must be another name: {STAND_IN!r} stands in for a real one")
    return source


def _refused_path(options: argparse.Namespace) -> Path | None:
    if options.refused is None:
        return None if options.dry_run else Path.cwd() / f"{options.file.name}.refused.csv"
    path: Path = options.refused
    if path.is_dir():
        raise BookshelfError(f"--refused must be a file, and {path} is a folder")
    if path.resolve() == options.file.resolve():
        raise BookshelfError("--refused must be another file than the one that is imported")
    return path


def _currency(code: str) -> str:
    if not re.fullmatch("[A-Za-z]{3}", code):
        raise argparse.ArgumentTypeError(f"must be three letters of ISO 4217 such as GBP, got {code!r}")
    return code.upper()


def _delimiter(given: str) -> str:
    mark = "\t" if given in ("tab", "\\t") else given
    if len(mark) != 1 or mark in '"\r\n':
        raise argparse.ArgumentTypeError(f"must be one character, or tab, got {given!r}")
    return mark
