"""The yardstick of a tone by HTTP: the champion behind the smallest endpoint there is, one text at a time.

`python -m benchmarks.bare_tone FOLDER PORT [FORMS]`, with the folder of an MLflow model. The encoder is run
by torch, or by ONNX Runtime in int8 from the folder FORMS. It checks nothing of what it is told.
"""

from __future__ import annotations

import sys
from pathlib import Path

import mlflow.sklearn
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from features.layers import LayeredEncoder
from features.sentiment import judge


def create_app(folder: str, encoder: LayeredEncoder) -> Starlette:
    """`POST /sentiment` with a description gives its sentiment and score."""
    model = mlflow.sklearn.load_model(folder)

    async def sentiment(request: Request) -> JSONResponse:
        told = await request.json()
        found = judge(model, encoder.embed, [told["description"]])
        return JSONResponse(found[["sentiment", "score"]].iloc[0].to_dict())

    async def ready(_request: Request) -> JSONResponse:
        return JSONResponse({})

    return Starlette(routes=[Route("/sentiment", sentiment, methods=["POST"]), Route("/readyz", ready)])


def _encoder(forms: Path | None) -> LayeredEncoder:
    encoder = LayeredEncoder.load(exported=forms)
    return encoder if forms is None else encoder.smaller() or encoder


if __name__ == "__main__":
    model_folder, port, *forms = sys.argv[1:]
    app = create_app(model_folder, _encoder(Path(forms[0]) if forms else None))
    uvicorn.run(app, host="127.0.0.1", port=int(port), access_log=False)
