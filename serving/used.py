"""What an answer was made from besides its question, and how the log keeps it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from pydantic_core import to_json

from features.schema import VECTOR


@dataclass(frozen=True, slots=True)
class Used:
    """What it takes to make one answer again.

    `features` are the values that the model was given, the vector included; None where all that it was
    given follows from the question. `event_times` are those of online values, by view. `snapshot_id` is the
    state of the catalogue whose offer it chose from; None where it did not ask the catalogue.
    """

    features: Mapping[str, Any] | None = None
    event_times: Mapping[str, datetime] = field(default_factory=dict)
    snapshot_id: int | None = None


def features_as_json(features: Mapping[str, Any]) -> str:
    """The features as a JSON object: null for a number that is not known, a vector as `packed` has it."""
    plain = {name: packed(value) if name == VECTOR else value for name, value in features.items()}
    return to_json(plain, inf_nan_mode="null").decode()


def features_of_json(text: str) -> dict[str, Any]:
    """The features out of that object, the vector as an array (d,) of float32."""
    features: dict[str, Any] = json.loads(text)
    if VECTOR in features:
        features[VECTOR] = np.frombuffer(base64.b64decode(features[VECTOR]), dtype="<f4")
    return features


def packed(vector: Any) -> str:
    """A vector as base64 of little-endian float32: a quarter of the room that digits take, and exact."""
    return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()
