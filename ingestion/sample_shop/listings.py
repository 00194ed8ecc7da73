"""The pages that list books, twenty at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from ingestion.sample_shop.book import SampleBook
from ingestion.sample_shop.markup import WARNING, availability, document, price, rating

PAGE_SIZE = 20

_SHOWN_WORDS = 4


@dataclass(frozen=True)
class Place:
    """Where a page stands: the way from it to the site's root and to `catalogue/`, as its links need it."""

    root: str
    catalogue: str


@dataclass(frozen=True)
class Listing:
    """One page of a list of `books`, of which it shows the `number`th twenty, counted from 1.

    `first` is the address of the list's first page, `ahead` what stands before `page-N.html`, both
    as seen from this page.
    """

    heading: str
    books: Sequence[SampleBook]
    number: int
    place: Place
    first: str = "index.html"
    ahead: str = ""

    @property
    def pages(self) -> int:
        return max(1, -(-len(self.books) // PAGE_SIZE))


def listing_page(listing: Listing, categories: Mapping[str, str]) -> str:
    """The page of a list; `categories` are all categories' folders by name, for the side bar."""
    start = (listing.number - 1) * PAGE_SIZE
    shown = listing.books[start : start + PAGE_SIZE]
    count = len(listing.books)
    results = f"<strong>{count}</strong> result{'' if count == 1 else 's'}"
    if listing.pages > 1:
        results += f" - showing <strong>{start + 1}</strong> to <strong>{start + len(shown)}</strong>"
    heading = escape(listing.heading)
    pods = "".join(_pod(book, listing.place) for book in shown)
    body = f"""
<div class="container-fluid page">
  <div class="page_inner">
    <ul class="breadcrumb">
      <li>
        <a href="{listing.place.root}index.html">Home</a>
      </li>
      <li class="active">{heading}</li>
    </ul>
    <div class="row">
      <aside class="sidebar col-sm-4 col-md-3">{_side_bar(categories, listing.place.catalogue)}
      </aside>
      <div class="col-sm-8 col-md-9">
        <div class="page-header action">
          <h1>{heading}</h1>
        </div>
        <form method="get" class="form-horizontal">
          {results}.
        </form>
        <section>
          {WARNING}
          <div>
            <ol class="row">{pods}
            </ol>{_pager(listing)}
          </div>
        </section>
      </div>
    </div>
  </div>
</div>"""
    return document(listing.heading, listing.place.root, body)


def _side_bar(categories: Mapping[str, str], catalogue: str) -> str:
    items = "".join(
        f"""
            <li>
              <a href="{catalogue}category/books/{folder}/index.html">
                {escape(name)}
              </a>
            </li>"""
        for name, folder in categories.items()
    )
    return f"""
        <div class="side_categories">
          <ul class="nav nav-list">
            <li>
              <a href="{catalogue}category/books_1/index.html">
                Books
              </a>
            <ul>{items}
            </ul></li>
          </ul>
        </div>"""


def _pod(book: SampleBook, place: Place) -> str:
    words = book.title.split()
    short = " ".join(words[:_SHOWN_WORDS]) + " ..." if len(words) > _SHOWN_WORDS else book.title
    link = f"{place.catalogue}{book.address}/index.html"
    picture = f"{place.root}media/cache/{book.thumbnail}"
    title = escape(book.title)
    return f"""
              <li class="col-xs-6 col-sm-4 col-md-3 col-lg-3">
                <article class="product_pod">
                  <div class="image_container">
                    <a href="{link}"><img src="{picture}" alt="{title}" class="thumbnail"></a>
                  </div>
                  {rating(book)}
                  <h3><a href="{link}" title="{title}">{escape(short)}</a></h3>
                  <div class="product_price">
                    {price(book)}
                    {availability(book, "In stock")}
                    <form>
                      <button type="submit" class="btn btn-primary btn-block">Add to basket</button>
                    </form>
                  </div>
                </article>
              </li>"""


def _pager(listing: Listing) -> str:
    if listing.pages == 1:
        return ""
    number, ahead = listing.number, listing.ahead
    before = listing.first if number == 2 else f"{ahead}page-{number - 1}.html"
    back = f'<li class="previous"><a href="{before}">previous</a></li>' if number > 1 else ""
    on = (
        f'<li class="next"><a href="{ahead}page-{number + 1}.html">next</a></li>'
        if number < listing.pages
        else ""
    )
    return f"""
            <div>
              <ul class="pager">
                {back}
                <li class="current">
                  Page {number} of {listing.pages}
                </li>
                {on}
              </ul>
            </div>"""
