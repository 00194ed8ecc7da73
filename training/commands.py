"""The commands of `python -m training`: what each does, and the lines it says."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bookshelf.catalogue import now
from bookshelf.contracts import MODEL_NAMES
from bookshelf.settings import Settings
from features.schema import PRICE_SERVICE

if TYPE_CHECKING:
    from training.fitted import Fitted  # pandas and matplotlib, which the trainer has no use for

#: Exit status where at least one version was refused, or data are not what they should be.
REFUSED = 3


def params_type(name: str) -> type[Any]:
    """The parameters of that model's training. Imports its module, which may take seconds."""
    found: type[Any] = getattr(import_module(f"training.{name}"), f"{name.capitalize()}Params")
    return found


def train(name: str, settings: Settings, params: Any, as_of: datetime, source: str) -> str:
    """Fit, judge and register one model on what was known at `as_of`, and say how good it is; its version.

    `source` names whose books it learns from, "" everybody's; the run has it as parameter.
    """
    from training.duty import Duty
    from training.provenance import moment_tags
    from training.registry import describe, register  # MLflow, which no help text needs
    from training.runs import model_run, tracking_client

    started = time.monotonic()
    # The run is there before the features are read, so that Feast notes in it what it gave out, and a
    # training that fails is seen to have failed.
    with model_run(tracking_client(settings), settings, name):
        fitted = _fit(name, settings, params, as_of, source or None)
        fitted = replace(
            fitted,
            params={**fitted.params, "source": source},
            # The fit knows better where all books are of one source.
            tags={**moment_tags(settings, as_of, source), **fitted.tags},
            metrics={**fitted.metrics, "fit_seconds": time.monotonic() - started},
        )
        print(f"{name}: {len(fitted.dataset):,} rows from {fitted.dataset_source}")
        if verdict := fitted.tags.get("verdict"):
            print(f"  {verdict}")
        print(f"  {describe(fitted)}")
        registered = register(fitted, settings)
    Duty.of(settings).note(name)
    print(f"  registered as version {registered.version} ({time.monotonic() - started:.1f} s)", flush=True)
    return registered.version


def promote(
    names: Sequence[str], settings: Settings, version: str | None, who: str = "cli", reason: str = ""
) -> int:
    """Send a version of each model to its gate; 0 if all serve now, `REFUSED` if one may not."""
    from training.promote import promote as judge

    decisions = [judge(name, settings, version, who=who, reason=reason) for name in names]
    for decision in decisions:
        print(decision)
    return 0 if all(decision.promoted for decision in decisions) else REFUSED


def dataset(settings: Settings, run_id: str, out: Path | None, as_json: bool) -> int:
    """Read a run's training set anew, and keep it in `out` if given; `REFUSED` if it is another now."""
    from training.rebuild import rebuild

    rebuilt = rebuild(settings, run_id)
    if out is not None:
        rebuilt.write(out)
    print(json.dumps(rebuilt.as_json()) if as_json else rebuilt)
    return 0 if rebuilt.difference is None else REFUSED


def parity(settings: Settings, as_of: datetime | None, as_json: bool) -> int:
    """Compare the features of every book on offer, and log what was found; `REFUSED` if any differ."""
    from training import parity_check

    found = parity_check.parity(settings, as_of)
    run_id = parity_check.log_parity(found, settings)
    print(json.dumps({**found.as_json(), "run_id": run_id}, ensure_ascii=False) if as_json else found)
    return 0 if found.holds else REFUSED


def drift(names: Sequence[str], settings: Settings, snapshot_id: int | None) -> int:
    """Compare what each champion learnt from with what is on offer; 0 if all were that can be, else 1."""
    from training.drift import watch_drift

    failed = False
    for outcome in watch_drift(settings, names, now(), snapshot_id):
        print(outcome, flush=True)
        failed = failed or outcome.failed
    return 1 if failed else 0


def status(settings: Settings, as_json: bool) -> None:
    """Say what is registered and what serves."""
    from training.status import model_statuses

    found = model_statuses(settings)
    if as_json:
        print(json.dumps([one.model_dump() for one in found]))
        return
    for one in found:
        score = f"{one.metric} {one.score:.4g} {one.unit}, baseline {one.baseline:.4g} {one.unit}"
        known = " (uninformative)" if one.informative is False else ""
        serving = f"version {one.champion} serves" if one.champion else "none serves"
        print(f"{one.name} version {one.version}: {score}{known}; {one.promotion or 'not judged'}; {serving}")
        if one.unservable is not None:
            print(f"  it cannot be served: {one.unservable}")
    for name in sorted(set(MODEL_NAMES) - {one.name for one in found}):
        print(f"{name}: no version")


def _fit(name: str, settings: Settings, params: Any, as_of: datetime, source: str | None) -> Fitted:
    if name == "price":
        from training.dataset import load_training_set
        from training.price import fit_price

        return _with_encoder(
            fit_price(load_training_set(settings, PRICE_SERVICE, as_of, source), params), settings
        )
    fit = getattr(import_module(f"training.{name}"), f"fit_{name}")
    fitted: Fitted = fit(settings, params, as_of, source)
    return fitted


def _with_encoder(fitted: Fitted, settings: Settings) -> Fitted:
    """The price model with the encoder named whose vectors it reads, if it reads any."""
    if not fitted.model.reads_vectors:
        return fitted
    from features.embedding import Encoder  # seconds of imports
    from training.registry import FINGERPRINT_TAG

    fingerprint = Encoder.load(settings.encoder).fingerprint
    return replace(fitted, tags={**fitted.tags, FINGERPRINT_TAG: fingerprint})
