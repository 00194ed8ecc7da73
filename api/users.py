"""Who may do what needs a login: the one admin."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from werkzeug.security import check_password_hash

ADMIN_NAME = "admin"


@dataclass(frozen=True, slots=True)
class Admin:
    """The one user; `password_hash` is werkzeug's scrypt."""

    password_hash: str = field(repr=False)
    name: str = ADMIN_NAME

    def is_(self, username: str, password: str) -> bool:
        """Whether that is the admin. Takes the same time whichever of the two is wrong."""
        right_password = check_password_hash(self.password_hash, password)
        right_name = hmac.compare_digest(username.encode(), self.name.encode())
        return right_password and right_name
