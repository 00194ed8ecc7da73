"""MLflow answers under the names that this machine has, to programs and to its own pages, and no others."""

from __future__ import annotations

import socket

import psutil
import pytest
from mlflow.server.security_utils import is_allowed_host_header, should_block_cors_request

from bookshelf.settings import Settings
from walk.programs import programs


def _answers(settings: Settings, host: str, scheme: str = "http") -> bool:
    """Whether MLflow, started as we start it, shows its pages under that name and lets them ask."""
    [mlflow] = [one for one in programs(settings) if one.name == "mlflow"]
    options = dict(zip(mlflow.command[2::2], mlflow.command[3::2], strict=True))
    hosts, origins = options["--allowed-hosts"].split(","), options["--cors-allowed-origins"].split(",")
    return is_allowed_host_header(hosts, host) and not should_block_cors_request(
        f"{scheme}://{host}", "POST", origins
    )


@pytest.fixture
def local(settings: Settings) -> Settings:
    return settings.model_copy(update={"mlflow_port": 5000})


@pytest.fixture
def everywhere(local: Settings) -> Settings:
    return local.model_copy(update={"host": "0.0.0.0"})


def test_by_default_only_this_machine_is_answered(local: Settings) -> None:
    assert _answers(local, "127.0.0.1:5000")
    assert _answers(local, "localhost:5000")
    assert not _answers(local, f"{socket.gethostname()}:5000")
    assert not _answers(local, "rebound.test:5000")


def test_listening_everywhere_it_is_answered_by_each_name_and_address_of_the_machine(
    everywhere: Settings,
) -> None:
    addresses = [
        one.address for each in psutil.net_if_addrs().values() for one in each if one.family == socket.AF_INET
    ]
    for name in ["127.0.0.1", "localhost", "0.0.0.0", socket.gethostname(), *addresses]:
        assert _answers(everywhere, f"{name}:5000"), name
    assert not _answers(everywhere, "rebound.test:5000")


def test_a_name_that_only_others_know_is_told_by_a_setting(everywhere: Settings) -> None:
    named = everywhere.model_copy(update={"mlflow_hosts": "shelf.test:5000, mlflow.shelf.test"})
    assert _answers(named, "shelf.test:5000")
    assert _answers(named, "mlflow.shelf.test", scheme="https")
    assert not _answers(named, "rebound.test:5000")


def test_programs_that_listen_everywhere_ask_each_other_on_this_machine(everywhere: Settings) -> None:
    assert everywhere.mlflow_url == "http://127.0.0.1:5000"
    assert everywhere.api_url.startswith("http://127.0.0.1:")
    assert everywhere.bento_url.startswith("http://127.0.0.1:")
