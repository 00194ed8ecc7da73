"""The commands as a user types them: what they print, what they leave, and how they fail."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from bookshelf.catalogue import Catalogue, now
from bookshelf.runs import LEASE, Runs
from bookshelf.settings import ROOT, Settings
from bookshelf.tables import runs as runs_table
from ingestion import commands
from ingestion.__main__ import main
from tests.ingestion.publisher import Publisher

if TYPE_CHECKING:
    from tests.ingestion.conftest import SmallShop


def recorded(catalogue: Catalogue) -> list[tuple[str, str, str]]:
    """Requester, status and source of each run, oldest first."""
    with catalogue.engine.connect() as connection:
        rows = connection.execute(runs_table.select().order_by(runs_table.c.requested_at)).all()
    return [(row.requested_by, row.status, row.source) for row in rows]


def test_scrape_ends_with_one_line_that_says_it_all(
    settings: Settings, catalogue: Catalogue, shop: SmallShop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scrape", "--source", shop.url]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 1
    told = f"snapshot 1: 7 books from {shop.url} in 1 categories (7 added, 0 changed, 0 removed), in "
    assert printed.out.startswith(told)
    assert "10/10" in printed.err
    assert "page/s" in printed.err
    assert recorded(catalogue) == [("cli", "succeeded", shop.url)]
    assert settings.export_csv.exists()


def test_an_error_of_ours_is_one_line_and_status_1(
    catalogue: Catalogue, shop: SmallShop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.answer("/catalogue/page-2.html", 404)
    assert main(["scrape", "--source", shop.url]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"error: cannot fetch {shop.url}catalogue/page-2.html: the server answered 404" in printed.err
    assert "Traceback" not in printed.err
    assert recorded(catalogue) == [("cli", "failed", shop.url)]


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("command", ["scrape", "ensure"])
def test_a_source_that_is_no_address_is_an_error(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--source", "books"]) == 1
    assert "error: SOURCE must be the http or https address of a shop, got 'books'" in capsys.readouterr().err


@pytest.mark.usefixtures("settings")
def test_a_setting_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOOKSHELF_FETCH_WORKERS", "9")
    assert main(["scrape"]) == 1
    assert "error: BOOKSHELF_FETCH_WORKERS='9' cannot be used" in capsys.readouterr().err


@pytest.mark.usefixtures("settings")
def test_a_database_that_does_not_answer_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOOKSHELF_DATABASE_URL", "postgresql://127.0.0.1:9/books?connect_timeout=2")
    assert main(["publish"]) == 1
    assert "error: the catalogue database cannot be used: " in capsys.readouterr().err


def test_ctrl_c_ends_a_command_without_a_trace(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "scrape", interrupted)
    assert main(["scrape"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert settings.home.exists()


def test_who_died_keeps_nobody_waiting_longer_than_its_lease(catalogue: Catalogue, shop: SmallShop) -> None:
    Runs(catalogue.engine).begin("scrape", "dead", "cli", "them", now() - LEASE)
    assert main(["scrape", "--source", shop.url]) == 0
    assert recorded(catalogue) == [("cli", "interrupted", "dead"), ("cli", "succeeded", shop.url)]


def test_a_run_that_waits_for_a_worker_is_carried_out_before_ours(
    catalogue: Catalogue, shop: SmallShop, many_books: SmallShop, capsys: pytest.CaptureFixture[str]
) -> None:
    Runs(catalogue.engine).request(many_books.url, "admin", now())
    assert main(["scrape", "--source", shop.url]) == 0
    assert recorded(catalogue) == [("admin", "succeeded", many_books.url), ("cli", "succeeded", shop.url)]
    assert "ours follows it" in capsys.readouterr().err


def test_an_interrupted_scrape_goes_on_where_it_stopped(
    catalogue: Catalogue, shop: SmallShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ingestion.scrape.judge", interrupted)
        assert main(["scrape", "--source", shop.url]) == 130
    [run], _ = Runs(catalogue.engine).page(number=1, size=1)
    assert (run.status, catalogue.snapshot()) == ("interrupted", None)
    asked = [path for path in shop.asked if path != "/robots.txt"]
    assert main(["resume", run.id]) == 0
    assert Runs(catalogue.engine).get(run.id).counts["pages_kept"] == 10
    again = [path for path in shop.asked if path != "/robots.txt"][len(asked) :]
    assert again == ["HEAD /"]  # to find where the shop's list begins
    assert len(catalogue.all_books()) == 7


def test_a_quarantined_scrape_is_status_3_until_it_is_released(
    catalogue: Catalogue, settings: Settings, shop: SmallShop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.change("/catalogue/book-7/index.html", "upc0007", "upc0001")
    assert main(["scrape", "--source", shop.url]) == 3
    assert "quarantined: " in capsys.readouterr().err
    [run], _ = Runs(catalogue.engine).page(number=1, size=1)
    assert (run.status, catalogue.snapshot()) == ("quarantined", None)
    publisher = Publisher()
    commands.release(catalogue, settings, run.id, publisher)
    assert publisher.published == [1]
    assert len(catalogue.all_books()) == 6
    assert Runs(catalogue.engine).get(run.id).status == "succeeded"
    assert main(["release", run.id]) == 1
    assert "error: the run is succeeded" in capsys.readouterr().err


def test_ensure_scrapes_once_and_leaves_it_to_the_publisher_what_is_up_to_date(
    settings: Settings, catalogue: Catalogue, shop: SmallShop, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher = Publisher()
    commands.ensure(catalogue, settings, shop.url, publisher)
    asked = len(shop.asked)
    commands.ensure(catalogue, settings, shop.url, publisher)
    commands.ensure(catalogue, settings, shop.url.rstrip("/"), publisher)
    commands.ensure(catalogue, settings, "", publisher)
    assert publisher.published == [1, 1, 1, 1]
    assert len(shop.asked) == asked
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"catalogue and feature store hold 7 books from {shop.url}; snapshot 1"


def test_ensure_publishes_what_was_only_scraped(
    settings: Settings, catalogue: Catalogue, shop: SmallShop
) -> None:
    assert main(["scrape", "--source", shop.url]) == 0
    asked, publisher = len(shop.asked), Publisher()
    commands.ensure(catalogue, settings, "", publisher)
    assert publisher.published == [1]
    assert len(shop.asked) == asked


def test_ensure_scrapes_another_shop_when_one_is_named(
    settings: Settings, catalogue: Catalogue, shop: SmallShop, many_books: SmallShop
) -> None:
    publisher = Publisher()
    commands.ensure(catalogue, settings, shop.url, publisher)
    commands.ensure(catalogue, settings.model_copy(update={"source": many_books.url}), "", publisher)
    snapshot = catalogue.snapshot()
    assert snapshot is not None
    assert (snapshot.source, snapshot.books) == (many_books.url, 60)
    assert publisher.published == [1, 2]


def test_ensure_brings_back_a_lost_export_without_a_crawl(
    settings: Settings, catalogue: Catalogue, shop: SmallShop
) -> None:
    commands.ensure(catalogue, settings, shop.url, Publisher())
    before, asked = settings.export_csv.read_bytes(), len(shop.asked)
    settings.export_csv.unlink()
    commands.ensure(catalogue, settings, "", Publisher())
    assert settings.export_csv.read_bytes() == before
    assert len(shop.asked) == asked


def test_several_that_ensure_at_once_scrape_once(
    settings: Settings, catalogue: Catalogue, shop: SmallShop
) -> None:
    publisher = Publisher()
    with ThreadPoolExecutor(3) as crowd:
        started = [crowd.submit(commands.ensure, catalogue, settings, shop.url, publisher) for _ in range(3)]
        for one in started:
            one.result()
    assert publisher.published == [1, 1, 1]
    assert recorded(catalogue) == [("cli", "succeeded", shop.url)]


@pytest.mark.slow
def test_three_processes_that_ensure_on_an_empty_home_do_the_work_once(
    settings: Settings, catalogue: Catalogue, shop: SmallShop
) -> None:
    command = [sys.executable, "-m", "ingestion", "ensure", "--source", shop.url]
    started = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    ended = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], ended
    assert recorded(catalogue) == [("cli", "succeeded", shop.url)]
    assert sum("texts encoded" in out for out, _ in ended) == 1
    snapshot = catalogue.snapshot()
    assert snapshot is not None
    assert snapshot.features_published_at is not None
    assert settings.offline_store.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("settings")
def test_publish_on_an_empty_catalogue_says_what_to_do_first() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "ingestion", "publish"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "error: " in ended.stderr
    assert "python -m ingestion scrape" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_scraping_brings_no_model_library() -> None:
    heavy = "feast torch mlflow pandas sklearn"
    code = f"import sys, ingestion.command_line; print(sorted(set('{heavy}'.split()) & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
