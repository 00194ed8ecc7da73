"""A port in use is told early, by its number and the variable that moves it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys

from bookshelf.settings import ROOT, Settings
from tests.conftest import free_port
from walk.ports import complaint, taken_ports


def test_a_free_port_is_not_taken() -> None:
    assert taken_ports("127.0.0.1", {"API_PORT": free_port()}) == {}


def test_a_port_in_use_is_named_with_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        taken = taken_ports("127.0.0.1", {"BENTO_PORT": port})
        assert taken == {"BENTO_PORT": port}
        assert f"port {port} is in use" in complaint(taken)
        assert "BENTO_PORT=" in complaint(taken)


def test_the_script_that_make_calls_refuses_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        asked = subprocess.run(
            [sys.executable, "-S", "walk/ports.py", "127.0.0.1", f"MLFLOW_PORT={port}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert asked.returncode == 1
    assert f"port {port} is in use" in asked.stderr
    assert "MLFLOW_PORT" in asked.stderr


def test_a_port_that_is_no_number_is_refused() -> None:
    asked = subprocess.run(
        [sys.executable, "walk/ports.py", "127.0.0.1", "API_PORT=http"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 1
    assert "API_PORT must be a port number" in asked.stderr


def test_the_makefile_and_the_settings_name_the_same_ports() -> None:
    makefile = (ROOT / "Makefile").read_text()
    fields = {"API_PORT": "api_port", "BENTO_PORT": "bento_port", "MLFLOW_PORT": "mlflow_port"}
    for variable, field in fields.items():
        found = re.search(rf"^{variable} \?= (\d+)$", makefile, re.MULTILINE)
        assert found
        assert int(found.group(1)) == Settings.model_fields[field].default
