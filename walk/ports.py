"""Refuse early: a port or a host that cannot be listened on is named together with the variable that sets it.

Standard library only, because `make run` asks before anything is installed:

    python3 walk/ports.py 127.0.0.1 API_PORT=8000 BENTO_PORT=3000
"""

from __future__ import annotations

import errno
import socket
import sys


class Unusable(Exception):
    """Nobody could listen there, whether or not somebody does; the text names the variable at fault."""


def taken_ports(host: str, ports: dict[str, int]) -> dict[str, int]:
    """Those of `ports` (variable -> number) that something listens on at `host`. Raises `Unusable`."""
    return {variable: port for variable, port in ports.items() if not _is_free(host, variable, port)}


def complaint(taken: dict[str, int]) -> str:
    """One line for each taken port: its number and the variable that changes it."""
    return "\n".join(
        f"error: port {port} is in use; free it (`make stop` ends an earlier run) or set {variable}=<port>"
        for variable, port in taken.items()
    )


def _is_free(host: str, variable: str, port: int) -> bool:
    with socket.socket() as listener:
        # As the servers do: a port whose last connections are still closing down is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except (OSError, UnicodeError) as error:
            number = getattr(error, "errno", None)
            if number == errno.EADDRINUSE:
                return False
            if number in (errno.EACCES, errno.EPERM):
                raise Unusable(
                    f"this user may not listen on port {port}; set {variable}=<port>, from 1024 on"
                ) from error
            reason = getattr(error, "strerror", error)
            raise Unusable(
                f"BOOKSHELF_HOST={host!r} cannot be listened on ({reason}); it must be an IPv4 address of "
                "this machine, such as 127.0.0.1, or 0.0.0.0 for all of them"
            ) from error
    return True


def _parse(assignments: list[str]) -> dict[str, int]:
    ports = {}
    for assignment in assignments:
        variable, _, number = assignment.partition("=")
        if not number.isdigit() or not 1 <= int(number) <= 65535:
            sys.exit(f"error: {variable} must be a port number from 1 to 65535, got {number!r}")
        ports[variable] = int(number)
    return ports


if __name__ == "__main__":
    try:
        if taken := taken_ports(sys.argv[1], _parse(sys.argv[2:])):
            sys.exit(complaint(taken))
    except Unusable as unusable:
        sys.exit(f"error: {unusable}")
