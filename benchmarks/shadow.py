"""What a trial costs callers: a price without one, with every question in shadow, and with half to either."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import psutil
from mlflow import MlflowClient

from benchmarks.client import Client
from benchmarks.installation import serving, temporary_installation
from benchmarks.load import call_times, calls_at_once
from benchmarks.measure import Metric, Outcome, Tell, Way, compare, percentile
from benchmarks.price import fill_catalogue, question, trained_champion
from bookshelf.errors import BookshelfError
from bookshelf.settings import Settings
from bookshelf.trial import Shares
from training.aliases import CHAMPION
from training.trial import try_out
from walk.programs import programs

ROUNDS = 7
QUESTIONS = 200
ALONE, TOGETHER = 400, 2_000
CLIENTS = 16
SHARES = {
    "without a trial": Shares(),
    "every question in shadow": Shares(shadow=1.0),
    "half of the questions to the challenger": Shares(share=0.5),
}
PER_CALL = Metric("processor time of the model server per call", "ms", higher_is_better=False)
PER_SECOND = Metric(f"{CLIENTS} clients", "calls/s", higher_is_better=True)
_COUNTED = re.compile(
    r'bookshelf_trial_answers_total\{.*outcome="(\w+)".*role="(\w+)".*\} (\S+)', re.MULTILINE
)
_PATIENCE_SECONDS = 30.0


def run(rounds: int, tell: Tell) -> Outcome:
    with temporary_installation() as settings:
        listed = fill_catalogue(settings)
        trained_champion(settings, listed)
        trials = _Trials(MlflowClient(settings.tracking_uri), _once_more(settings))
        bodies = [question(one) for one in listed[:QUESTIONS]]
        with serving(settings, [one for one in programs(settings) if one.name == "bento"]):
            client = Client(settings.bento_url, CLIENTS)
            before, *ours = (
                Way(label, partial(_measured, client, bodies, trials, shares))
                for label, shares in SHARES.items()
            )
            comparisons = compare(before, ours, rounds, tell)
            note = _told(_counts(client))
    setting = (
        f"prices of {len(listed):,} books of the sample shop, the champion beside itself, "
        f"{ALONE} calls of one client and {TOGETHER:,} of {CLIENTS}, rounds: {rounds}"
    )
    return Outcome("shadow", setting, comparisons, (note,))


@dataclass(frozen=True, slots=True)
class _Trials:
    """Puts the version on trial, or ends the trial, and waits until serving has followed."""

    registry: MlflowClient
    version: str

    def put(self, client: Client, shares: Shares) -> None:
        try_out(self.registry, "price", shares, self.version)
        wanted = None if shares.off else shares.model_dump()
        end = time.monotonic() + _PATIENCE_SECONDS
        while (found := _on_trial(client)) != wanted:
            if time.monotonic() > end:
                raise BookshelfError(f"the model server has {found} on trial, and not {wanted}")
            time.sleep(0.1)


def _on_trial(client: Client) -> Mapping[str, float] | None:
    """The shares of the trial that the model server has on."""
    [price] = [one for one in json.loads(client.post("/models", b"{}"))["items"] if one["name"] == "price"]
    trial = price["trial"]
    return None if trial is None else {name: trial[name] for name in Shares.model_fields}


def _once_more(settings: Settings) -> str:
    """The champion as a version of its own, so that both cost the same."""
    registry = MlflowClient(settings.tracking_uri)
    first = registry.get_model_version_by_alias("price", CHAMPION)
    return str(
        registry.create_model_version("price", first.source, run_id=first.run_id, tags=first.tags).version
    )


def _measured(
    client: Client, bodies: Sequence[bytes], trials: _Trials, shares: Shares
) -> Mapping[Metric, float]:
    """One client's times, then those of many at once, and what each call has cost the model server."""
    trials.put(client, shares)
    ask = partial(client.post, "/price")
    calls_at_once(ask, bodies, CLIENTS)  # over connections that are made first
    began = _processor_seconds()
    alone = call_times(ask, _repeated(bodies, ALONE))
    together, per_second = calls_at_once(ask, _repeated(bodies, TOGETHER), CLIENTS)
    spent = _processor_seconds() - began
    told = {
        Metric(f"{who}, p{hundredths}", "ms", higher_is_better=False): percentile(times, hundredths / 100)
        for who, times in (("one client", alone), (f"{CLIENTS} clients", together))
        for hundredths in (50, 99)
    }
    return {**told, PER_SECOND: per_second, PER_CALL: 1_000 * spent / (ALONE + TOGETHER)}


def _repeated(bodies: Sequence[bytes], number: int) -> list[bytes]:
    return [bodies[index % len(bodies)] for index in range(number)]


def _processor_seconds() -> float:
    """Of all processes that were started from here: the model server and who looks after it."""
    times = [one.cpu_times() for one in psutil.Process().children(recursive=True)]
    return sum(one.user + one.system for one in times)


def _counts(client: Client) -> Counter[tuple[str, str]]:
    """By role and outcome, how many questions were put to the challenger."""
    found: Counter[tuple[str, str]] = Counter()
    for outcome, role, number in _COUNTED.findall(client.get("/metrics").decode()):
        found[role, outcome] += int(float(number))
    return found


def _told(counts: Counter[tuple[str, str]]) -> str:
    """Raises `BookshelfError` if a challenger was hardly asked, or failed: then nothing was measured."""
    failed = sum(number for (_, outcome), number in counts.items() if outcome == "failed")
    if failed or not (counts["shadow", "made"] and counts["challenger", "made"]):
        raise BookshelfError(f"the challenger did not answer as it should: {dict(counts)}")
    made, dropped = counts["shadow", "made"], counts["shadow", "dropped"]
    return (
        f"{made:,} answers were made in shadow and {dropped:,} questions dropped; "
        f"{counts['challenger', 'made']:,} callers were answered by the challenger"
    )
