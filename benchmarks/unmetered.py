"""The model server without BentoML's metrics of requests: what these cost is the difference.

bentoml serve benchmarks.unmetered:Bookshelf
"""

from __future__ import annotations

from serving.service import Bookshelf

Bookshelf.config["metrics"] = {"enabled": False}

__all__ = ["Bookshelf"]
