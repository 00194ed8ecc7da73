"""The page of one book."""

from __future__ import annotations

from html import escape

from ingestion.sample_shop.book import SampleBook
from ingestion.sample_shop.markup import OUT_OF_STOCK, WARNING, availability, document, price, rating


def book_page(book: SampleBook, folder: str) -> str:
    """The page of one book, whose category lies in `folder`."""
    title = escape(book.title)
    body = f"""
<div class="container-fluid page">
  <div class="page_inner">
    <ul class="breadcrumb">
      <li>
        <a href="../../index.html">Home</a>
      </li>
      <li>
        <a href="../category/books_1/index.html">Books</a>
      </li>
      <li>
        <a href="../category/books/{folder}/index.html">{escape(book.category)}</a>
      </li>
      <li class="active">{title}</li>
    </ul>
    <div class="content">
      <div id="content_inner">
<article class="product_page">
  <div class="row">
    <div class="col-sm-6">
      <div id="product_gallery" class="carousel">
        <div class="thumbnail">
          <div class="carousel-inner">
            <div class="item active">
              <img src="../../media/cache/{book.image}" alt="{title}" />
            </div>
          </div>
        </div>
      </div>
    </div>
    <div class="col-sm-6 product_main">
      <h1>{escape(book.title, quote=False)}</h1>
      {price(book)}
      {availability(book, _in_stock(book))}
      {rating(book)}
      <hr/>
      {WARNING}
    </div>
  </div>{_description(book)}
  <div class="sub-header">
    <h2>Product Information</h2>
  </div>
  <table class="table table-striped">{_table(book)}
  </table>
  <section>
    <div id="reviews" class="sub-header">
    </div>
  </section>
</article>
      </div>
    </div>
  </div>
</div>"""
    return document(book.title, "../../", body)


def _description(book: SampleBook) -> str:
    if not book.description:
        return ""
    return f"""
  <div id="product_description" class="sub-header">
    <h2>Product Description</h2>
  </div>
  <p>{escape(book.description, quote=False)}</p>"""


def _table(book: SampleBook) -> str:
    pounds = f"£{book.price:.2f}"
    rows = {
        "UPC": book.upc,
        "Product Type": "Books",
        "Price (excl. tax)": pounds,
        "Price (incl. tax)": pounds,
        "Tax": "£0.00",
        "Availability": _in_stock(book) if book.stock else OUT_OF_STOCK,
        "Number of reviews": "0",
    }
    return "".join(
        f"""
    <tr>
      <th>{name}</th><td>{value}</td>
    </tr>"""
        for name, value in rows.items()
    )


def _in_stock(book: SampleBook) -> str:
    return f"In stock ({book.stock} available)"
