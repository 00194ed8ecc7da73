"""What a user sees of a crawl: a bar with its rate and the time left, and lines above it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NoReturn

from tqdm import tqdm

from ingestion.crawl import CrawlProgress, OnProgress


def tell(line: str) -> None:
    """Say something to the user, beside the results and above a progress bar."""
    tqdm.write(line, file=sys.stderr)


@contextmanager
def progress_bar() -> Iterator[OnProgress]:
    """A bar on stderr, drawn once there is progress to show."""
    # A log that nobody watches needs a line now and then, not ten a second.
    seldom = 0.1 if sys.stderr.isatty() else 5.0
    with ExitStack() as drawn:
        bar: tqdm[NoReturn] | None = None

        def show(progress: CrawlProgress) -> None:
            nonlocal bar
            if bar is None:
                bar = tqdm(desc="crawl", unit="page", file=sys.stderr, mininterval=seldom)
                drawn.callback(bar.close)
            bar.total = progress.pages_in_all
            bar.set_postfix(unchanged=progress.pages_unchanged, failed=progress.failures, refresh=False)
            bar.update(progress.pages - bar.n)

        yield show
