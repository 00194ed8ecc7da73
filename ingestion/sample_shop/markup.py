"""What listings and book pages have in common, in the markup of books.toscrape.com."""

from __future__ import annotations

from html import escape

from ingestion.sample_shop.book import SampleBook

SHOP_NAME = "Bookshelf Sample Shop"
OUT_OF_STOCK = "Out of stock"
WARNING = (
    '<div class="alert alert-warning" role="alert"><strong>Warning!</strong> Every book here is made up, '
    "for trying things out. Prices and stars were drawn by lot and tell you nothing about a book.</div>"
)

_STARS = ("", "One", "Two", "Three", "Four", "Five")


def document(title: str, root: str, body: str) -> str:
    """A whole page around `body`; `root` leads from the page to the site's root."""
    return f"""<!DOCTYPE html>
<html lang="en-us" class="no-js">
<head>
  <title>
    {escape(title, quote=False)} | {SHOP_NAME}
  </title>
  <meta http-equiv="content-type" content="text/html; charset=UTF-8" />
  <meta name="viewport" content="width=device-width" />
  <link rel="stylesheet" type="text/css" href="{root}static/shop.css" />
</head>
<body id="default" class="default">
<header class="header container-fluid">
  <div class="page_inner">
    <div class="row">
      <div class="col-sm-8 h1"><a href="{root}index.html">{SHOP_NAME}</a><small> Invented books</small>
      </div>
    </div>
  </div>
</header>{body}
<footer class="footer container-fluid">
</footer>
</body>
</html>
"""


def price(book: SampleBook) -> str:
    """The price as it is shown, with its pound sign."""
    return f'<p class="price_color">£{book.price:.2f}</p>'


def availability(book: SampleBook, in_stock: str) -> str:
    """Whether the book is to be had, in the words `in_stock` if it is."""
    state, icon, said = (
        ("instock", "icon-ok", in_stock) if book.stock else ("outofstock", "icon-remove", OUT_OF_STOCK)
    )
    return f"""<p class="{state} availability">
        <i class="{icon}"></i>

        {said}

      </p>"""


def rating(book: SampleBook) -> str:
    """The stars; only the class says how many of the five count."""
    icons = '\n        <i class="icon-star"></i>' * 5
    return f"""<p class="star-rating {_STARS[book.rating]}">{icons}
      </p>"""
