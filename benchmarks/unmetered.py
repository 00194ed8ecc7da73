"""The model server without BentoML's metrics of requests: what these cost is the difference.

bentoml serve benchmarks.unmetered:Bookshelf
"""

from __future__ import annotations

from typing import Any

from serving import service

Bookshelf: Any = service.Bookshelf
Bookshelf.config["metrics"] = {"enabled": False}
