"""Who gets a token, what it is good for, and which tokens are none."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from api.auth import AUDIENCE, ISSUER
from api.users import Admin
from bookshelf.catalogue import now

LOGIN = "/api/v1/auth/login"
REFRESH = "/api/v1/auth/refresh"
TRIGGER = "/api/v1/scraping/trigger"
PASSWORD = "correct horse battery staple"
JWT_SECRET = "a secret of the tests that is longer than sixty-four bytes, as HS512 wants"

Refused = Callable[[Any, int], list[str]]


@pytest.fixture(autouse=True)
def nothing_queued(client: Any) -> Iterator[None]:
    """Of the runs that these tests ask for, each is out of the next one's way."""
    yield
    runs = client.application.extensions["bookshelf"].runs
    if run := runs.active():
        runs.cancel(run.id, now())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def a_token(key: str = JWT_SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A token as the API would sign it, but for what is said otherwise; a claim of None is left out."""
    ours = {
        "sub": "admin",
        "type": "access",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "fresh": False,
        "jti": "1",
        "iat": now(),
        "exp": now() + timedelta(days=1),
    }
    kept = {name: value for name, value in (ours | claims).items() if value is not None}
    return jwt.encode(kept, key, algorithm)


def test_a_login_gives_an_access_token_and_a_refresh_token(tokens: dict[str, Any]) -> None:
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 15 * 60
    claims = jwt.decode(tokens["access_token"], JWT_SECRET, ["HS256"], audience=AUDIENCE, issuer=ISSUER)
    assert (claims["sub"], claims["type"]) == ("admin", "access")
    assert claims["exp"] - claims["iat"] == 15 * 60


def test_the_token_made_by_hand_in_these_tests_is_taken(client: Any) -> None:
    assert client.post(TRIGGER, headers=bearer(a_token())).status_code == 202


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("admin", "wrong"),
        ("nobody", PASSWORD),
        ("Admin", PASSWORD),
        ("админ", "пароль"),
        ("admin", PASSWORD + " "),
    ],
)
def test_a_wrong_name_and_a_wrong_password_are_refused_in_the_same_words(
    client: Any, refused: Refused, username: str, password: str
) -> None:
    reply = client.post(LOGIN, json={"username": username, "password": password})
    assert refused(reply, 401) == ["username", "password"]
    assert reply.json["detail"] == "wrong username or password"
    assert reply.headers["WWW-Authenticate"] == "Bearer"


def test_a_password_with_nul_behind_it_is_not_the_password(client: Any, refused: Refused) -> None:
    reply = client.post(LOGIN, json={"username": "admin", "password": PASSWORD + "\0"})
    assert refused(reply, 422) == ["password"]


def test_the_password_is_checked_even_for_a_wrong_name(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[tuple[str, str]] = []

    def right(stored: str, given: str) -> bool:
        checked.append((stored, given))
        return True

    monkeypatch.setattr("api.users.check_password_hash", right)
    assert not Admin("hash").is_("nobody", "secret")
    assert checked == [("hash", "secret")]


def test_a_refresh_token_buys_an_access_token(client: Any, tokens: dict[str, Any]) -> None:
    reply = client.post(REFRESH, headers=bearer(tokens["refresh_token"]))
    assert reply.status_code == 200
    assert client.post(TRIGGER, headers=bearer(reply.json["access_token"])).status_code == 202


def test_an_access_token_buys_nothing(client: Any, tokens: dict[str, Any], refused: Refused) -> None:
    assert refused(client.post(REFRESH, headers=bearer(tokens["access_token"])), 401) == ["Authorization"]


def test_a_refresh_token_opens_nothing_else(client: Any, tokens: dict[str, Any], refused: Refused) -> None:
    assert refused(client.post(TRIGGER, headers=bearer(tokens["refresh_token"])), 401) == ["Authorization"]


def unsigned(token: str, signature: str = "") -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}.{signature}"


def with_header(header: bytes) -> str:
    return base64.urlsafe_b64encode(header).rstrip(b"=").decode() + ".e30.c2ln"


WRONG_TOKENS = {
    "expired": a_token(exp=now() - timedelta(seconds=1)),
    "signed by another key": a_token("another key that is longer than thirty-two bytes"),
    "signed by another algorithm": a_token(algorithm="HS512"),
    "alg none": unsigned(a_token()),
    "alg none with a signature": unsigned(a_token(), a_token().split(".")[2]),
    "another issuer": a_token(iss="somebody"),
    "no issuer": a_token(iss=None),
    "another audience": a_token(aud="another api"),
    "no audience": a_token(aud=None),
    "another user": a_token(sub="root"),
    "a number for a user": a_token(sub=1),
    "no user": a_token(sub=None),
    "not yet valid": a_token(nbf=now() + timedelta(hours=12)),
    "a refresh token": a_token(type="refresh"),
    "an expiry that is no date": a_token(exp="tomorrow"),
    "cut short": a_token()[:-5],
    "two parts": "a.b",
    "not base64": "ä.ö.ü",
    "nothing": "",
    "two words": "one two",
    "a header of a thousand brackets": with_header(b"[" * 5_000),
    "a header that is a list": with_header(b"[]"),
    "a header that is no JSON": with_header(b"\xff\xfe"),
}


@pytest.mark.parametrize("name", WRONG_TOKENS)
def test_no_other_token_is_taken_and_nothing_is_queued(client: Any, refused: Refused, name: str) -> None:
    token = WRONG_TOKENS[name].encode().decode("latin-1")
    assert refused(client.post(TRIGGER, headers=bearer(token)), 401) == ["Authorization"]


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YWRtaW46YWRtaW4=", "bearer", "Token x", "\x01"])
def test_no_other_header_is_taken(client: Any, refused: Refused, header: str) -> None:
    assert refused(client.post(TRIGGER, headers={"Authorization": header}), 401) == ["Authorization"]


def test_a_token_anywhere_but_in_the_header_is_not_seen(client: Any, refused: Refused) -> None:
    client.set_cookie("access_token_cookie", a_token())
    assert refused(client.post(TRIGGER), 401) == ["Authorization"]
    client.delete_cookie("access_token_cookie")


def test_a_stranger_is_refused_before_the_input_is_judged(client: Any, refused: Refused) -> None:
    assert refused(client.post(TRIGGER, json={"source": "no address"}), 401) == ["Authorization"]


def test_tokens_live_as_long_as_the_settings_say(
    make_app: Callable[..., Any], tmp_path: Path, refused: Refused
) -> None:
    short = {"BOOKSHELF_ACCESS_TOKEN_LIFETIME": "-PT1S", "BOOKSHELF_REFRESH_TOKEN_LIFETIME": "PT1H"}
    client = make_app(tmp_path, **short).test_client()
    found = client.post(LOGIN, json={"username": "admin", "password": PASSWORD}).json
    assert refused(client.post(TRIGGER, headers=bearer(found["access_token"])), 401) == ["Authorization"]
    payload = found["refresh_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["exp"] - claims["iat"] == 3600
