"""Exactly what a model needs at prediction time: pure, and carried inside every model."""
