"""What can come of a call instead of an answer.

ClientError
├── NoAnswer            the API was not reached, or broke off
├── BrokenAnswer        it answered something that this client cannot read
└── Refused             it answered with a problem document
    ├── InvalidRequest  400, 406, 413, 415, 422: `problem.errors` names the fields
    ├── NotAuthenticated  401
    ├── NotFound        404
    ├── Conflict        409: something else is under way, or is not as the request wants it
    └── Unavailable     503, for longer than the client was to wait
"""

from __future__ import annotations

from bookshelf_client.models import Problem


class ClientError(Exception):
    """Whatever this client raises on purpose."""


class NoAnswer(ClientError):
    """The API was not reached, or broke off in the middle of its answer."""


class BrokenAnswer(ClientError):
    """The API, or something before it, answered what is not in the API's contract."""


class Refused(ClientError):
    """The API refused; `problem` is what it said, with the fields that are at fault."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}")
        self.problem = problem

    @staticmethod
    def of(problem: Problem) -> Refused:
        return _KINDS.get(problem.status, Refused)(problem)


class InvalidRequest(Refused):
    """The request cannot be read or has fields that are wrong."""


class NotAuthenticated(Refused):
    """A login is needed, or this one is not right."""


class NotFound(Refused):
    """There is no such thing."""


class Conflict(Refused):
    """It cannot be done now, for what else is under way or how things stand."""


class Unavailable(Refused):
    """What the answer needs is away."""


_KINDS: dict[int, type[Refused]] = {
    **dict.fromkeys((400, 406, 413, 415, 422), InvalidRequest),
    401: NotAuthenticated,
    404: NotFound,
    409: Conflict,
    503: Unavailable,
}
