"""How gunicorn serves the data API; `--bind` and the other flags of the command line come first."""

from __future__ import annotations

import gc
from typing import Any

from api.gateway import MAX_CALLS, MAX_FILES
from api.log import to_stderr
from bookshelf.settings import Settings

_settings = Settings()

wsgi_app = "api.app:create_app()"
bind = f"{_settings.host}:{_settings.api_port}"
worker_class = "api.worker.ProblemWorker"

# Two, so that one may die or be replaced while the other answers. A worker is about 75 MB; more of
# them would take memory and cores from the model server and training, which share the machine.
workers = 2
# Above the calls and files that may wait for the model server: books are still answered while it hangs.
threads = MAX_CALLS + MAX_FILES + 4

# A request under way may be waiting for the model server; let it end.
graceful_timeout = int(_settings.model_timeout.total_seconds()) + 5
timeout = 60  # of a worker's heartbeat, not of a request
keepalive = 15

# By default it lies in the home of the user: two installations would share it.
control_socket_disable = True

logconfig_dict = to_stderr()


def post_worker_init(worker: Any) -> None:  # noqa: ARG001  (gunicorn names it)
    """Put what the imports left out of the collector's sight: it would pause requests to walk it."""
    gc.collect()
    gc.freeze()
