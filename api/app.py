"""The data API, put together: `create_app()` is what gunicorn serves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from flask import Flask, redirect
from werkzeug.wrappers import Response

from api.auth import auth, configure_tokens
from api.books import books
from api.documentation import DOCS_PREFIX, DocumentedAPI
from api.drift import drift
from api.errors import handle_errors
from api.gateway import ModelGateway
from api.health import health
from api.ml import ml
from api.models import models
from api.parts import Parts, install
from api.predictions import predictions
from api.scraping import scraping
from api.snapshots import snapshots
from api.stats import stats
from api.users import Admin
from api.webhooks import webhooks
from api.wire import StrictJson, StrictRequest, check_request
from bookshelf.catalogue import Catalogue
from bookshelf.drift import DriftWindows
from bookshelf.model_orders import ModelOrders
from bookshelf.promotions import Promotions
from bookshelf.run_log import RunLog
from bookshelf.runs import Runs
from bookshelf.secrets import load_secrets
from bookshelf.settings import Settings
from bookshelf.standings import Standings
from bookshelf.webhooks import Webhooks

MAX_BODY_BYTES = 16 * 2**20
# Four a check: enough for several checks at once, and a bound on those that hang.
_PROBE_THREADS = 12


def create_app(settings: Settings | None = None) -> Flask:
    """The app on these settings, or on the environment's.

    Opens the catalogue, so each worker process must call it for itself. Raises `SettingsError` if
    there are no secrets.
    """
    settings = settings or Settings()
    secrets = load_secrets(settings)
    app = DocumentedAPI(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json = StrictJson(app)
    app.request_class = StrictRequest
    configure_tokens(app, settings, secrets.jwt_secret)
    handle_errors(app)
    install(app, _parts(settings, Admin(secrets.admin_password_hash)))
    app.before_request(check_request)
    for blueprint in (
        health,
        books,
        stats,
        snapshots,
        auth,
        scraping,
        webhooks,
        ml,
        predictions,
        models,
        drift,
    ):
        app.register_api(blueprint)
    app.add_url_rule("/", "root", _to_documentation)
    return app


def _parts(settings: Settings, admin: Admin) -> Parts:
    catalogue = Catalogue.open(settings.catalogue_url)
    return Parts(
        catalogue=catalogue,
        runs=Runs(catalogue.engine),
        log=RunLog(catalogue.engine),
        webhooks=Webhooks(catalogue.engine),
        drift=DriftWindows(catalogue.engine),
        promotions=Promotions(catalogue.engine),
        orders=ModelOrders(catalogue.engine),
        standings=Standings(catalogue.engine),
        gateway=ModelGateway(settings.bento_url, settings.model_timeout),
        admin=admin,
        probes=ThreadPoolExecutor(_PROBE_THREADS, thread_name_prefix="probe"),
    )


def _to_documentation() -> Response:
    return redirect(f"{DOCS_PREFIX}/")
