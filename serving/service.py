"""The BentoML service: champions over HTTP, one endpoint a question, bodies as `bookshelf.contracts` has them.

    bentoml serve serving.service:Bookshelf --port 3000

from the repository's root. Importing this declares the service and does nothing else.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import bentoml
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bookshelf.catalogue import Catalogue
from bookshelf.contracts import (
    Contract,
    ModelName,
    ModelsReply,
    PredictionsReply,
    PredictionsRequest,
    PriceReply,
    PriceRequest,
    RecommendationReply,
    RecommendationRequest,
    SentimentReply,
    SentimentRequest,
    TableReply,
    TableRequest,
    TrainingDataRequest,
)
from bookshelf.errors import BookshelfError, ModelUnavailable
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import QUIET_ENVIRONMENT, Settings
...
