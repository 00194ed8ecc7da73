"""The names under which MLflow may be asked.

It refuses every other `Host` and `Origin`, so that no web page that somebody here looks at can have its own
name point to this machine and read what MLflow has (DNS rebinding). It compares both whole, port included.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

import psutil

from bookshelf.settings import Settings


def hosts(settings: Settings) -> tuple[str, ...]:
    """This machine's names with MLflow's port, and those of `mlflow_hosts` as they are."""
    own = (f"{name}:{settings.mlflow_port}" for name in _names(settings))
    given = (name.strip() for name in settings.mlflow_hosts.split(","))
    return tuple(dict.fromkeys(filter(None, (*own, *given))))


def origins(settings: Settings) -> tuple[str, ...]:
    """Where MLflow's own pages say that they come from; a proxy before it may speak HTTPS."""
    return tuple(f"{scheme}://{host}" for host in hosts(settings) for scheme in ("http", "https"))


def _names(settings: Settings) -> Iterator[str]:
    yield from ("127.0.0.1", "localhost", settings.host)
    if settings.listens_everywhere:
        yield socket.gethostname()
        for addresses in psutil.net_if_addrs().values():
            yield from (one.address for one in addresses if one.family == socket.AF_INET)
