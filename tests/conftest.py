"""What several folders of tests share: homes of their own, databases, and shops to read."""

from __future__ import annotations

import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from http.server import ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from bookshelf.book import Book
from bookshelf.database import open_database
from bookshelf.kept_vectors import KeptVectors
from bookshelf.settings import QUIET_ENVIRONMENT, ROOT, Settings
from features.embedding import Encoder

BOOKSTORE = ROOT.parent / "shared" / "bookstore" / "bookstore.py"
POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
# initdb refuses to run as root, and Debian's package brings this user.
SERVER_USER = {"user": "postgres"} if os.geteuid() == 0 else {}
#: Files that take minutes, the longest first: begun early, so that at the end no core waits for the other.
LONGEST = (
    *("test_walk.py", "test_server.py", "test_price.py", "test_kill.py", "test_publish.py"),
    *("test_five_days.py", "test_publish_killed.py", "test_large_shop.py", "test_plain_feast.py"),
)


#: What tells others which ports `free_port` has given away, for as long as this process lives.
_GIVEN: list[socket.socket] = []
# Below them no port is anybody's guess, and from the upper one on the system draws those of connections.
_OWN_PORTS = range(20_000, 32_000)


def pytest_configure() -> None:
    """No property is held to be wrong because a busy machine took long over an example."""
    from hypothesis import HealthCheck, settings

    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(scope="session", autouse=True)
def quiet_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test asks a hub or reports to anybody, and one writes the encoder's faster form for all."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in QUIET_ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("BOOKSHELF_ENCODERS", str(tmp_path_factory.getbasetemp().parent / "encoders"))
        yield


@pytest.fixture(scope="module", autouse=True)
def own_mlflow() -> Iterator[None]:
    """No module of tests leaves MLflow its address: it stays in the process, and in what that starts."""
    yield
    if mlflow := sys.modules.get("mlflow"):
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.environ.pop("MLFLOW_REGISTRY_URI", None)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of an empty home, and the environment that gives them to child processes too."""
    for name in ("SOURCE", "BOOKSHELF_SOURCE", "BOOKSHELF_DATABASE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BOOKSHELF_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("BOOKSHELF_MLRUNS", str(tmp_path / "mlruns"))
    monkeypatch.setenv("BOOKSHELF_EXPORT_CSV", str(tmp_path / "data" / "books.csv"))
    return Settings()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Address of the database `postgres` of a real server that lives as long as the tests."""
    if not POSTGRESQL:
        assert os.environ.get("CI") != "true", "CI must have PostgreSQL: /usr/lib/postgresql/*/bin/initdb"
        pytest.skip("PostgreSQL is not installed: no /usr/lib/postgresql/*/bin/initdb")
    binaries = POSTGRESQL[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="bookshelf-pg-"))
    if SERVER_USER:
        shutil.chown(folder, **SERVER_USER)
    data = folder / "data"

    def run(*command: object) -> None:
        subprocess.run(
            [str(part) for part in command], check=True, capture_output=True, cwd="/", **SERVER_USER
        )  # type: ignore[call-overload]

    try:
        run(binaries / "initdb", "--pgdata", data, "--auth=trust", "--username=postgres", "--locale=C.UTF-8")
        # A socket in our own folder and no port: it cannot meet another server.
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        run(
            binaries / "pg_ctl",
            "--pgdata",
            data,
            "--wait",
            "--log",
            folder / "log",
            "--options",
            options,
            "start",
        )
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            run(binaries / "pg_ctl", "--pgdata", data, "--mode=immediate", "stop")
    finally:
        subprocess.run(["rm", "-rf", folder], check=False)  # 300 files for each database


@pytest.fixture(scope="session")
def made_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with the catalogue's tables, empty: copied, where making them anew takes its time."""
    file = tmp_path_factory.mktemp("made") / "catalogue.db"
    open_database(f"sqlite:///{file}").dispose()
    return file


@pytest.fixture(scope="session")
def made_postgresql(postgresql_server: str) -> str:
    """The name of such a database on PostgreSQL."""
    open_database(new_postgresql(postgresql_server, "made")).dispose()
    return "made"


