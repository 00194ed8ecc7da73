"""The walk: `make run` on an empty home, and everything it leaves serving, with real processes throughout.

On the real books where they are present, on the sample shop otherwise.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
import requests

from bookshelf.prediction_files import PredictionFiles
from bookshelf.settings import ROOT, Settings
from tests.conftest import BOOKSTORE, free_port, hand_on_vectors, wait_until
from tests.guide import program_of
from walk.launch import marked
from walk.programs import environment, mark

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2700)]

READY = "Serving until Ctrl-C"
FIRST_RUN_PATIENCE = timedelta(minutes=36)


@dataclass(frozen=True)
class Walk:
    """A running platform: its settings, what it printed, and the process in the foreground."""

    settings: Settings
    output: Path
    process: subprocess.Popen[bytes]

    def text(self) -> str:
        return self.output.read_text(errors="replace")  # the half of a letter may have been written by now

    def get(self, path: str, **parameters: Any) -> requests.Response:
        return requests.get(f"{self.settings.api_url}/api/v1{path}", params=parameters, timeout=120)

    def post(self, path: str, body: Any, token: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.post(f"{self.settings.api_url}/api/v1{path}", json=body, headers=headers, timeout=120)

    def admin_token(self) -> str:
        password = (self.settings.home / "admin-password").read_text().strip()
        answer = self.post("/auth/login", {"username": "admin", "password": password})
        token: str = answer.json()["access_token"]
        return token

    def is_real_shop(self) -> bool:
        return BOOKSTORE.exists()


def run_walk(settings: Settings, output: Path, source: str) -> Walk:
    """`make run` in a session of its own, until it serves."""
    env = {
        **environment(settings),
        "SOURCE": source,
        # Without a source nothing may reach the live shop from a test.
        "https_proxy": "http://127.0.0.1:9",
    }
    with output.open("wb") as file:
        process = subprocess.Popen(
            ["make", "run", f"PYTHON={sys.executable}"],
            cwd=ROOT,
            env=env,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    walk = Walk(settings, output, process)
    deadline = time.monotonic() + FIRST_RUN_PATIENCE.total_seconds()
    while READY not in walk.text():
        assert process.poll() is None, f"`make run` ended early:\n{walk.text()}"
        assert time.monotonic() < deadline, f"`make run` does not serve:\n{walk.text()}"
        time.sleep(0.5)
    return walk


def stop_walk(walk: Walk) -> None:
    """Ctrl-C in the terminal of `make run`: the interrupt goes to its whole foreground group."""
    if walk.process.poll() is None:
        os.killpg(walk.process.pid, signal.SIGINT)
        walk.process.wait(240)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    root = tmp_path_factory.mktemp("walk")
    return Settings.model_validate(
        {
            "home": root / "var",
            "mlruns": root / "mlruns",
            "export_csv": root / "data" / "books.csv",
            # Or what is due while the tests run would be in the way of what they ask for.
            "schedule": "off",
            "retrain_schedule": "off",
            "MLFLOW_TRACKING_URI": f"sqlite:///{root}/mlruns/mlflow.db",
            "API_PORT": free_port(),
            "BENTO_PORT": free_port(),
            "MLFLOW_PORT": free_port(),
        }
    )


@pytest.fixture(scope="module")
def source(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("bookstore_url")) if BOOKSTORE.exists() else ""


@pytest.fixture(scope="module")
def walk(home: Settings, source: str, kept_vectors: Path) -> Iterator[Walk]:
    walk = run_walk(home, home.home.parent / "first-run.txt", source)
    hand_on_vectors(home.kept_vectors, kept_vectors)  # the bundled corpus takes other tests a minute
    yield walk
    stop_walk(walk)


def test_it_ends_with_addresses_models_beside_their_baselines_and_commands(walk: Walk) -> None:
    closing = walk.text()[walk.text().index("✓ serving") :]
    for address in (walk.settings.api_url, walk.settings.bento_url, walk.settings.mlflow_url):
        assert address in closing
    for model in ("price", "recommender", "sentiment"):
        assert re.search(rf"^  {model} +1 +.+ +yes", closing, re.MULTILINE), closing
    assert closing.count("  curl ") == 3


def test_the_password_is_printed_once_and_kept_for_its_owner_alone(walk: Walk) -> None:
    kept = walk.settings.home / "admin-password"
    assert kept.stat().st_mode & 0o777 == 0o600
    password = kept.read_text().strip()
    assert walk.text().count(password) == 1
    assert password not in (walk.settings.home / "secrets.json").read_text()


def test_the_catalogue_is_the_shop(walk: Walk) -> None:
    overview = walk.get("/stats/overview").json()
    assert overview["total_books"] == 1000
    books: list[dict[str, Any]] = []
    for page in range(1, 11):
        books += walk.get("/books", page=page, page_size=100).json()["items"]
    assert len({book["upc"] for book in books}) == 1000
    if not walk.is_real_shop():
        assert "sample shop" in walk.text()
        return
    assert len(walk.get("/categories").json()["items"]) == 50
    assert sum(book["stock"] for book in books) == 8585
    assert round(sum(book["price"] for book in books), 2) == 35070.35
    assert overview["rating_distribution"] == {"1": 226, "2": 196, "3": 203, "4": 179, "5": 196}
    assert sum(not book["description"] for book in books) == 2
    assert walk.get("/books/1").json()["title"] == "A Light in the Attic"


def test_every_model_endpoint_answers_and_names_its_model(walk: Walk) -> None:
    category = walk.get("/books/1").json()["category"]
    wanted = {"rating": 4, "category": category, "availability": "In stock"}
    price = walk.post("/ml/predict/price", wanted).json()
    assert price["interval"]["low"] <= price["price"] <= price["interval"]["high"]
    assert price["informative"] is False, "prices here are drawn at random, and the model must say so"
    assert price["model"] == {"name": "price", "version": "1"}
    assert walk.post("/ml/predict/price", {"book_id": 1}).json()["model"]["name"] == "price"

    near = walk.get("/ml/recommendations/1", limit=5).json()
    assert near["book_id"] == 1
    assert len(near["items"]) == 5
    assert 1 not in [item["id"] for item in near["items"]]
    scores = [item["score"] for item in near["items"]]
    assert scores == sorted(scores, reverse=True)

    joyful = walk.post("/ml/sentiment", {"description": "A joyful, hilarious, uplifting story."}).json()
    bleak = walk.post("/ml/sentiment", {"description": "A dull, disappointing, joyless slog."}).json()
    assert joyful["sentiment"] == "positive"
    assert bleak["sentiment"] == "negative"
    assert -1 <= bleak["score"] < 0 < joyful["score"] <= 1

    many = walk.post("/ml/predictions", {"model": "price", "inputs": [wanted, {**wanted, "rating": 6}]})
    first, second = many.json()["items"]
    assert first["prediction"]["price"] == price["price"]
    assert "rating" in second["error"]["errors"][0]["field"]


def test_features_and_training_data_are_ready_for_a_data_frame(walk: Walk) -> None:
    features = walk.get("/ml/features").json()
    assert features["total"] == len(features["items"]) == 1000
    assert {"book_id", "category", "rating", "description_words"} <= set(features["items"][0])
    trained = walk.get("/ml/training-data").json()["items"]
    assert {"book_id", "price"} <= set(trained[0])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rating": 6, "category": "Default", "availability": "In stock"}, "rating"),
        ({"rating": 4, "category": "No Such", "availability": "In stock"}, "category"),
        ({"rating": 4, "category": "Default", "availability": "In stock", "price": -3}, "price"),
        ({"rating": 4, "category": "Default", "availability": "In stock", "description": "x" * 5_000_000},
         "description"),
        ({"book_id": 10**6}, "book_id"),
        ({"book_id": "one"}, "book_id"),
    ],
)  # fmt: skip
def test_bad_input_is_a_problem_that_names_the_field(walk: Walk, body: Any, field: str) -> None:
    answer = walk.post("/ml/predict/price", body)
    assert 400 <= answer.status_code < 500, answer.text[:300]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert field in [error["field"] for error in answer.json()["errors"]]


def test_mlflow_shows_three_experiments_with_plots_and_champions(walk: Walk) -> None:
    rest = f"{walk.settings.mlflow_url}/api/2.0/mlflow"
    for name in ("price", "recommender", "sentiment"):
        found = requests.get(
            f"{rest}/registered-models/alias", params={"name": name, "alias": "champion"}, timeout=120
        )
        run_id = found.json()["model_version"]["run_id"]
        run = requests.get(f"{rest}/runs/get", params={"run_id": run_id}, timeout=120).json()["run"]
        experiment = requests.get(
            f"{rest}/experiments/get",
            params={"experiment_id": run["info"]["experiment_id"]},
            timeout=120,
        ).json()["experiment"]
        assert experiment["name"] == name
        assert any(metric["key"].startswith("baseline_") for metric in run["data"]["metrics"])
        plots = requests.get(
            f"{rest}/artifacts/list", params={"run_id": run_id, "path": "plots"}, timeout=120
        ).json()
        assert [file for file in plots["files"] if file["path"].endswith(".png")]


def test_the_data_of_every_champion_are_read_anew_and_its_features_are_not_skewed(walk: Walk) -> None:
    def training(*arguments: str) -> dict[str, Any]:
        """What the command says; that it ends well means that nothing differs."""
        done = subprocess.run(
            [sys.executable, "-m", "training", *arguments, "--json"],
            cwd=ROOT,
            env=environment(walk.settings),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    parity = training("parity")
    assert (parity["books"], parity["holds"]) == (1000, True)
    assert parity["compared"] == ["offline", "online", "served"]
    for name in ("price", "recommender", "sentiment"):
        found = requests.get(
            f"{walk.settings.mlflow_url}/api/2.0/mlflow/registered-models/alias",
            params={"name": name, "alias": "champion"},
            timeout=120,
        )
        told = training("dataset", "--run", found.json()["model_version"]["run_id"])
        assert told["equal"] is True
        assert name == "sentiment" or told["rows"] == 1000


def test_every_snippet_of_the_scientists_guide_works(walk: Walk, tmp_path: Path) -> None:
    program = at_its_ports(walk, program_of(ROOT / "docs" / "scientists.md"))
    run_in_checkout(walk, tmp_path / "checkout", sys.executable, "-c", program)


def test_a_triggered_scrape_runs_in_the_worker_and_succeeds(walk: Walk) -> None:
    assert walk.post("/scraping/trigger", {}).status_code == 401
    before = walk.get("/books/1").json()
    accepted = walk.post("/scraping/trigger", {}, walk.admin_token())
    assert accepted.status_code == 202
    run_id = accepted.json()["run_id"]
    deadline = time.monotonic() + 900
    while (run := walk.get(f"/scraping/runs/{run_id}").json())["status"] in ("queued", "running"):
        assert time.monotonic() < deadline, run
        time.sleep(0.5)
    assert run["status"] == "succeeded", run
    assert walk.get("/books/1").json() == before


def supervised(walk: Walk, name: str) -> psutil.Process:
    """The oldest process of a program: the one that the supervisor started."""
    return min(marked(mark(walk.settings, name)), key=lambda process: process.create_time())


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=60).status_code == 200
    except requests.RequestException:
        return False


def test_a_training_that_is_asked_for_is_judged_and_the_one_before_comes_back_within_seconds(
    walk: Walk,
) -> None:
    assert walk.post("/ml/models/price/rollback", {}).status_code == 401
    token = walk.admin_token()
    before = walk.get("/ml/models/price/history").json()["live"]["version"]
    training = time.monotonic()
    trained = done(walk, walk.post("/ml/models/price/retrain", {"reason": "a try"}, token), seconds=900)
    assert trained["status"] == "succeeded", trained
    after = walk.get("/ml/models/price/history").json()["live"]
    assert (after["action"], after["who"], after["version"] != before) == ("promote", "admin", True)
    started = time.monotonic()
    back = done(walk, walk.post("/ml/models/price/rollback", {"reason": "back"}, token), seconds=300)
    assert (back["status"], back["version"]) == ("succeeded", before)

    def answers() -> bool:
        reply = walk.post("/ml/predict/price", {"book_id": 1})
        named: str = reply.headers["X-Model-Version"]
        return (named, reply.json()["model"]["version"]) == (f"price/{before}", before)

    wait_until(answers)
    assert walk.get("/ml/models/price/history").json()["live"]["version"] == before
    # Ten seconds, but on a machine so slow that half of what a training takes there is more.
    assert time.monotonic() - started < max(10, (started - training) / 2)


def done(walk: Walk, accepted: requests.Response, seconds: float) -> dict[str, Any]:
    """The order, once it has ended."""
    assert accepted.status_code == 202, accepted.text
    where = accepted.headers["Location"].removeprefix("/api/v1")
    deadline = time.monotonic() + seconds
    while (order := walk.get(where).json())["status"] in ("queued", "running"):
        assert time.monotonic() < deadline, order
        time.sleep(0.1)
    found: dict[str, Any] = order
    return found


@pytest.mark.parametrize("name", ["mlflow", "bento", "api", "worker", "trainer"])
def test_whatever_is_killed_comes_back(walk: Walk, name: str) -> None:
    before = {process.pid for process in marked(mark(walk.settings, name))}
    acknowledged = [_predicted(walk) for _ in range(20)]
    files = PredictionFiles(walk.settings.home)
    wait_until(lambda: all(files.find(UUID(one)) for one in acknowledged))  # as they are within a second
    supervised(walk, name).kill()
    urls = {
        "mlflow": f"{walk.settings.mlflow_url}/health",
        "bento": f"{walk.settings.bento_url}/readyz",
        "api": f"{walk.settings.api_url}/api/v1/health",
        "worker": f"{walk.settings.api_url}/api/v1/health",
        "trainer": f"{walk.settings.api_url}/api/v1/health",
    }
    deadline = time.monotonic() + 600
    while True:
        # A child that outlives its parent for a moment still answers; only a new process counts.
        now = {process.pid for process in marked(mark(walk.settings, name))}
        if now - before and answers(urls[name]):
            break
        assert time.monotonic() < deadline, f"{name} did not come back"
        if name == "bento":
            assert walk.get("/books/1").status_code == 200, "books answer while the model server is down"
        time.sleep(0.5)
    wait_until(lambda: walk.get("/ml/recommendations/1").status_code == 200, seconds=600)
    for prediction_id in acknowledged:
        assert walk.get(f"/ml/predictions/{prediction_id}").json()["prediction_id"] == prediction_id


def _predicted(walk: Walk) -> str:
    made: str = walk.post("/ml/predict/price", {"book_id": 1}).json()["prediction_id"]
    return made


def test_without_its_model_server_the_api_says_when_to_ask_again(walk: Walk) -> None:
    bento = supervised(walk, "bento")
    family = [bento, *bento.children(recursive=True)]
    for process in family:
        process.suspend()
    for process in family:
        process.kill()
    answer = walk.post("/ml/sentiment", {"description": "A good book."})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert walk.get("/books").status_code == 200
    deadline = time.monotonic() + 600
    while not answers(f"{walk.settings.bento_url}/readyz"):
        assert time.monotonic() < deadline
        time.sleep(0.5)


def readme_commands() -> list[str]:
    """Every command of the README's console blocks, but for the two that this suite runs in.

    A command starts behind `$ ` and goes on over the next lines as long as a double quote is open.
    """
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    found: list[str] = []
    for line in "".join(blocks).splitlines():
        if line.startswith("$ "):
            found.append(line[2:])
        elif found and found[-1].count('"') % 2:
            found[-1] += f"\n{line}"
    return [command for command in found if command not in ("make run", "make test")]


def checkout_of(folder: Path, settings: Settings) -> Path:
    """The repository as `folder` with that home for its `var/`, which plain Feast finds by its place."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name not in ("var", "data", "feature_repo"):
            (folder / path.name).symlink_to(path)
    # Copied, because the parent of a linked folder is the parent of what it links to.
    shutil.copytree(ROOT / "feature_repo", folder / "feature_repo")
    (folder / "var").symlink_to(settings.home)
    (folder / "data").symlink_to(settings.export_csv.parent)
    return folder


