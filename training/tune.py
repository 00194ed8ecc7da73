"""Search for better parameters: each trial a nested run, the best one a challenger like any other."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import mlflow
import optuna
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME

from bookshelf.errors import TrainingError
from bookshelf.settings import Settings
from training import commands
from training.runs import model_run, tracking_client
from training.tuning import SEARCHES, Loss, Search, Span

MOST_TRIALS = 1_000


def tune(name: str, settings: Settings, trials: int, seed: int, as_of: datetime, source: str) -> str:
    """Try parameters, the default ones first, and register the best as a version, which it returns.

    Held-out rows choose nothing: parameters are judged by cross-validation on the training rows, and the
    version by its gate as any other. The same `seed`, the
    trainings' own too, on the same rows tries the same parameters. Raises
    `TrainingError` for a number of trials that cannot be.
    """
    if not 1 <= trials <= MOST_TRIALS:
        raise TrainingError(f"trials must be 1 to {MOST_TRIALS}, got {trials}")
    search = SEARCHES[name]
    default = commands.params_type(name)(seed=seed)
    client = tracking_client(settings)
    with model_run(client, settings, name) as run:
        client.set_tag(run.info.run_id, MLFLOW_RUN_NAME, f"tune {name}")
        loss = search.prepare(settings, default, as_of, source or None)
        study = _search(search, default, loss, trials, run.info.experiment_id)
        best = replace(default, **study.best_params)
        mlflow.log_metrics({f"best_{search.loss}": study.best_value, f"default_{search.loss}": _first(study)})
        mlflow.set_tags({"tuned": "true", "trials": trials})
        _tell(name, search, study)
        return commands.train(name, settings, best, as_of, source)


def _search(search: Search, default: Any, loss: Loss, trials: int, experiment_id: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would tell of every trial
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.TPESampler(seed=default.seed))
    # So that what comes out is never worse than what was there.
    study.enqueue_trial({name: getattr(default, name) for name in search.space})

    def objective(trial: optuna.Trial) -> float:
        chosen = {name: _suggested(trial, name, span) for name, span in search.space.items()}
        with mlflow.start_run(experiment_id=experiment_id, run_name=f"trial {trial.number}", nested=True):
            mlflow.log_params(chosen)
            found = loss(replace(default, **chosen))
            mlflow.log_metric(search.loss, found)
        return found

    study.optimize(objective, n_trials=trials)
    return study


def _suggested(trial: optuna.Trial, name: str, span: Span) -> float:
    found: float = trial.suggest_float(name, span.low, span.high, log=span.log)
    return found


def _first(study: optuna.Study) -> float:
    value = study.trials[0].value
    assert value is not None
    return float(value)


def _tell(name: str, search: Search, study: optuna.Study) -> None:
    found = ", ".join(f"{key}={value:.4g}" for key, value in study.best_params.items())
    print(
        f"{name}: best of {len(study.trials)} trials is {found}: {search.loss} {study.best_value:.4g}, "
        f"by default {_first(study):.4g}"
    )
