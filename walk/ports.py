"""Refuse early: a port that something else listens on is named together with the variable that moves it.

Standard library only, because `make run` asks before anything is installed:

    python3 walk/ports.py 127.0.0.1 API_PORT=8000 BENTO_PORT=3000
"""

from __future__ import annotations

import socket
import sys


def taken_ports(host: str, ports: dict[str, int]) -> dict[str, int]:
    """Those of `ports` (variable -> number) that cannot be listened on at `host`."""
    return {variable: port for variable, port in ports.items() if not _is_free(host, port)}


def complaint(taken: dict[str, int]) -> str:
    """One line for each taken port: its number and the variable that changes it."""
    return "\n".join(
        f"error: port {port} is in use; free it (`make stop` ends an earlier run) or set {variable}=<port>"
        for variable, port in taken.items()
    )


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as listener:
        # As the servers do: a port whose last connections are still closing down is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
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
    if taken := taken_ports(sys.argv[1], _parse(sys.argv[2:])):
        sys.exit(complaint(taken))
