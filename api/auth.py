"""Logging in, and telling who asks: short access tokens, and refresh tokens that only buy new ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, Response, current_app
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    get_jwt_identity,
    verify_jwt_in_request,
)
from flask_jwt_extended.exceptions import JWTExtendedException, NoAuthorizationError
from flask_openapi3.request import validate_request
from jwt.exceptions import ExpiredSignatureError, PyJWTError

from api.documentation import BEARER, group, problems
from api.errors import NotAuthenticated
from api.inputs import LoginRequest
from api.parts import parts
from api.schemas import AccessReply, LoginReply
from api.wire import json_reply
from bookshelf.settings import Settings

ISSUER = "bookshelf"
AUDIENCE = "bookshelf-api"
ALGORITHM = "HS256"

P = ParamSpec("P")
R = TypeVar("R")

auth = group("auth", "/auth", "Tokens for the admin.", 401, 422)


def configure_tokens(app: Flask, settings: Settings, jwt_secret: str) -> None:
    """Sign with HS256 and take nothing else: only our own tokens, issued by and for this API."""
    app.config.update(
        JWT_SECRET_KEY=jwt_secret,
        JWT_ALGORITHM=ALGORITHM,
        JWT_DECODE_ALGORITHMS=[ALGORITHM],
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ENCODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_AUDIENCE=AUDIENCE,
        JWT_TOKEN_LOCATION=["headers"],
        JWT_ACCESS_TOKEN_EXPIRES=settings.access_token_lifetime,
        JWT_REFRESH_TOKEN_EXPIRES=settings.refresh_token_lifetime,
    )
    JWTManager(app)


def admin_only(*, refresh: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let the handler run only for the admin: with an access token, or a refresh token if that is asked.

    Raises `NotAuthenticated`, and only then is the input judged: a stranger learns nothing about it.
    """

    def guard(handler: Callable[P, R]) -> Callable[P, R]:
        validated: Callable[P, R] = validate_request()(handler)  # type: ignore[no-untyped-call]

        @wraps(validated)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            _check_token(refresh=refresh)
            return validated(*args, **kwargs)

        return guarded

    return guard


@auth.post("/login", responses={200: LoginReply, **problems(400, 413, 415)})
def login(body: LoginRequest) -> Response:
    """Exchange name and password for tokens.

    The access token goes into the `Authorization: Bearer` header of what needs a login.
    """
    admin = parts().admin
    if not admin.is_(body.username, body.password):
        raise NotAuthenticated("wrong username or password", ("username", "password"))
    return json_reply(
        LoginReply(**_access(admin.name).model_dump(), refresh_token=create_refresh_token(admin.name))
    )


@auth.post("/refresh", responses={200: AccessReply, **problems(400, 413, 415)}, security=BEARER)
@admin_only(refresh=True)
def refresh() -> Response:
    """Exchange a refresh token for a new access token.

    The refresh token goes into the `Authorization: Bearer` header.
    """
    return json_reply(_access(parts().admin.name))


def _access(name: str) -> AccessReply:
    lifetime: timedelta = current_app.config["JWT_ACCESS_TOKEN_EXPIRES"]
    return AccessReply(access_token=create_access_token(name), expires_in=int(lifetime.total_seconds()))


def _check_token(*, refresh: bool) -> None:
    try:
        verify_jwt_in_request(refresh=refresh)
    except ExpiredSignatureError as error:
        raise NotAuthenticated("the token has expired") from error
    except NoAuthorizationError as error:
        raise NotAuthenticated("a login is needed: send `Authorization: Bearer <token>`") from error
    except (PyJWTError, JWTExtendedException) as error:
        raise NotAuthenticated(f"the token is not acceptable: {error}") from error
    except RecursionError as error:  # a token's header of a thousand open brackets ends the JSON reader so
        raise NotAuthenticated("the token is not acceptable: it cannot be read") from error
    if get_jwt_identity() != parts().admin.name:
        raise NotAuthenticated("the token is not the admin's")
