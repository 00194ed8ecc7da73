"""A port in use is told early, by its number and the variable that moves it."""

from __future__ import annotations

import errno
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bookshelf.settings import ROOT, Settings
from tests.conftest import free_port
from walk.ports import Unusable, complaint, taken_ports


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


def test_a_host_that_this_machine_does_not_have_is_named_by_its_variable() -> None:
    for host in ("192.0.2.1", "::1", "no-such-host.invalid", "a..b"):
        with pytest.raises(Unusable, match=rf"^BOOKSHELF_HOST='{host}' cannot be listened on"):
            taken_ports(host, {"API_PORT": 21699})


def test_a_port_that_the_user_may_not_listen_on_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbid(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("walk.ports.socket.socket.bind", forbid)
    with pytest.raises(Unusable, match="not listen on port 80; set API_PORT=<port>, from 1024 on"):
        taken_ports("127.0.0.1", {"API_PORT": 80})


def test_the_script_that_make_calls_names_the_host_that_it_cannot_use() -> None:
    asked = subprocess.run(
        [sys.executable, "-S", "walk/ports.py", "192.0.2.1", "MLFLOW_PORT=21699"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 1
    assert asked.stderr.startswith("error: BOOKSHELF_HOST='192.0.2.1'")
    assert asked.stderr.count("\n") == 1


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A repository in which nothing is installed yet."""
    for name in ("Makefile", "install.sh", "walk/ports.py", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def test_make_run_without_a_python_says_which_one_it_needs(bare: Path) -> None:
    refused = make(bare, "run", "PYTHON=no-such-python")
    assert refused.returncode
    assert "error: no-such-python is not Python 3.11" in refused.stderr
    assert "command not found" not in refused.stderr


def test_before_it_is_installed_make_run_refuses_a_port_in_use(bare: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        refused = make(bare, "run", f"API_PORT={port}", f"PYTHON={sys.executable}")
    assert refused.returncode
    assert f"port {port} is in use" in refused.stderr


def test_once_it_is_installed_make_run_leaves_the_ports_to_the_walk_that_knows_what_runs(bare: Path) -> None:
    python = bare / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho asked for: $*\n")
    python.chmod(0o755)
    (bare / ".venv" / "installed").touch()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ran = make(bare, "run", f"API_PORT={listener.getsockname()[1]}", f"PYTHON={sys.executable}")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "asked for: -m walk up" in ran.stdout


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
