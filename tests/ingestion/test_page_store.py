"""The page store: what is kept, for whom, and when it is let go, on SQLite and on PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection, Engine, func, select, text

from bookshelf.database import reading, writing
from bookshelf.settings import ROOT
from bookshelf.tables import pages
from ingestion import page_store
from ingestion import pages as parser
from ingestion.fetched import Stamp
from ingestion.page_store import Kept, PageStore, parser_fingerprint
from tests.conftest import wait_until

SHOP = "https://shop.test/"
URL = "https://shop.test/catalogue/book-1/index.html"
OTHER = "https://shop.test/catalogue/book-2/index.html"

Opener = Callable[[int], PageStore]


@pytest.fixture
def store_of(engine: Engine) -> Opener:
    return lambda snapshot_id: PageStore(engine, SHOP, snapshot_id)


def a_page(said: str = "Book 1", etag: str = '"a"') -> Kept:
    return Kept({"title": said, "stock": 3}, "hash of " + said, Stamp(etag, None))


def rows(engine: Engine) -> dict[str, int]:
    """The snapshot that saw each page last, by address."""
    with reading(engine) as connection:
        return dict(connection.execute(select(pages.c.url, pages.c.snapshot_id)).all())


def seen(store_of: Opener, snapshot_id: int, *urls: str) -> None:
    with store_of(snapshot_id) as store:
        for url in urls:
            store.keep(url, a_page())


def test_a_page_is_known_to_the_next_crawl_as_it_was_read(store_of: Opener) -> None:
    page = Kept({"title": "Café – “it’s”", "links": [["a", None]]}, "h", Stamp('W/"é"', "Wed, 08 Feb 2023"))
    with store_of(1) as store:
        store.keep(URL, page)
    with store_of(2) as store:
        assert store.look_up([URL, OTHER]) == {
            URL: Kept(page.content, page.body_hash, page.stamp, current=False)
        }


def test_a_crawl_that_goes_on_finds_its_own_pages_current(store_of: Opener) -> None:
    seen(store_of, 1, URL)
    with store_of(1) as store:
        assert store.look_up([URL])[URL].current


def test_a_page_that_has_changed_takes_the_place_of_the_one_before(store_of: Opener, engine: Engine) -> None:
    seen(store_of, 1, URL)
    with store_of(2) as store:
        store.keep(URL, a_page("Book One", etag='"b"'))
    with store_of(3) as store:
        assert store.look_up([URL])[URL] == Kept(
            a_page("Book One").content, "hash of Book One", Stamp('"b"', None), current=False
        )
    assert rows(engine) == {URL: 2}


def test_an_unchanged_page_is_marked_and_nothing_else(store_of: Opener, engine: Engine) -> None:
    seen(store_of, 1, URL, OTHER)
    with store_of(2) as store:
        store.mark(URL)
    assert rows(engine) == {URL: 2, OTHER: 1}
    with store_of(2) as store:
        assert store.look_up([URL]) == {URL: a_page()}


def test_more_pages_than_one_statement_takes_are_marked(store_of: Opener, engine: Engine) -> None:
    urls = [f"{SHOP}{n}" for n in range(1200)]
    seen(store_of, 1, *urls)
    with store_of(2) as store:
        for url in urls:
            store.mark(url)
    assert set(rows(engine).values()) == {2}


def test_pages_of_another_source_are_its_own(store_of: Opener, engine: Engine) -> None:
    seen(store_of, 1, URL)
    with PageStore(engine, "sample shop", 2) as other:
        assert other.look_up([URL]) == {}
        other.mark(URL)
    assert rows(engine) == {URL: 1}


def test_pages_read_by_another_parser_are_not_known(
    store_of: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen(store_of, 1, URL)
    monkeypatch.setattr(page_store, "parser_fingerprint", lambda: "another")
    with store_of(1) as store:
        assert store.look_up([URL]) == {}
        store.keep(URL, a_page())  # and read by this one it is
    with store_of(2) as store:
        assert URL in store.look_up([URL])


def test_the_fingerprint_is_of_the_parser_s_own_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = parser_fingerprint()
    changed = tmp_path / "pages.py"
    changed.write_text(Path(parser.__file__).read_text().replace("£", "€"))
    monkeypatch.setattr(parser, "__file__", str(changed))
    parser_fingerprint.cache_clear()
    try:
        assert parser_fingerprint() != before
    finally:
        monkeypatch.undo()
        parser_fingerprint.cache_clear()
    assert parser_fingerprint() == before


def test_a_page_is_written_half_a_second_after_it_was_read(store_of: Opener, engine: Engine) -> None:
    with store_of(1) as store:
        store.keep(URL, a_page())
        wait_until(lambda: URL in rows(engine))  # while the store is open


def test_pages_are_written_a_hundred_at_a_time(
    store_of: Opener, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_store, "_BATCH_SECONDS", 3600)
    with store_of(1) as store:
        for n in range(100):
            store.keep(f"{SHOP}{n}", a_page())
        wait_until(lambda: len(rows(engine)) == 100)


def test_pages_that_came_while_others_were_written_wait_for_no_more(
    store_of: Opener, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_store, "_BATCH_SECONDS", 3600)
    usual, writing_begins, all_came = PageStore._upsert, Event(), Event()

    def upsert(store: PageStore, connection: Connection, read: dict[str, Kept]) -> None:
        writing_begins.set()
        assert all_came.wait(240)
        usual(store, connection, read)

    monkeypatch.setattr(PageStore, "_upsert", upsert)
    with store_of(1) as store:
        for n in range(100):
            store.keep(f"{SHOP}{n}", a_page())
        assert writing_begins.wait(240)
        for n in range(100, 200):
            store.keep(f"{SHOP}{n}", a_page())
        all_came.set()
        wait_until(lambda: len(rows(engine)) == 200)


def test_many_threads_may_keep_at_once(store_of: Opener, engine: Engine) -> None:
    with store_of(1) as store, ThreadPoolExecutor(8) as crowd:
        list(crowd.map(lambda n: store.keep(f"{SHOP}{n}", a_page()), range(500)))
    assert len(rows(engine)) == 500


def test_a_killed_process_leaves_what_it_wrote_and_whole_pages_only(
    engine: Engine, database_url: str, store_of: Opener
) -> None:
    program = f"""
