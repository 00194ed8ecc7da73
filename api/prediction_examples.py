"""Examples of what is told of predictions that were made."""

from __future__ import annotations

from typing import Any

A_PREDICTION_ID = "019c1a6e-4b08-7c3e-9d41-5f0a2b7c8d9e"
_ANSWER: dict[str, Any] = {
    "prediction_id": A_PREDICTION_ID,
    "arm": None,
    "price": 35.0,
    "currency": "GBP",
    "interval": {"low": 11.2, "high": 58.8, "coverage": 0.9},
    "informative": False,
    "model": {"name": "price", "version": "1"},
    "features": None,
}
_FEEDBACK = {
    "feedback_id": "3f0c7d52-6f6e-4d0e-8a39-0d6f0c1f7a55",
    "at": "2026-02-03T10:12:45Z",
    "value": 51.77,
    "sentiment": None,
    "chosen": None,
}

PREDICTION_EXAMPLES: dict[str, Any] = {
    "LoggedPrediction": {
        "prediction_id": A_PREDICTION_ID,
        "at": "2026-02-01T20:55:18.024113Z",
        "model": {"name": "price", "version": "1"},
        "role": "champion",
        "shadow_of": None,
        "inputs": {"rating": 4.0, "category": "Fiction", "availability": "In stock"},
        "features": {"rating": 4.0, "category": "Fiction", "availability": "In stock", "description": ""},
        "event_times": None,
        "snapshot_id": 1,
        "answer": _ANSWER,
        "feedback": [_FEEDBACK],
    },
    "ReplayReply": {
        "prediction_id": A_PREDICTION_ID,
        "model": {"name": "price", "version": "1"},
        "equal": True,
        "largest_difference": 0.0,
        "differs": [],
        "answer": _ANSWER,
        "replayed": _ANSWER | {"prediction_id": None},
    },
    "Feedback": {"value": 51.77},
    "FeedbackReply": _FEEDBACK,
}