def at_its_ports(walk: Walk, text: str) -> str:
    """The text with the ports that this platform serves at in place of the usual ones."""
    ports = {
        "8000": walk.settings.api_port,
        "3000": walk.settings.bento_port,
        "5000": walk.settings.mlflow_port,
    }
    return re.sub(r"127\.0\.0\.1:(8000|3000|5000)", lambda m: f"127.0.0.1:{ports[m[1]]}", text)


def run_in_checkout(walk: Walk, folder: Path, *command: str) -> str:
    """What a command prints in a checkout whose `var/` is the platform's; fails if the command does."""
    done = subprocess.run(
        command,
        cwd=checkout_of(folder, walk.settings),
        env={**environment(walk.settings), "SOURCE": "", "https_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def test_every_command_of_the_readme_works(walk: Walk, tmp_path: Path) -> None:
    commands = readme_commands()
    assert len(commands) > 10
    script = ["set -exo pipefail", *(at_its_ports(walk, command) for command in commands)]
    told = run_in_checkout(walk, tmp_path / "checkout", "bash", "-c", "\n".join(script)).replace(" ", "")
    assert '"status":4' not in told
    assert '"status":5' not in told


def test_a_second_run_uses_what_is_there_and_serves_within_seconds(
    walk: Walk, home: Settings, source: str
) -> None:
    stop_walk(walk)
    assert list(marked(mark(home))) == [], "Ctrl-C leaves no process"
    again = run_walk(home, home.home.parent / "second-run.txt", source)
    try:
        for again_done in ("crawl", "registered as", "train "):
            assert again_done not in again.text()
        assert again.get("/books/1").status_code == 200
    finally:
        stopped = subprocess.run(
            ["make", "stop"], cwd=ROOT, env=environment(home), capture_output=True, text=True, check=True
        )
    assert "stopped" in stopped.stdout
    assert again.process.wait(240) is not None
    assert list(marked(mark(home))) == []
