"""Recommendations by book in a catalogue of a million books. It takes minutes to be made: only by name."""

from __future__ import annotations

from benchmarks.measure import Outcome, Tell
from benchmarks.neighbours import searched

ROUNDS = 5
MANY = 1_000_000


def run(rounds: int, tell: Tell) -> Outcome:
    return searched("neighbours_million", MANY, rounds, tell)
