"""robots.txt decides what we may ask for and how fast."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingestion.robots import RobotRules


def test_no_rules_allow_everything() -> None:
    rules = RobotRules.of(b"")
    assert rules.allow("https://shop.test/catalogue/page-2.html")
    assert rules.pause == timedelta(0)


def test_rules_for_everybody_bind_us() -> None:
    rules = RobotRules.of(b"User-agent: *\nDisallow: /private\nCrawl-delay: 2\n")
    assert not rules.allow("https://shop.test/private/book.html")
    assert rules.allow("https://shop.test/catalogue/page-2.html")
    assert rules.pause == timedelta(seconds=2)


def test_rules_for_us_come_before_those_for_everybody() -> None:
    rules = RobotRules.of(b"User-agent: bookshelf\nDisallow: /a\n\nUser-agent: *\nDisallow: /\n")
    assert rules.allow("https://shop.test/b")
    assert not rules.allow("https://shop.test/a")


@pytest.mark.parametrize(
    "text", [b"\xef\xbb\xbfUser-agent: *\nDisallow: /", b"User-agent: *\r\nDisallow: /\r\n\xff"]
)
def test_odd_bytes_do_not_hide_a_rule(text: bytes) -> None:
    assert not RobotRules.of(text).allow("https://shop.test/")


def test_a_request_rate_is_a_pause() -> None:
    assert RobotRules.of(b"User-agent: *\nRequest-rate: 2/5\n").pause == timedelta(seconds=2.5)


@pytest.mark.parametrize("line", ["Crawl-delay: ²", f"Crawl-delay: {'9' * 5000}", "Disallow: http://["])
def test_a_line_that_cannot_be_read_does_not_hide_the_others(line: str) -> None:
    rules = RobotRules.of(f"User-agent: *\n{line}\nDisallow: /private\n".encode())
    assert not rules.allow("https://shop.test/private/book.html")
    assert rules.allow("https://shop.test/catalogue/page-2.html")
    assert rules.pause == timedelta(0)


@pytest.mark.parametrize("wanted", ["Crawl-delay: {}", "Request-rate: 1/{}"])
def test_a_pause_of_any_length_is_a_pause(wanted: str) -> None:
    rules = RobotRules.of(f"User-agent: *\n{wanted.format('9' * 400)}\n".encode())
    assert rules.pause >= timedelta(days=10_000)
