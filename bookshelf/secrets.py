"""The secrets of one installation: given by the environment, or drawn once and kept for their owner alone."""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock
from werkzeug.security import generate_password_hash

from bookshelf.errors import SettingsError
from bookshelf.settings import Settings

SECRETS_FILE = "secrets.json"
PASSWORD_FILE = "admin-password"
JWT_SECRET = "jwt_secret"
ADMIN_PASSWORD_HASH = "admin_password_hash"

# RFC 7518, 3.2: a key of HS256 is at least as long as its hash.
_MIN_JWT_SECRET_BYTES = 32
_SCRYPT_HASH = re.compile(r"scrypt:\d+:\d+:\d+\$[^$]+\$[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What signs tokens and what the admin's password is checked against. Raises `SettingsError`."""

    jwt_secret: str = field(repr=False)
    admin_password_hash: str = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.jwt_secret.encode()) < _MIN_JWT_SECRET_BYTES:
            raise SettingsError(
                f"BOOKSHELF_JWT_SECRET must have at least {_MIN_JWT_SECRET_BYTES} bytes, "
                f"got {len(self.jwt_secret.encode())}"
            )
        if not _SCRYPT_HASH.fullmatch(self.admin_password_hash):
            raise SettingsError(f"{ADMIN_PASSWORD_HASH} in {SECRETS_FILE} is not a scrypt hash")


def draw_secrets(settings: Settings) -> tuple[Secrets, str | None]:
    """The installation's secrets, drawn into the home if they are missing, and the admin's new password.

    The password is None unless it was drawn now; it is then in `admin-password` too. What the
    environment gives is not written to disk. Of several processes at once, one draws for all.
    """
    if settings.jwt_secret and settings.admin_password:
        return load_secrets(settings), None
    settings.home.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.home / "secrets.lock"):
        stored = _read(settings.home / SECRETS_FILE)
        drawn: dict[str, str] = {}
        password = None
        if not settings.jwt_secret and JWT_SECRET not in stored:
            drawn[JWT_SECRET] = secrets.token_urlsafe(48)
        if not settings.admin_password and ADMIN_PASSWORD_HASH not in stored:
            password = secrets.token_urlsafe(18)
            drawn[ADMIN_PASSWORD_HASH] = generate_password_hash(password, method="scrypt")
            # Before its hash: whoever is stopped in between leaves no hash of a password nobody knows.
            _write_private(settings.home / PASSWORD_FILE, password + "\n")
        if drawn:
            _write_private(settings.home / SECRETS_FILE, json.dumps(stored | drawn, indent=2) + "\n")
        return load_secrets(settings), password


def load_secrets(settings: Settings) -> Secrets:
    """The secrets as the environment gives them or the home keeps them.

    Raises `SettingsError` naming the variable to set if there is neither: there is no default secret.
    """
    path = settings.home / SECRETS_FILE
    stored = {} if settings.jwt_secret and settings.admin_password else _read(path)
    jwt_secret = settings.jwt_secret or stored.get(JWT_SECRET)
    if jwt_secret is None:
        raise SettingsError(
            f"no JWT secret: set BOOKSHELF_JWT_SECRET, or let `make run` draw one into {path}"
        )
    if settings.admin_password:
        return Secrets(jwt_secret, generate_password_hash(settings.admin_password, method="scrypt"))
    if ADMIN_PASSWORD_HASH not in stored:
        raise SettingsError(
            f"no admin password: set BOOKSHELF_ADMIN_PASSWORD, or let `make run` draw one into {path}"
        )
    return Secrets(jwt_secret, stored[ADMIN_PASSWORD_HASH])


def _read(path: Path) -> dict[str, str]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read {path} ({error}): delete it and `make run` draws anew") from error
    if not isinstance(stored, dict) or not all(isinstance(value, str) for value in stored.values()):
        raise SettingsError(f"{path} must hold one JSON object of texts: delete it and `make run` draws anew")
    return stored


def _write_private(path: Path, text: str) -> None:
    """Put `text` in place of the file, whole or not at all, readable by its owner alone."""
    # mkstemp makes the file 0600 from its first moment, whatever the umask.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
