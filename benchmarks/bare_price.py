"""The yardstick of a price by HTTP: the champion's own pipeline behind the smallest endpoint there is.

`python -m benchmarks.bare_price FOLDER PORT`, with the folder of an MLflow model. It checks nothing of what
it is told, counts nothing and knows no other model.
"""

from __future__ import annotations

import sys

import mlflow.sklearn
import pandas as pd
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from features.price_columns import INPUTS, NUMBERS


def create_app(folder: str) -> Starlette:
    """`POST /price` with a book's features as JSON gives price, low and high."""
    model = mlflow.sklearn.load_model(folder)

    async def price(request: Request) -> JSONResponse:
        told = await request.json()
        frame = pd.DataFrame([told], columns=list(INPUTS)).astype(dict.fromkeys(NUMBERS, "float64"))
        return JSONResponse(model.predict(frame).iloc[0].to_dict())

    async def ready(_request: Request) -> JSONResponse:
        return JSONResponse({})

    return Starlette(routes=[Route("/price", price, methods=["POST"]), Route("/readyz", ready)])


if __name__ == "__main__":
    uvicorn.run(create_app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), access_log=False)
