"""The command line of training, `python -m training`: parse, call, say errors in one line."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError

from bookshelf.arguments import NOW, number, past_moment, whole_number
from bookshelf.contracts import MODEL_NAMES
from bookshelf.errors import BookshelfError
from bookshelf.settings import Settings, load_settings
from training import commands, registry_commands

ALL = "all"
NEWEST = "newest"
#: The trainer goes on without a registry, until there is one.
WATCH = "watch"

_COMMANDS = {
    "main": "train all three models as they are trained by default",
    "price": "train the price model",
    "recommender": "train the recommender",
    "sentiment": "train the sentiment model",
    "dataset": "read the data of a run anew and compare; status 3 if they are not what they were",
    "parity": "compare features offline, online and as served, book by book; status 3 if any differ",
    "promote": "put versions on duty that pass their gate; status 3 if one is refused",
    "drift": "compare what the champions learnt from with what is on offer, as after every publish",
    "status": "tell what is registered and what serves",
    **registry_commands.TOLD,
}
#: How a parameter is read, by what its default is.
_READERS: dict[type, Callable[[str], Any]] = {int: whole_number(), float: number(), str: str}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 an error that is said on stderr, 2 wrong usage, 130 interrupted.

    3 means refused, or found to differ.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # MLflow and Alembic tell of every step; warnings stay.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        options, settings = parser(given).parse_args(given), load_settings()
        if options.command != WATCH:
            _wait_for_registry(settings)
        return _run(options, settings)
    except BookshelfError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OperationalError as error:
        print(f"error: the catalogue database cannot be used: {error.orig}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The command line. The parameters of a model are there only if `arguments` begin with its name:
    they stand in its module, and torch takes seconds to import.
    """
    top = argparse.ArgumentParser(prog="python -m training", description="From features to served models.")
    found = top.add_subparsers(dest="command", required=True, metavar="command")
    for name, told in _COMMANDS.items():
        command = found.add_parser(name, help=told, description=told)
        if name in ("main", "tune", *MODEL_NAMES):
            command.add_argument(
                "--as-of",
                type=past_moment,
                default=NOW,
                metavar="TIME",
                help=f"use what was known then: ISO 8601 with a zone (default: {NOW})",
            )
            command.add_argument(
                "--source", default="", help="learn from this source's books (default: from everybody's)"
            )
        if name in MODEL_NAMES and name in arguments[:1]:
            _add_params(command, commands.params_type(name))
        if name == "promote":
            command.add_argument("--name", choices=(ALL, *MODEL_NAMES), default=ALL, help="default: all")
            command.add_argument("--version", default=NEWEST, help=f"a number (default: {NEWEST})")
            registry_commands.add_reason(command)
        if name == "drift":
            command.add_argument("--name", choices=(ALL, *MODEL_NAMES), default=ALL, help="default: all")
            command.add_argument(
                "--snapshot", type=whole_number(1), help="default: all that were not measured yet"
            )
        registry_commands.add_arguments(name, command)
        if name == "dataset":
            command.add_argument("--run", required=True, metavar="RUN_ID", help="a training's run in MLflow")
            command.add_argument("--out", type=Path, metavar="FILE.parquet", help="keep the rows there")
        if name == "parity":
            command.add_argument(
                "--as-of",
                type=past_moment,
                default=None,
                metavar="TIME",
                help=f"compare what was said then, without the online store (default: {NOW}, with it)",
            )
        if name in ("dataset", "parity", "status"):
            command.add_argument("--json", action="store_true", help="as JSON")
    return top


def _add_params(command: argparse.ArgumentParser, params: type[Any]) -> None:
    for one in fields(params):
        command.add_argument(
            f"--{one.name.replace('_', '-')}",
            type=_READERS[type(one.default)],
            default=one.default,
            help=f"{one.metadata.get('help', '')} (default: {one.default!r})".strip(),
        )


def _wait_for_registry(settings: Settings) -> None:
    from training.answering import wait_for_registry  # an HTTP client, which no help text needs

    wait_for_registry(settings)


def _run(options: argparse.Namespace, settings: Settings) -> int:
    if options.command == "status":
        commands.status(settings, options.json)
        return 0
    if options.command == "dataset":
        return commands.dataset(settings, options.run, options.out, options.json)
    if options.command == "parity":
        return commands.parity(settings, options.as_of, options.json)
    if options.command == "drift":
        names = MODEL_NAMES if options.name == ALL else (options.name,)
        return commands.drift(names, settings, options.snapshot)
    if options.command == "promote":
        return _promote(options, settings)
    if options.command in registry_commands.TOLD:
        return registry_commands.run(options, settings)
    if options.command == "main":
        for name in MODEL_NAMES:
            commands.train(name, settings, commands.params_type(name)(), options.as_of, options.source)
        return 0
    params = commands.params_type(options.command)
    chosen = params(**{one.name: getattr(options, one.name) for one in fields(params)})
    commands.train(options.command, settings, chosen, options.as_of, options.source)
    return 0


def _promote(options: argparse.Namespace, settings: Settings) -> int:
    if options.name == ALL and options.version != NEWEST:
        raise BookshelfError("a version is of one model: name it with --name")
    names = MODEL_NAMES if options.name == ALL else (options.name,)
    version = None if options.version == NEWEST else options.version
    return commands.promote(names, settings, version, options.by, options.reason)


if __name__ == "__main__":
    # Whoever ends a training is told of it in its run, which has then failed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
