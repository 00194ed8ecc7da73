"""`python -m ingestion scrape|publish|ensure|work`: parse, call, and say errors in one line."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from sqlalchemy.exc import OperationalError

from bookshelf.catalogue import Catalogue
from bookshelf.errors import BookshelfError
from bookshelf.settings import Settings, load_settings
from ingestion import commands
from ingestion.work import work


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 an error that is said on stderr, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        _run(options, Catalogue.open(settings.catalogue_url), settings)
    except BookshelfError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OperationalError as error:
        print(f"error: the catalogue database cannot be used: {error.orig}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _run(options: argparse.Namespace, catalogue: Catalogue, settings: Settings) -> None:
    if options.command == "scrape":
        commands.scrape(catalogue, settings, options.source)
    elif options.command == "publish":
        commands.publish(catalogue, settings)
    elif options.command == "ensure":
        commands.ensure(catalogue, settings, options.source)
    else:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        work(catalogue, settings, commands.publish_features)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ingestion", description="From shop to features.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    told = {
        "scrape": "read a shop and put its books in place of those in the catalogue",
        "publish": "bring the catalogue's features into the feature store",
        "ensure": "scrape and publish, as far as that has not been done yet",
        "work": "carry out the scrape runs asked for through the API, until stopped",
    }
    for name, what in told.items():
        command = commands.add_parser(name, help=what, description=what)
        if name in ("scrape", "ensure"):
            command.add_argument(
                "--source",
                default="",
                metavar="URL",
                help="address of the shop (default: SOURCE, or the live shop, or the bundled sample shop)",
            )
    return parser


if __name__ == "__main__":
    sys.exit(main())
