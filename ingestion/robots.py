"""What a shop's robots.txt allows us, and how long it wants us to wait between pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.robotparser import RobotFileParser

#: The name robots.txt knows us by, and the first word of our User-Agent.
ROBOT_NAME = "Bookshelf"
# Seconds: what is longer is never, and no `timedelta` may hold it.
_LONGEST = 10**9


@dataclass(frozen=True, slots=True)
class RobotRules:
    """The rules of one site as they apply to us; `pause` lies between the starts of two requests."""

    parser: RobotFileParser
    pause: timedelta

    @classmethod
    def of(cls, body: bytes) -> RobotRules:
        """Rules from the bytes of a robots.txt; no bytes allow everything.

        Python's parser reads prefixes, not `*` within a path, and `Crawl-delay` in whole seconds. A line
        that it cannot read is left out.
        """
        parser = RobotFileParser()
        parser.parse(list(filter(_can_be_read, body.decode("utf-8-sig", errors="replace").splitlines())))
        rate = parser.request_rate(ROBOT_NAME)
        between = min(rate.seconds, _LONGEST) / rate.requests if rate and rate.requests else 0.0
        delay = min(int(parser.crawl_delay(ROBOT_NAME) or 0), _LONGEST)
        return cls(parser, timedelta(seconds=max(float(delay), between)))

    def allow(self, url: str) -> bool:
        return self.parser.can_fetch(ROBOT_NAME, url)


def _can_be_read(line: str) -> bool:
    try:
        RobotFileParser().parse(["User-agent: *", line])
    except ValueError:  # such as `http://[`, which begins like an address of version 6
        return False
    return True
