"""What a shop's robots.txt allows us, and how long it wants us to wait between pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.robotparser import RobotFileParser

#: The name robots.txt knows us by, and the first word of our User-Agent.
ROBOT_NAME = "Bookshelf"


@dataclass(frozen=True, slots=True)
class RobotRules:
    """The rules of one site as they apply to us; `pause` lies between the starts of two requests."""

    parser: RobotFileParser
    pause: timedelta

    @classmethod
    def of(cls, body: bytes) -> RobotRules:
        """Rules from the bytes of a robots.txt; no bytes allow everything.

        Python's parser reads prefixes, not `*` within a path, and `Crawl-delay` in whole seconds.
        """
        parser = RobotFileParser()
        parser.parse(body.decode("utf-8-sig", errors="replace").splitlines())
        rate = parser.request_rate(ROBOT_NAME)
        between = rate.seconds / rate.requests if rate and rate.requests else 0.0
        return cls(parser, timedelta(seconds=max(float(parser.crawl_delay(ROBOT_NAME) or 0), between)))

    def allow(self, url: str) -> bool:
        return self.parser.can_fetch(ROBOT_NAME, url)
