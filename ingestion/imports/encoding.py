"""How the bytes of a text file are to be read: its encoding, found by reading it whole, and its delimiter."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import IO

from bookshelf.errors import BookshelfError

_PART = 1 << 24
_DELIMITERS = ",;\t|"
_SAMPLE = 50
# What Windows-1252 leaves undefined; a file with one of these is Latin-1.
_NOT_WINDOWS = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec's name, and what a user should know about it; nothing of plain UTF-8."""

    codec: str
    told: str = ""


def find_encoding(file: IO[bytes]) -> Encoding:
    """The encoding of a file, whose whole content is read, a line at a time.

    UTF-8 if all of it is; UTF-8 with damaged lines if more lines with letters beyond ASCII are so than
    are not; Windows-1252 otherwise, or Latin-1 if it has bytes that Windows-1252 does not. Raises
    `BookshelfError` for what is no text.
    """
    head = file.read(4)
    for bom, codec in _BOMS:
        if head.startswith(bom):
            return Encoding(codec, "" if codec == "utf-8-sig" else "read as UTF-16")
    file.seek(0)
    right = wrong = first = number = 0
    windows = True
    while line := file.readline(_PART):
        number += 1
        if number == 1 and b"\0" in line:
            raise BookshelfError(
                "the file is no text: its first line has zero bytes "
                "(if it is UTF-16, say so by --encoding utf-16-le or utf-16-be)"
            )
        if line.isascii():
            continue
        windows = windows and not any(byte in line for byte in _NOT_WINDOWS)
        try:
            line.decode()
            right += 1
        except UnicodeDecodeError:
            wrong += 1
            first = first or number
    if not wrong:
        return Encoding("utf-8")
    if right > wrong:
        return Encoding("utf-8", f"UTF-8 but for {wrong:,} lines, the first of them line {first}")
    name, codec = ("Windows-1252", "cp1252") if windows else ("Latin-1", "latin-1")
    return Encoding(codec, f"not UTF-8 (line {first}): read as {name}")


def named_encoding(name: str) -> Encoding:
    """The encoding that a user has named. Raises `BookshelfError` for one that there is not."""
    try:
        "a".encode(name, "replace")  # not every codec is an encoding of texts
        return Encoding(codecs.lookup(name).name, f"read as {name}")
    except (LookupError, UnicodeError) as error:
        raise BookshelfError(f"--encoding: there is no encoding called {name!r}") from error


def find_delimiter(lines: Iterable[str]) -> str:
    """What parts the columns: of `,` `;` tab and `|` that which parts the first lines most alike.

    A comma if none parts them: a file of one column.
    """
    sample = list(islice(lines, _SAMPLE))
    best, delimiter = (0.0, 0), ","
    for candidate in _DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(sample, delimiter=candidate) if row]
        except csv.Error:  # a cell of that many lines is none
            continue
        if widths and widths[0] > 1:
            alike = sum(width == widths[0] for width in widths) / len(widths)
            if (alike, widths[0]) > best:
                best, delimiter = (alike, widths[0]), candidate
    return delimiter
