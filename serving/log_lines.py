"""What is logged while models are served."""

from __future__ import annotations

import logging
import sys


def log_to_stderr() -> None:
    """One plain line for what happens to models; requests are counted in the metrics, not logged."""
    log = logging.getLogger("serving")
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False
