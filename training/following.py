"""Which publication is to be followed next, and when what failed is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

#: After the first failure; each further one in a row doubles it.
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)

#: A snapshot and when its features were published.
Publication = tuple[int, datetime]


@dataclass
class Following:
    """What became of the jobs that follow a publication; times are seconds of a clock that only goes on."""

    publication: Publication | None = None
    failures: int = 0
    again_at: float | None = None

    def is_due(self, published: Publication, at: float) -> bool:
        """Whether the jobs are to be begun: for another publication at once, for one that failed in time."""
        if published != self.publication:
            return True
        return self.again_at is not None and at >= self.again_at

    def begin(self, published: Publication) -> None:
        """The jobs are begun for it."""
        if published != self.publication:
            self.failures = 0
        self.publication, self.again_at = published, None

    def end(self, failed: bool, at: float) -> timedelta | None:
        """They have ended; returns how long until the next try, None if none is needed."""
        if not failed:
            self.failures = 0
            return None
        # Bounded before it is doubled, for there is no end to failures.
        wait = min(FIRST_WAIT * (1 << min(self.failures, 16)), LONGEST_WAIT)
        self.failures += 1
        self.again_at = at + wait.total_seconds()
        return wait
