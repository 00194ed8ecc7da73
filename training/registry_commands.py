"""The commands that change or tell what is on duty or on trial, from `history` to `watch`."""

from __future__ import annotations

import argparse
import json
import logging
from datetime import UTC, datetime
from typing import Any

from bookshelf.arguments import number, past_moment, whole_number
from bookshelf.catalogue import now
from bookshelf.contracts import MODEL_NAMES, ModelName
from bookshelf.errors import BookshelfError
from bookshelf.settings import Settings
from bookshelf.trial import Shares
from training import commands

TOLD = {
    "history": "tell what served when, and what was refused",
    "rollback": "put the version back on duty that was so before",
    "trial": "try a version beside the champion: in shadow, or for a share of the callers",
    "compare": "say how a trial goes: challenger beside champion, out of the prediction log",
    "retrain": "train as the champion was trained, on what is known now, and send it to its gate",
    "tune": "search for better parameters on training rows alone, and register the best as a challenger",
    "watch": "carry out what the API asked for, train again by schedule, follow publications, until stopped",
    "after-publish": "do what follows a publication of features",
}
_CLI = "cli"
_LONGEST_NAME = 100  # as much as the log keeps of who asked


def add_arguments(name: str, command: argparse.ArgumentParser) -> None:
    """The options of one of these commands."""
    if name in ("history", "rollback", "trial", "compare", "retrain"):
        # Both `rollback price` and `rollback --name price`, which is how the other commands have it.
        command.add_argument("which", nargs="?", choices=MODEL_NAMES, help="the model")
        command.add_argument("--name", choices=MODEL_NAMES, help="the same")
    if name == "history":
        command.add_argument(
            "--at", type=past_moment, default=None, metavar="TIME", help="tell only what was live then"
        )
        command.add_argument("--json", action="store_true", help="as one JSON list")
    if name == "rollback":
        command.add_argument("--to", default=None, metavar="VERSION", help="default: the one before")
    if name == "trial":
        _add_shares(command)
    if name == "compare":
        command.add_argument(
            "--days", type=whole_number(1, 10_000), help="so many, up to today (default: all)"
        )
        command.add_argument("--version", default=None, help="a number (default: the one tried last)")
        command.add_argument("--json", action="store_true", help="as JSON")
    if name in ("rollback", "retrain"):
        add_reason(command)
    if name == "tune":
        command.add_argument("--model", choices=MODEL_NAMES, default="price", help="default: price")
        command.add_argument("--trials", type=whole_number(), default=10, help="how many (default: 10)")
        command.add_argument(
            "--seed", type=whole_number(), default=0, help="of search and trainings (default: 0)"
        )


def _add_shares(command: argparse.ArgumentParser) -> None:
    for one, told in (
        ("shadow", "of the questions to the champion, put to it too and not waited for"),
        ("share", "of the callers, answered by it"),
    ):
        command.add_argument(f"--{one}", type=number(0, 1), metavar="0…1", help=f"{told} (default: none)")
    command.add_argument("--version", default=None, help="a number (default: the challenger)")
    command.add_argument("--off", action="store_true", help="end the trial")


def add_reason(command: argparse.ArgumentParser) -> None:
    """Who asks for a change of what serves, and why."""
    command.add_argument("--reason", default="", help="kept in the log of promotions")
    command.add_argument(
        "--by", type=_who, default=_CLI, metavar="WHO", help=f"kept there too (default: {_CLI})"
    )


def _who(given: str) -> str:
    if len(given) > _LONGEST_NAME:
        raise argparse.ArgumentTypeError(f"must be at most {_LONGEST_NAME} characters, got {len(given)}")
    return given


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Do it; the exit status."""
    match options.command:
        case "history":
            history(settings, _model(options), options.at, as_json=options.json)
        case "rollback":
            rollback(settings, _named(options), options.to, options.by, options.reason)
        case "trial":
            trial(settings, options)
        case "compare":
            compare(settings, options)
        case "retrain":
            return retrain(settings, _named(options), options.by, options.reason)
        case "tune":
            from training.tune import tune

            tune(options.model, settings, options.trials, options.seed, options.as_of, options.source)
        case "watch":
            from training.watch import watch

            logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
            watch(settings)
        case "after-publish":
            from training.after_publish import follow_publication

            follow_publication(settings)
    return 0


def history(settings: Settings, name: str | None, at: datetime | None, *, as_json: bool) -> None:
    """Say what served when; with `at` only what was live then."""
    from training import history as told
    from training.duty import Duty

    duty = Duty.of(settings)
    duty.settle()  # what was begun and not said, or done by hand, is history too
    if as_json:
        live = None if at is None else duty.log.at(at)
        found = told.entries(duty.log, name) if live is None else [live[one] for one in sorted(live)]
        print(json.dumps([told.as_json(one) for one in found if name in (None, one.model)]))
        return
    if at is not None:
        print("\n".join(told.live_lines(duty.log, name, at)))
        return
    lines = [told.line(one) for one in told.entries(duty.log, name)]
    print("\n".join(lines) or "nothing has been promoted or refused yet")


def rollback(settings: Settings, name: str, version: str | None, who: str, reason: str) -> None:
    """Go back, and say from which version to which."""
    from training.duty import Duty
    from training.rollback import rollback as go_back

    done = go_back(Duty.of(settings), name, version, who=who, reason=reason or "asked for without a reason")
    print(f"{name} version {done.to_version}: champion again in place of version {done.from_version}")


def trial(settings: Settings, options: argparse.Namespace) -> None:
    """Begin, change or end a trial, and say what is on; without any share, only that."""
    from training.runs import tracking_client
    from training.trial import told_of, trial_of, try_out

    client, name = tracking_client(settings), _named(options)
    shares = Shares(shadow=options.shadow or 0.0, share=options.share or 0.0)
    if options.off and not shares.off:
        raise BookshelfError("--off ends a trial: give no --shadow and no --share with it")
    if options.off or not (options.shadow is None and options.share is None):
        try_out(client, name, shares, options.version)
    print(f"{name}: {told_of(trial_of(client, name))}")


def compare(settings: Settings, options: argparse.Namespace) -> None:
    """Say how a trial goes, and log it."""
    from training.compare import compare as measure

    found, run_id = measure(settings, _named(options), now(), options.days, options.version)
    if options.json:
        print(json.dumps({**found.as_json(), "run_id": run_id}, ensure_ascii=False))
    else:
        print(f"{found}\nrun {run_id}")


def retrain(settings: Settings, name: str, who: str, reason: str) -> int:
    """Train with the champion's parameters on its source's books, and judge; status as `promote`'s."""
    from training.promote import promote
    from training.retrain import champions_choice

    params, source = champions_choice(settings, name)
    version = commands.train(name, settings, params, datetime.now(UTC), source)
    decision = promote(name, settings, version, who=who, reason=reason)
    print(decision, flush=True)
    return 0 if decision.promoted else commands.REFUSED


def _model(options: Any) -> ModelName | None:
    """The model that is named, in either of the two ways; None if none is."""
    if None not in (options.which, options.name) and options.which != options.name:
        raise BookshelfError(f"name one model, not both {options.which} and --name {options.name}")
    name: ModelName | None = options.name or options.which
    return name


def _named(options: Any) -> ModelName:
    name = _model(options)
    if name is None:
        raise BookshelfError(f"name one of {', '.join(MODEL_NAMES)}: `{options.command} price`")
    return name
