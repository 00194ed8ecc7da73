"""Whether the registry answers, found out and said before a command waits for it in silence."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from urllib.parse import urlsplit

import requests

from bookshelf.errors import TrainingError
from bookshelf.settings import Settings

#: As long as a tracking server takes to start again.
PATIENCE = timedelta(seconds=20)
_ONE_TRY_SECONDS = 5
_BETWEEN_TRIES_SECONDS = 0.5


def wait_for_registry(settings: Settings, patience: timedelta = PATIENCE) -> None:
    """Return when the tracking server answers, whatever it says; one that is a file always does.

    MLflow itself asks again for minutes and says nothing. Raises `TrainingError` when patience ends.
    """
    address = settings.tracking_uri
    if not address.startswith(("http://", "https://")):
        return
    end = time.monotonic() + patience.total_seconds()
    told = False
    while (missing := _why_silent(address)) is not None:
        silence = f"the registry at {_without_password(address)} does not answer ({missing})"
        if time.monotonic() >= end:
            raise TrainingError(f"{silence}: MLFLOW_TRACKING_URI must be the address of one that does")
        if not told:
            print(
                f"{silence}; asking again for {patience.total_seconds():.0f} s", file=sys.stderr, flush=True
            )
        told = True
        time.sleep(_BETWEEN_TRIES_SECONDS)


def _why_silent(address: str) -> str | None:
    """What keeps it from answering; None if it does, with any status at all."""
    try:
        requests.get(f"{address.rstrip('/')}/health", timeout=_ONE_TRY_SECONDS).close()
    except requests.exceptions.SSLError:  # somebody is there, and MLflow has settings of its own for it
        return None
    except requests.exceptions.Timeout:
        return f"nothing within {_ONE_TRY_SECONDS} s"
    except requests.exceptions.ConnectionError as error:
        return "connection refused" if "refused" in str(error) else "no connection"
    except requests.exceptions.RequestException as error:
        return type(error).__name__
    return None


def _without_password(address: str) -> str:
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
