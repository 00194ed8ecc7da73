"""The commands of `python -m training`: what each does, and the lines it says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from importlib import import_module
from typing import Any

from bookshelf.contracts import MODEL_NAMES
from bookshelf.settings import Settings
from training.fitted import Fitted

Fit = Callable[[Settings, Any, datetime], Fitted]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trainer:
    """How a model is trained: the type of its parameters, and what fits it on the data of a moment."""

    params: type[Any]
    fit: Fit


def trainer(name: str) -> Trainer:
    """The trainer of that model. Only its own module is imported: torch takes seconds."""
    module = import_module(f"training.{name}")
    return Trainer(getattr(module, f"{name.capitalize()}Params"), getattr(module, f"train_{name}"))
