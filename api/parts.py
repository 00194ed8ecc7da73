"""What the handlers work with: built once for an app, and found by each request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from api.gateway import ModelGateway
from api.users import Admin
from bookshelf.catalogue import Catalogue
from bookshelf.drift import DriftWindows
from bookshelf.model_orders import ModelOrders
from bookshelf.promotions import Promotions
from bookshelf.run_log import RunLog
from bookshelf.runs import Runs
from bookshelf.standings import Standings
from bookshelf.webhooks import Webhooks

_KEY = "bookshelf"


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one app. `probes` runs health checks, which may hang, apart from the requests."""

    catalogue: Catalogue
    runs: Runs
    log: RunLog
    webhooks: Webhooks
    drift: DriftWindows
    promotions: Promotions
    orders: ModelOrders
    standings: Standings
    gateway: ModelGateway
    admin: Admin
    probes: ThreadPoolExecutor


def install(app: Flask, made: Parts) -> None:
    app.extensions[_KEY] = made


def parts() -> Parts:
    """The parts of the app that answers the current request."""
    return cast(Parts, current_app.extensions[_KEY])
