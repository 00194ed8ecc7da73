"""Pages give every field as the shop shows it, or say which field on which page they could not read."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bookshelf.errors import PageChanged
from bookshelf.settings import ROOT
from ingestion.pages import BookLink, BookPage, ListingPage

if TYPE_CHECKING:
    from tests.ingestion.conftest import SmallShop

CAPTURED = ROOT.parent / "shared" / "bookstore" / "pages"
BOOK_PATH = "/catalogue/book-2/index.html"
BOOK_URL = f"https://shop.test{BOOK_PATH}"
LIST_PATH = "/catalogue/page-2.html"
LIST_URL = f"https://shop.test{LIST_PATH}"


@pytest.fixture
def book_page(shop: SmallShop) -> Callable[..., BookPage]:
    """The page of book 2, with `new` in the place of `old`."""

    def page(old: str = "", new: str = "") -> BookPage:
        if old:
            shop.change(BOOK_PATH, old, new)
        return BookPage(shop.pages[BOOK_PATH], BOOK_URL)

    return page


@pytest.fixture
def list_page(shop: SmallShop) -> Callable[..., ListingPage]:
    """The second page of the list, with `new` in the place of `old`."""

    def page(old: str = "", new: str = "") -> ListingPage:
        if old:
            shop.change(LIST_PATH, old, new)
        return ListingPage(shop.pages[LIST_PATH], LIST_URL)

    return page


def test_a_book_page_gives_every_field(book_page: Callable[..., BookPage]) -> None:
    book = book_page().to_book(thumbnail="https://shop.test/small.jpg")
    assert book.title == "The Café of Book 2"
    assert book.upc == "upc0002"
    assert book.price == Decimal("12.99")
    assert book.rating == 3
    assert (book.availability, book.stock) == ("In stock", 2)
    assert book.category == "Poetry"
    assert book.image == "https://shop.test/media/large-2.jpg"
    assert book.thumbnail == "https://shop.test/small.jpg"
    assert book.description == "Book 2 is “a joy” – it’s short."
    assert book.url == BOOK_URL


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("title", "<h1>The Café of Book 2</h1>", ""),
        ("title", "<h1>The Café of Book 2</h1>", "<h1> </h1>"),
        ("title", "Café", "CafÃ©"),
        ("upc", "<th>UPC</th>", "<th>ISBN</th>"),
        ("upc", "<td>upc0002</td>", "<td></td>"),
        ("price", 'class="price_color"', 'class="cost"'),
        ("price", "£12.99", "$12.99"),
        ("price", "£12.99", "£12.990"),
        ("rating", "star-rating Three", "star-rating"),
        ("rating", "star-rating Three", "star-rating Six"),
        ("rating", "star-rating", "stars"),
        ("availability", "instock availability", "instock"),
        ("availability", "In stock (2 available)", "Maybe"),
        ("stock", "In stock (2 available)", "In stock"),
        ("stock", "In stock (2 available)", "In stock (0 available)"),
        ("category", '<li><a href="../category/poetry_23/index.html">Poetry</a></li>', ""),
        ("category", ">Poetry<", "> <"),
        ("category", 'class="breadcrumb"', 'class="trail"'),
        ("image", 'id="product_gallery"', 'id="gallery"'),
        ("image", 'src="../../media/large-2.jpg"', ""),
        ("description", "Book 2 is “a joy” – it’s short.", " "),
        ("description", "<p>Book 2 is “a joy” – it’s short.</p>", ""),
        ("description", 'id="product_description"', 'id="about"'),
        ("description", "it’s short.</p>", "it’s short.</p><p>And it has a second paragraph.</p>"),
        ("product", "product_page", "page"),
        ("product", "product_main", "main"),
        ("charset", "charset=UTF-8", ""),
        ("charset", "charset=UTF-8", "charset=UTF-99"),
        ("charset", "charset=UTF-8", "charset=Shift_JIS"),
        ("end of page", "</html>", ""),
    ],
)
def test_a_page_that_has_changed_names_the_field_and_the_address(
    book_page: Callable[..., BookPage], field: str, old: str, new: str
) -> None:
    with pytest.raises(PageChanged, match=field) as caught:
        book_page(old, new).to_book(thumbnail="https://shop.test/small.jpg")
    assert caught.value.field == field
    assert caught.value.url == BOOK_URL
    assert BOOK_URL in str(caught.value)


def test_a_book_may_have_no_description_at_all(book_page: Callable[..., BookPage], shop: SmallShop) -> None:
    shop.change(BOOK_PATH, "<p>Book 2 is “a joy” – it’s short.</p>", "")
    page = book_page(
        '<div id="product_description" class="sub-header"><h2>Product Description</h2></div>', ""
    )
    assert page.description == ""


def test_a_book_may_be_out_of_stock(book_page: Callable[..., BookPage]) -> None:
    book = book_page("In stock (2 available)", "Out of stock").to_book("https://shop.test/small.jpg")
    assert (book.availability, book.stock) == ("Out of stock", 0)


def test_a_page_is_read_by_the_charset_it_declares(shop: SmallShop) -> None:
    told = shop.pages[BOOK_PATH].decode().replace("UTF-8", "iso-8859-1").replace("–", "-")
    page = BookPage(told.encode("cp1252"), BOOK_URL)
    assert page.title == "The Café of Book 2"
    assert page.description == "Book 2 is “a joy” - it’s short."


def test_bytes_that_break_their_charset_are_a_changed_page(shop: SmallShop) -> None:
    with pytest.raises(PageChanged, match="charset"):
        BookPage(shop.pages[BOOK_PATH].replace("é".encode(), b"\xe9"), BOOK_URL)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.99])
def test_a_page_cut_off_anywhere_is_no_book(shop: SmallShop, share: float) -> None:
    whole = shop.pages[BOOK_PATH].replace("é".encode(), b"e")
    with pytest.raises(PageChanged):
        BookPage(whole[: int(len(whole) * share)], BOOK_URL).to_book("https://shop.test/small.jpg")


def test_a_list_page_gives_its_books_with_their_thumbnails_and_the_page_after_it(
    list_page: Callable[..., ListingPage],
) -> None:
    page = list_page()
    assert page.total == 7
    assert page.links[0] == BookLink(
        "https://shop.test/catalogue/book-4/index.html", "https://shop.test/media/small-4.jpg"
    )
    assert [link.url.split("/")[-2] for link in page.links] == ["book-4", "book-5", "book-6"]
    assert page.next_url == "https://shop.test/catalogue/page-3.html"


def test_the_last_list_page_leads_nowhere(shop: SmallShop) -> None:
    assert ListingPage(shop.pages["/catalogue/page-3.html"], LIST_URL).next_url is None


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("number of results", "form-horizontal", "form"),
        ("number of results", "results", "things"),
        ("books", "product_pod", "pod"),
        ("books", "<strong>6</strong>", "<strong>20</strong>"),
        ("book address", ' href="book-4/index.html"', ""),
        ("thumbnail", 'src="../media/small-5.jpg"', ""),
        ("thumbnail", "image_container", "frame"),
        ("next page", 'href="page-3.html"', ""),
    ],
)
def test_a_list_that_has_changed_names_the_field_and_the_address(
    list_page: Callable[..., ListingPage], field: str, old: str, new: str
) -> None:
    def read_all() -> object:
        page = list_page(old, new)
        return page.links, page.next_url

    with pytest.raises(PageChanged) as caught:
        read_all()
    assert (caught.value.field, caught.value.url) == (field, LIST_URL)


@pytest.mark.skipif(not CAPTURED.exists(), reason="the captured pages are not here")
def test_the_pages_captured_from_the_live_shop_are_read() -> None:
    listing = ListingPage((CAPTURED / "home.html").read_bytes(), "https://books.toscrape.com/")
    assert listing.total == 1000
    assert len(listing.links) == 20
    assert listing.next_url == "https://books.toscrape.com/catalogue/page-2.html"
    link = listing.links[0]
    book = BookPage((CAPTURED / "product_1000.html").read_bytes(), link.url).to_book(link.thumbnail)
    assert book.url == "https://books.toscrape.com/catalogue/a-light-in-the-attic_1000/index.html"
    assert (
        book.thumbnail == "https://books.toscrape.com/media/cache/2c/da/2cdad67c44b002e7ead0cc35693c0e8b.jpg"
    )
    assert book.image == "https://books.toscrape.com/media/cache/fe/72/fe72f0532301ec28892ae79a629a293c.jpg"
    assert (book.upc, book.title, book.price) == (
        "a897fe39b1053632",
        "A Light in the Attic",
        Decimal("51.77"),
    )
    assert (book.rating, book.stock, book.category) == (3, 22, "Poetry")
    assert book.description.startswith("It's hard to imagine a world without")
