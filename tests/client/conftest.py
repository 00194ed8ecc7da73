"""The API as it is really served, with books, and with a small server that speaks the model server's part."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from bookshelf.catalogue import Catalogue, now
from bookshelf.secrets import PASSWORD_FILE, draw_secrets
from bookshelf.settings import ROOT, Settings
from bookshelf_client import Client
from tests.api.conftest import BOOKS, ModelServer, book_number
from tests.conftest import free_port, wait_until

__all__ = ["BOOKS"]


@dataclass(frozen=True)
class Stack:
    """Where the API answers, the home it serves, and its model server."""

    url: str
    home: Path
    models: ModelServer

    @property
    def password(self) -> str:
        return (self.home / PASSWORD_FILE).read_text().strip()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home, port = tmp_path_factory.mktemp("client"), free_port()
    settings = Settings(home=home).model_copy(update={"database_url": ""})
    books = [book_number(number + 1) for number in range(BOOKS)]
    Catalogue.open(settings.catalogue_url).publish(books, "https://shop.test/", now())
    draw_secrets(settings)
    models = ModelServer()
    environment = os.environ | settings.as_environment() | {"BENTO_PORT": str(models.port)}
    gunicorn = Path(sys.executable).with_name("gunicorn")
    bound = ["--bind", f"127.0.0.1:{port}"]
    command = [str(gunicorn), "--config", "api/gunicorn_conf.py", *bound, "api.app:create_app()"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: _answers(url))
            yield Stack(url, home, models)
        finally:
            process.terminate()
    models.http.shutdown()
    models.http.server_close()


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/api/v1/health", retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False


@pytest.fixture
def stack(running: Stack) -> Stack:
    running.models.mood = "well"
    return running


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client(stack.url, patience=0) as client:
        yield client


@pytest.fixture
def admin(client: Client, stack: Stack) -> Client:
    client.login(username="admin", password=stack.password)
    return client
