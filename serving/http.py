"""A BentoML service whose bodies pass the gate and whose every error is a problem document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import bentoml
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bookshelf.contracts import MODEL_VERSION_HEADER, ModelRef
from bookshelf.errors import BookshelfError
from serving.gate import CHECKED, Gate
from serving.problems import Problems, of_error, response
from serving.queues import Queues

Asked = TypeVar("Asked")
Answered = TypeVar("Answered", bound=BaseModel | Response)


class ProblemService(bentoml.Service):  # type: ignore[misc]  # BentoML has no types that mypy can follow
    """BentoML's service with our gate inside its request metrics and our problem documents around it all."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        contracts = {method.route: method.input_spec for method in self.apis.values()}
        for contract in contracts.values():
            contract.from_http_request = _as_checked
        self.add_asgi_middleware(Gate, contracts=contracts, queues=Queues())

    def to_asgi(self, is_main: bool = True) -> Problems:
        app = super().to_asgi(is_main)
        for middleware in app.user_middleware:
            if middleware.cls is OpenTelemetryMiddleware:
                # One span a request: those of its messages cost as much again and tell nothing.
                middleware.kwargs["exclude_spans"] = ["receive", "send"]
        return Problems(app, frozenset(_paths(app)))


def endpoint(method: Callable[[Any, Asked], Awaitable[Answered]]) -> Any:
    """Declare a BentoML endpoint; what it raises on purpose is answered as a problem document.

    An answer that names its model names it in a header too; a ready response is sent as it is.
    Anything else that is raised it logs, and answers 500.
    """

    @wraps(method)
    async def answering(self: Any, request: Asked, /) -> Response:
        try:
            return _reply(await method(self, request))
        except BookshelfError as error:
            return response(of_error(error))

    return bentoml.api(answering)


async def _as_checked(request: Request, _serde: object) -> Any:
    """What the gate has made of the body; BentoML would read and check it once more."""
    return request.scope[CHECKED]


def _reply(answer: BaseModel | Response) -> Response:
    if isinstance(answer, Response):
        return answer
    made_by = getattr(answer, "model", None)
    headers = {MODEL_VERSION_HEADER: str(made_by)} if isinstance(made_by, ModelRef) else {}
    return Response(answer.model_dump_json(), media_type="application/json", headers=headers)


def _paths(app: Starlette) -> Iterator[str]:
    """Every path that the application answers, its static files one by one."""
    for route in app.routes:
        if isinstance(route, Route):
            yield route.path
        elif isinstance(route, Mount) and isinstance(route.app, StaticFiles) and route.app.directory:
            root = Path(route.app.directory)
            for file in root.rglob("*"):
                yield f"{route.path}/{file.relative_to(root).as_posix()}"