def new_postgresql(server: str, name: str, template: str = "template1") -> str:
    """Address of a new database on the server, a copy of the template."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return server.replace("/postgres?", f"/{name}?")


def new_database(kind: str, folder: Path, request: pytest.FixtureRequest, *, made: bool) -> str:
    """Address of a new database of that kind, its tables `made` and empty, or not there at all."""
    if kind == "sqlite":
        file = folder / "catalogue.db"
        if made:
            shutil.copy(request.getfixturevalue("made_file"), file)
        return f"sqlite:///{file}"
    server: str = request.getfixturevalue("postgresql_server")
    template: str = request.getfixturevalue("made_postgresql") if made else "template1"
    return new_postgresql(server, f"books_{uuid4().hex}", template)


BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]


@pytest.fixture(params=BOTH)
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a database without tables, on SQLite and on PostgreSQL."""
    return new_database(request.param, tmp_path, request, made=False)


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database, on SQLite and on PostgreSQL."""
    return new_database(request.param, tmp_path, request, made=True)


@pytest.fixture(scope="module", params=BOTH)
def module_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of an empty database for a module of tests that change nothing, on SQLite and on PostgreSQL."""
    return new_database(request.param, tmp_path_factory.mktemp("database"), request, made=True)


@pytest.fixture
def a_book() -> Callable[..., Book]:
    """Makes a book that is all right, but for what a test says of it."""

    def make(**facts: object) -> Book:
        upc = facts.get("upc", "a897fe39b1053632")
        usual: dict[str, object] = {
            "upc": upc,
            "title": f"The Book {upc}",
            "price": Decimal("51.77"),
            "rating": 3,
            "availability": "In stock",
            "stock": 22,
            "category": "Poetry",
            "image": f"https://shop.test/{upc}/large.jpg",
            "thumbnail": f"https://shop.test/{upc}/small.jpg",
            "description": "It is hard to imagine a world without it.",
            "url": f"https://shop.test/{upc}/index.html",
        }
        return Book(**(usual | facts))  # type: ignore[arg-type]

    return make


def free_port() -> int:
    """A port that nothing listens on, and that no other test is given, in this process or another.

    The system gives it to no connection. That it is taken is told by the UDP port of the same number.
    """
    for port in random.Random(uuid4().int).sample(_OWN_PORTS, 100):
        given = socket.socket(type=socket.SOCK_DGRAM)
        try:
            with socket.socket() as listener:
                given.bind(("127.0.0.1", port))
                listener.bind(("127.0.0.1", port))
        except OSError:
            given.close()
        else:
            _GIVEN.append(given)
            return port
    raise AssertionError("no port is free")


@pytest.fixture
def nobodys_port() -> Iterator[int]:
    """A port on which connections are refused for as long as the test lasts."""
    with socket.socket() as deaf:  # bound, and never listening
        deaf.bind(("127.0.0.1", 0))
        yield deaf.getsockname()[1]


class RoomyServer(ThreadingHTTPServer):
    request_queue_size = 128  # five, the default, turns away callers who come before the thread that accepts


def wait_until(true: Callable[[], object], seconds: float = 240) -> None:
    """Fails if that does not come true in time, which is ample: no machine is that slow."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def kept_vectors(request: pytest.FixtureRequest) -> Path:
    """The file that keeps vectors of texts for all workers, and for the next run of the tests."""
    assert request.config.cache is not None
    return request.config.cache.mkdir("vectors") / "vectors.db"


def hand_on_vectors(made: Path, to: Path) -> None:
    """What was encoded need not be encoded again: puts the vectors kept in one file into another as well."""
    with KeptVectors(to, Encoder.load), closing(sqlite3.connect(to, timeout=60)) as connection:
        connection.execute("ATTACH DATABASE ? AS made", (str(made),))
        with connection:
            connection.execute("INSERT OR IGNORE INTO vectors SELECT * FROM made.vectors")


@pytest.fixture(scope="session")
def bookstore_url() -> Iterator[str]:
    """Address of a local shop with the real 1,000 books, where its data is present beside the repository."""
    if not BOOKSTORE.exists():
        pytest.skip(f"the real books are not here: {BOOKSTORE} does not exist")
    command = [sys.executable, "-u", str(BOOKSTORE), "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as shop:
        try:
            assert shop.stdout is not None
            announced = shop.stdout.readline()  # `1000 books at http://127.0.0.1:40123/`
            yield announced.split()[-1]
        finally:
            shop.terminate()
