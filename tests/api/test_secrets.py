"""Secrets are drawn once, kept for their owner alone, and never defaulted."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from werkzeug.security import check_password_hash

from api.app import create_app
from bookshelf.errors import SettingsError
from bookshelf.secrets import draw_secrets, load_secrets
from bookshelf.settings import Settings

LONG = "a JWT secret that is longer than thirty-two bytes"


@pytest.fixture(autouse=True)
def no_secrets_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOKSHELF_JWT_SECRET", raising=False)
    monkeypatch.delenv("BOOKSHELF_ADMIN_PASSWORD", raising=False)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_first_draw_keeps_the_secret_the_hash_and_the_password(settings: Settings) -> None:
    secrets, password = draw_secrets(settings)
    assert password is not None
    assert len(password) >= 20
    assert check_password_hash(secrets.admin_password_hash, password)
    stored = settings.home / "secrets.json"
    assert json.loads(stored.read_text()) == {
        "jwt_secret": secrets.jwt_secret,
        "admin_password_hash": secrets.admin_password_hash,
    }
    assert password not in stored.read_text()
    assert (settings.home / "admin-password").read_text() == password + "\n"
    assert mode(stored) == mode(settings.home / "admin-password") == 0o600


def test_a_second_draw_changes_nothing(settings: Settings) -> None:
    secrets, password = draw_secrets(settings)
    assert draw_secrets(settings) == (secrets, None)
    assert load_secrets(settings) == secrets
    assert (settings.home / "admin-password").read_text().strip() == password


def test_of_many_draws_at_once_one_draws_for_all(settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda _: draw_secrets(settings), range(8)))
    assert len({secrets.jwt_secret for secrets, _ in drawn}) == 1
    assert len([password for _, password in drawn if password is not None]) == 1
    assert sorted(path.name for path in settings.home.iterdir()) == [
        "admin-password",
        "secrets.json",
        "secrets.lock",
    ]


def test_what_the_environment_gives_is_not_written(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKSHELF_JWT_SECRET", LONG)
    monkeypatch.setenv("BOOKSHELF_ADMIN_PASSWORD", "opensesame")
    secrets, password = draw_secrets(Settings())
    assert (secrets.jwt_secret, password) == (LONG, None)
    assert check_password_hash(secrets.admin_password_hash, "opensesame")
    assert not settings.home.exists()


def test_what_only_one_variable_gives_is_drawn_for_the_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKSHELF_JWT_SECRET", LONG)
    secrets, password = draw_secrets(Settings())
    assert password is not None
    assert secrets.jwt_secret == LONG
    assert set(json.loads((settings.home / "secrets.json").read_text())) == {"admin_password_hash"}
    monkeypatch.delenv("BOOKSHELF_JWT_SECRET")
    later, no_password = draw_secrets(Settings())
    assert no_password is None
    assert later.jwt_secret != LONG
    assert later.admin_password_hash == secrets.admin_password_hash


def test_the_environment_comes_before_the_home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    _, drawn = draw_secrets(settings)
    assert drawn is not None
    monkeypatch.setenv("BOOKSHELF_ADMIN_PASSWORD", "opensesame")
    found = load_secrets(Settings())
    assert check_password_hash(found.admin_password_hash, "opensesame")
    assert not check_password_hash(found.admin_password_hash, drawn)


def test_without_secrets_nothing_starts_and_the_error_names_the_variable(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="BOOKSHELF_JWT_SECRET"):
        create_app(settings)
    monkeypatch.setenv("BOOKSHELF_JWT_SECRET", LONG)
    with pytest.raises(SettingsError, match="BOOKSHELF_ADMIN_PASSWORD"):
        create_app(Settings())


def test_a_short_jwt_secret_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_secrets(settings)
    monkeypatch.setenv("BOOKSHELF_JWT_SECRET", "changeme")
    with pytest.raises(SettingsError, match="BOOKSHELF_JWT_SECRET must have at least 32 bytes, got 8"):
        load_secrets(Settings())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"jwt_secret": 7}',
        "\xff",
        json.dumps({"jwt_secret": LONG, "admin_password_hash": "plain"}),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(settings: Settings, content: str) -> None:
    settings.home.mkdir(parents=True)
    (settings.home / "secrets.json").write_text(content, encoding="latin-1")
    with pytest.raises(SettingsError, match=r"secrets\.json"):
        load_secrets(settings)


def test_secrets_do_not_show_in_what_is_printed(settings: Settings) -> None:
    secrets, _ = draw_secrets(settings)
    assert secrets.jwt_secret not in repr(secrets)
    assert secrets.admin_password_hash not in repr(secrets)
