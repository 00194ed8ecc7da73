"""One tree of everything Bookshelf raises on purpose.

BookshelfError
├── InvalidBook          a field of a book is out of its bounds
├── InvalidWebhook       a webhook's address, events or secret cannot be used
├── NotFound             what was asked for is not there
├── Conflict             what was asked for does not go with how things are
│   ├── RunInProgress    a run is queued or running already
│   └── OrderInProgress  an order of that model is queued or running already
├── SettingsError        a setting is missing or cannot be used
├── CrawlError           a crawl cannot go on; the catalogue is as it was
│   ├── PageChanged      a page no longer has the shape we parse
│   ├── FetchFailed      a page could not be had
│   │   └── PageGone     the shop says that there is no such page
│   └── CrawlForbidden   robots.txt does not allow it
├── FeatureStoreError    offline and online rows are not what they should be
├── TrainingError        a model cannot be trained or registered
└── ModelUnavailable     the model server, or a model in it, cannot answer now
"""

from __future__ import annotations


class BookshelfError(Exception):
    """Whatever the platform raises on purpose; its text is fit to be shown to a user."""


class InvalidBook(BookshelfError):
    """A field of a book is out of its bounds: `rating must be 1 to 5 stars, got 6`."""

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field} must be {expected}, got {got!r}")
        self.field = field


class InvalidWebhook(BookshelfError):
    """A webhook's address, events or secret cannot be used; `field` names which."""

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field} must be {expected}, got {got!r}")
        self.field = field


class NotFound(BookshelfError):
    """What was asked for is not there; `field` is the name of the input that asked for it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Conflict(BookshelfError):
    """What was asked for does not go with how things are; `field` is the input that asked for it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class RunInProgress(Conflict):
    """A run is queued or running already; there is never a second."""

    def __init__(self, run_id: str, status: str) -> None:
        super().__init__("run_id", f"run {run_id} is {status}: wait for it to end, or cancel it")
        self.run_id = run_id


class OrderInProgress(Conflict):
    """An order of that model is queued or running already; there is never a second."""

    def __init__(self, order_id: str, kind: str, model: str, status: str) -> None:
        super().__init__("name", f"order {order_id}, to {kind} {model}, is {status}: wait for it to end")
        self.order_id = order_id


class SettingsError(BookshelfError):
    """A setting is missing or cannot be used; the text names its variable."""


class CrawlError(BookshelfError):
    """A crawl cannot go on; the catalogue is as it was."""


class PageChanged(CrawlError):
    """A page no longer has the shape we parse."""

    def __init__(self, field: str, url: str, found: str = "nothing") -> None:
        super().__init__(f"cannot read {field} on {url}: found {found}")
        self.field = field
        self.url = url


class FetchFailed(CrawlError):
    """A page could not be had, retries included."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"cannot fetch {url}: {reason}")
        self.url = url
        self.reason = reason


class PageGone(FetchFailed):
    """The shop answered, and says that there is no such page (404), or no longer (410)."""


class CrawlForbidden(CrawlError):
    """The shop's robots.txt does not allow us to read a page."""

    def __init__(self, url: str) -> None:
        super().__init__(f"robots.txt does not allow us to read {url}")
        self.url = url


class FeatureStoreError(BookshelfError):
    """Offline or online rows are not what they should be; the text names the first of them."""


class TrainingError(BookshelfError):
    """A model cannot be trained or registered."""


class ModelUnavailable(BookshelfError):
    """The model server, or a model in it, cannot answer now; asking again later may help.

    `retry_after` is in how many seconds, None where nobody can say.
    """

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
