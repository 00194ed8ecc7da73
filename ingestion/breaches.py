"""How a staged snapshot misses a limit: one question a function, for `checks` to ask with its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, false, not_, or_

from bookshelf.tables import staged_books
from ingestion.findings import MOST_EXAMPLES
from ingestion.staged import Staged


@dataclass(frozen=True, slots=True)
class Limit:
    """A share of all, and a number that is allowed whatever share it is: one book of three is no tenth."""

    share: float
    always: int = 0

    def of(self, number: int) -> float:
        """How many of `number` are allowed."""
        return max(self.share * number, self.always)


@dataclass(frozen=True, slots=True)
class Breach:
    """By how much a snapshot missed a limit: what was expected and found, and the first examples."""

    expected: str
    found: str
    examples: list[str]


#: A question to a snapshot, answered with None if it passes.
Find = Callable[[Staged], Breach | None]


def too_few(fall: Limit) -> Find:
    """Whether more books would leave than may at once."""

    def find(staged: Staged) -> Breach | None:
        allowed = fall.of(staged.before)
        if staged.before - staged.after <= allowed:
            return None
        expected = f"at least {staged.before - int(allowed):,} of the {staged.before:,} on offer"
        return Breach(expected, f"{staged.after:,}", staged.leaving())

    return find


def missing(field: str, growth: Limit, first: float | None) -> Find:
    """Whether more books lack a field than before by more than `growth`, or than `first` at first."""

    def find(staged: Staged) -> Breach | None:
        lacking, before = staged.missing[field]
        if staged.before:
            usual = before / staged.before
            allowed = usual * staged.books + growth.of(staged.books)
            expected = (
                f"at most {growth.share:.0%} of the books more than the {usual:.1%} on offer without it"
            )
        elif staged.kind == "scrape" and first is not None:
            allowed = Limit(first, growth.always).of(staged.books)
            expected = f"at most {first:.0%} of the books without it"
        else:
            return None
        if lacking <= allowed:
            return None
        found = f"{lacking:,} of {staged.books:,} books ({lacking / staged.books:.1%}) without it"
        return Breach(expected, found, staged.without(field))

    return find


def twice(staged: Staged) -> Breach | None:
    """Whether an identity stands for more than one book."""
    number, examples = staged.twice()
    if not number:
        return None
    return Breach("each identity for one book", f"{number:,} that stand for more than one", examples)


def far_prices(times: int) -> Find:
    """Whether any price is so many times above the highest, or below the lowest, that there ever was."""

    def find(staged: Staged) -> Breach | None:
        price = staged_books.c.price_hundredths
        # Floats, for five times the highest price is more than the database's integers hold.
        far = or_(
            false(),
            *(
                and_(
                    staged_books.c.currency == currency, or_(price < low / times, price > float(high * times))
                )
                for currency, (low, high) in staged.price_ranges().items()
            ),
        )
        if not (number := staged.count(far)):
            return None
        return Breach(f"none {times} times {_ever(staged)}", f"{number:,}", _with_prices(staged, far))

    return find


def near_prices(beyond: float, limit: Limit) -> Find:
    """Whether more prices than the limit are outside all that there ever were, by the share `beyond`.

    A price in a currency that the source never had is outside too.
    """

    def find(staged: Staged) -> Breach | None:
        ranges, price = staged.price_ranges(), staged_books.c.price_hundredths
        outside = not_(
            or_(
                false(),
                *(
                    and_(
                        staged_books.c.currency == currency,
                        price.between(low * (1 - beyond), high * (1 + beyond)),
                    )
                    for currency, (low, high) in ranges.items()
                ),
            )
        )
        if not ranges or (number := staged.count(outside)) <= limit.of(staged.books):
            return None
        expected = f"at most {limit.share:.0%} of the books by more than {beyond:.0%} {_ever(staged)}"
        return Breach(expected, f"{number:,} of {staged.books:,}", _with_prices(staged, outside))

    return find


def exploded(gain: Limit, times: int) -> Find:
    """Whether a category gains more than a share of all books, and grows to more than `times` its own."""

    def find(staged: Staged) -> Breach | None:
        if not staged.before:
            return None
        shares = {
            name: (now / staged.books, then / staged.before)
            for name, (now, then) in staged.large_categories(gain.of(staged.books)).items()
        }
        grown = [
            (now, then, name)
            for name, (now, then) in shares.items()
            if now - then > gain.share and now > times * then
        ]
        if not grown:
            return None
        now, then, name = max(grown)
        return Breach(
            f"none that gains more than {gain.share:.0%} of all books and is {times} times its share",
            f"{name!r} with {now:.1%} of the books, where it had {then:.1%}",
            staged.named(staged_books.c.category == name),
        )

    return find


def categories(times: int, always: int, first: Limit) -> Find:
    """Whether there are `times` as many categories as before, or as few; at first, more than the limit."""

    def find(staged: Staged) -> Breach | None:
        now, then = staged.number_of_categories()
        if not staged.before:
            least, most = 0.0, first.of(staged.books)
        else:
            least, most = min(then / times, then - always), float(max(then * times, then + always))
        # None at all is what the check of missing categories tells of.
        if now == 0 or least <= now <= most:
            return None
        return Breach(f"{max(round(least), 1):,} to {int(most):,}, where there were {then:,}", f"{now:,}", [])

    return find


def damaged(limit: Limit) -> Find:
    """Whether more books than the limit were read with a wrong encoding, and were not on offer like that."""

    def find(staged: Staged) -> Breach | None:
        texts = staged.newly_damaged()
        number, failures = staged.count(texts), staged.failures(damaged=True)
        allowed = limit.of(staged.books + staged.failures())
        if number + failures <= allowed:
            return None
        found = f"{number:,} new descriptions and {failures:,} failures with traces of a wrong encoding"
        examples = [*staged.failed(damaged=True), *staged.named(texts)]
        return Breach(f"at most {int(allowed):,} in all", found, examples[:MOST_EXAMPLES])

    return find


def failures(limit: Limit, most: float = 1.0) -> Find:
    """Whether more pages or rows failed than the limit, or than the share `most` of them."""

    def find(staged: Staged) -> Breach | None:
        failed = staged.failures()
        asked = staged.books + failed
        allowed = min(limit.of(asked), most * asked)
        if failed <= allowed:
            return None
        return Breach(f"at most {int(allowed):,} of {asked:,}", f"{failed:,}", staged.failed())

    return find


def _ever(staged: Staged) -> str:
    ranges = [
        f"{currency} {low / 100:.2f} to {high / 100:.2f}"
        for currency, (low, high) in sorted(staged.price_ranges().items())
    ]
    return f"outside what this source ever had ({', '.join(ranges)})"


def _with_prices(staged: Staged, which: ColumnElement[bool]) -> list[str]:
    return staged.named(
        which, lambda row: f"{row.title} ({row.identity}): {row.currency} {row.price_hundredths / 100:.2f}"
    )