import itertools, sys, time
from bookshelf.database import open_database
from ingestion.fetched import Stamp
from ingestion.page_store import Kept, PageStore
store = PageStore(open_database({database_url!r}), {SHOP!r}, 1)
for n in itertools.count():
    store.keep(f"{SHOP}{{n}}", Kept({{"title": "x" * 500}}, "h", Stamp()))
    time.sleep(0.001)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) as process:
        try:
            wait_until(lambda: len(rows(engine)) >= 700)
            written = len(rows(engine))
        finally:
            process.kill()
    kept = [int(url.removeprefix(SHOP)) for url in rows(engine)]
    # Whole batches, the oldest first: only pages that were never written are lost.
    assert sorted(kept) == list(range(len(kept)))
    assert len(kept) >= written
    assert len(kept) > 0
    with store_of(1) as store:
        assert all(page.content == {"title": "x" * 500} for page in store.look_up([f"{SHOP}0"]).values())


def test_what_the_database_refuses_is_raised(store_of: Opener, engine: Engine) -> None:
    store = store_of(1)
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE pages"))
    store.keep(URL, a_page())
    with pytest.raises(Exception, match="pages"):
        store.close()


def test_what_comes_after_closing_is_let_go(store_of: Opener, engine: Engine) -> None:
    store = store_of(1)
    store.close()
    store.keep(URL, a_page())
    store.mark(URL)
    store.close()
    assert rows(engine) == {}


def test_an_address_too_long_for_the_index_is_asked_for_each_time(store_of: Opener, engine: Engine) -> None:
    seen(store_of, 1, f"{SHOP}{'é' * 1500}", URL)
    assert rows(engine) == {URL: 1}


def test_unmarked_pages_are_known_but_not_current(store_of: Opener) -> None:
    seen(store_of, 1, URL)
    with store_of(1) as store:
        store.unmark()
    with store_of(1) as store:
        assert not store.look_up([URL])[URL].current


def test_pages_that_two_crawls_have_not_seen_are_forgotten(store_of: Opener, engine: Engine) -> None:
    seen(store_of, 1, URL, OTHER)
    with store_of(2) as store:
        store.mark(OTHER)
        store.forget_unseen()
    assert rows(engine) == {URL: 1, OTHER: 2}  # the one before has seen it: its page may only have failed
    with store_of(3) as store:
        store.mark(OTHER)
        store.forget_unseen()
    assert rows(engine) == {OTHER: 3}


def test_forgetting_leaves_other_sources_alone(store_of: Opener, engine: Engine) -> None:
    with PageStore(engine, "sample shop", 1) as other:
        other.keep("http://sample-shop.invalid/", a_page())
    seen(store_of, 2, URL)
    for snapshot_id in (3, 4):
        with store_of(snapshot_id) as store:
            store.mark(URL)
            store.forget_unseen()
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(pages)).scalar_one() == 2
