"""The command line of ingestion, `python -m ingestion`: parse, call, and say errors in one line."""

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
from ingestion.imports import command as imports
from ingestion.lease import Quarantined
from ingestion.work import work


def run(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 an error that is said on stderr, 3 quarantined."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        return _carry_out(options, Catalogue.open(settings.catalogue_url), settings)
    except Quarantined as error:
        print(f"quarantined: {error}", file=sys.stderr)
        return 3
    except BookshelfError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OperationalError as error:
        print(f"error: the catalogue database cannot be used: {error.orig}", file=sys.stderr)
        return 1


def _carry_out(options: argparse.Namespace, catalogue: Catalogue, settings: Settings) -> int:
    match options.command:
        case "scrape":
            commands.scrape(catalogue, settings, options.source)
        case "resume":
            commands.resume(catalogue, settings, options.run_id)
        case "release":
            commands.release(catalogue, settings, options.run_id)
        case "publish":
            commands.publish(catalogue, settings)
        case "ensure":
            commands.ensure(catalogue, settings, options.source)
        case "import":
            return imports.run_import(options, catalogue, settings)
        case "work":
            logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
            work(catalogue, settings, commands.publish_features)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ingestion", description="From shop to features.")
    added = parser.add_subparsers(dest="command", required=True, metavar="command")
    told = {
        "scrape": "read a shop and publish what it has on offer",
        "import": "take a catalogue from a file: CSV, TSV, Excel, Parquet or NDJSON",
        "resume": "go on with a run that did not come to its end",
        "release": "publish what a quarantined run found, although the checks refused it",
        "publish": "bring the catalogue's features into the feature store",
        "ensure": "scrape and publish, as far as that has not been done yet",
        "work": "carry out queued runs, keep the schedule and send notices, until stopped",
    }
    made = {name: added.add_parser(name, help=what, description=what) for name, what in told.items()}
    for name in ("scrape", "ensure"):
        made[name].add_argument(
            "--source",
            default="",
            metavar="URL",
            help="address of the shop (default: SOURCE, or the live shop, or the bundled sample shop)",
        )
    for name in ("resume", "release"):
        made[name].add_argument("run_id", metavar="RUN_ID", help="the run's id, as `/scraping/runs` lists it")
    imports.add_arguments(made["import"])
    return parser
