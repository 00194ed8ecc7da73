"""Load this installation's champions as MLflow gives them and its feature store as Feast does; serve nothing.

`python -m benchmarks.bare_models` says `ready` and waits to be ended.
"""

from __future__ import annotations

import time

import mlflow
import mlflow.sentence_transformers
import mlflow.sklearn

from bookshelf.contracts import ENCODER_NAME, MODEL_NAMES
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import load_settings


def main() -> None:
    settings = load_settings()
    client = mlflow.MlflowClient()
    models = [mlflow.sklearn.load_model(f"models:/{name}@champion") for name in MODEL_NAMES]
    number = client.get_model_version_by_alias("sentiment", "champion").tags["encoder_version"]
    models.append(mlflow.sentence_transformers.load_model(f"models:/{ENCODER_NAME}/{number}"))
    models.append(open_feature_store(settings, mlflow=False))
    print("ready", flush=True)
    while models:
        time.sleep(60)


if __name__ == "__main__":
    main()
