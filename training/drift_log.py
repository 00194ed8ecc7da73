"""A window in MLflow: one run a champion in the experiment `drift`, one step of it a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME

from bookshelf.drift import AnswerDrift, FeatureDrift, NewWindow
from bookshelf.settings import Settings
from training.cards import table
from training.drift_plots import worst_features
from training.drift_statistics import Compared, Limits
from training.runs import experiment_of

EXPERIMENT = "drift"

_MODEL_TAG, _VERSION_TAG = "model", "model_version"


def drift_run(
    client: MlflowClient, settings: Settings, model: str, version: str, reference_rows: int, limits: Limits
) -> str:
    """Id of the run that has all windows of that version; made with the first of them."""
    experiment = experiment_of(client, settings, EXPERIMENT)
    tags = {_MODEL_TAG: model, _VERSION_TAG: version}
    wanted = " and ".join(f"tags.{name} = '{value}'" for name, value in tags.items())
    if found := client.search_runs([experiment], wanted, max_results=1):
        return str(found[0].info.run_id)
    run = client.create_run(experiment, tags={**tags, MLFLOW_RUN_NAME: f"{model} v{version}"})
    params = {"reference_rows": reference_rows, "psi_limit": limits.psi, "ks_limit": limits.ks}
    client.log_batch(run.info.run_id, params=[Param(name, str(value)) for name, value in params.items()])
    return str(run.info.run_id)


def log_window(client: MlflowClient, window: NewWindow, compared: Sequence[Compared]) -> None:
    """The window's metrics at the step of its snapshot, its plot and its table; again if it was before."""
    client.update_run(window.run_id, status="RUNNING")
    at, step = _milliseconds(window.measured_at), window.snapshot_id
    client.log_batch(
        window.run_id,
        metrics=[Metric(name, value, at, step) for name, value in _metrics(window).items()],
        tags=[RunTag("violated", ", ".join(one.feature for one in window.features if one.violated))],
    )
    folder = f"snapshot_{window.snapshot_id:08}"
    title = f"{window.model} version {window.version}, snapshot {window.snapshot_id}"
    figure = worst_features(compared, f"{title}: {window.window_rows:,} books on offer")
    client.log_figure(window.run_id, figure, f"{folder}/worst_features.png", save_kwargs={"dpi": 110})
    client.log_text(window.run_id, window_table(window), f"{folder}/drift.md")
    client.set_terminated(window.run_id)


def window_table(window: NewWindow) -> str:
    """The window in Markdown: what was compared, and a row a feature, the worst first."""
    header = ("feature", "PSI", "limit", "KS", "limit", "p", "")
    what = f"books of `{window.source}`" if window.source else "books of every source"
    return (
        f"# Drift of {window.model} version {window.version}, snapshot {window.snapshot_id}\n\n"
        f"{window.window_rows:,} {what} on offer at {window.published_at.isoformat()}, beside the "
        f"{window.reference_rows:,} of when the version learnt, {window.reference_at.isoformat()}. "
        f"{'A limit is reached.' if window.violated else 'No limit is reached.'}\n\n"
        f"{table(header, [_cells(one) for one in window.features])}\n"
        f"{_answered(window.answers, header)}"
    )


def _answered(answers: AnswerDrift | None, header: Sequence[str]) -> str:
    if answers is None:
        return ""
    told = f"\n## Answers\n\nIn the {answers.days} days before, {answers.questions:,} questions were answered"
    told += ", too few to compare.\n" if answers.drift is None else ".\n"
    if answers.drift is not None:
        told += f"\n{table(header, [_cells(answers.drift)])}\n"
    if (error := answers.error) is not None:
        interval = "" if error.low is None else f" (95 % {error.low:.4g} … {error.high:.4g})"
        told += (
            f"\nOf {error.n:,} answers the truth is known: {error.measure} {error.mean:.4g}{interval} "
            f"{error.unit}, baseline {error.baseline:.4g}.\n"
        )
    return told


def _cells(one: FeatureDrift) -> tuple[str, ...]:
    verdict = "violated" if one.violated else ""
    if one.ks is None:
        return one.feature, f"{one.psi:.4f}", f"{one.psi_limit:.3f}", "", "", "", verdict
    by_ks = f"{one.ks:.4f}", f"{one.ks_limit:.3f}", f"{one.p:.3g}"
    return one.feature, f"{one.psi:.4f}", f"{one.psi_limit:.3f}", *by_ks, verdict


def _metrics(window: NewWindow) -> dict[str, float]:
    found = {
        "window_rows": float(window.window_rows),
        "violated": float(window.violated),
        "features_violated": float(sum(one.violated for one in window.features)),
    }
    for one in window.features:
        found[f"psi_{one.feature}"] = one.psi
        if one.ks is not None:
            found[f"ks_{one.feature}"] = one.ks
    return found | ({} if window.answers is None else _answer_metrics(window.answers))


def _answer_metrics(answers: AnswerDrift) -> dict[str, float]:
    found = {"answers_questions": float(answers.questions)}
    if (drift := answers.drift) is not None:
        found |= {"answers_violated": float(drift.violated), "answers_psi": drift.psi}
        found |= {} if drift.ks is None else {"answers_ks": drift.ks}
    if (error := answers.error) is not None:
        found |= {"answers_judged": float(error.n), "answers_error": error.mean}
        found["answers_error_baseline"] = error.baseline
    return found


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
