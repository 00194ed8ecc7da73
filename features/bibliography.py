"""What lines of a book's record name, made comparable: its series, its people, its genres."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_BRACKETED = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_NUMBER = r"(?:#|\b(?:no|vol|volumes?|books?|bks?|parts?|tome|band)\b\.?\s*#?)\s*\d"
# "The Hunger Games, #1" in brackets; without brackets a bare number may belong to the title.
_NUMBERED = re.compile(rf"^(.*?\w.*?)[\s,:–—-]*{_NUMBER}", re.IGNORECASE)
_OPEN_NUMBERED = re.compile(rf"^(.*?\w.*?)\s*[,:]\s*{_NUMBER}", re.IGNORECASE)
_ROLE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
# A comma stands between people, and between one person's names; the rest between people alone.
_BETWEEN_PEOPLE = re.compile(r"[;&/|]|\s[–—-]\s|[–—]|\band\b|\bwith\b", re.IGNORECASE)
_BEFORE_FAMILY_NAME = frozenset(
    {"al", "bin", "da", "de", "del", "den", "der", "di", "du", "el", "la", "le", "st", "van", "von"}
)
_AFTER_NAME = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md"})
_BETWEEN_GENRES = re.compile(r"[,;/|&]|\band\b", re.IGNORECASE)
_NOT_IN_A_WORD = re.compile(r"[\W_]+")
_ARTICLE = re.compile(r"^(?:the|a|an)\s+")
_NOBODY = frozenset(
    {"unknown", "anonymous", "various", "various authors", "author", "none", "nan", "n a", "na"}
)
_SHORTEST_NAME = 2  # letters of the longest word: initials alone name nobody
_LONGEST_FAMILY_NAME = 2  # words, as of Gabriel García Márquez


def series_of(title: str) -> tuple[str, ...]:
    """Keys of the series that a title says it is a volume of, in their order; none for most titles.

    `Catching Fire (The Hunger Games, #2)` and `The Hunger Games, Vol. 1` are both of `hunger games`. Only
    what is numbered is a series: brackets hold much else.
    """
    parts = [part for bracket in _BRACKETED.findall(title) for part in re.split(r"[;/]", bracket)]
    found = [match.group(1) for part in parts if (match := _NUMBERED.match(part))]
    if not found and (match := _OPEN_NUMBERED.match(_BRACKETED.sub("", title))):
        found = [match.group(1)]
    keys = (_ARTICLE.sub("", _plain(name)) for name in found)
    return tuple(dict.fromkeys(key for key in keys if key))


def people_of(author: str) -> tuple[str, ...]:
    """Keys of the people that an author's line names, in their order; none where it names nobody.

    Roles in brackets, accents, points, case, the `Jr.` and the order of names are no part, and initials stand
    together: `J. K. Rowling (Author)` and `Rowling, J.K.` are `jk rowling`. A comma turns names round where
    there is one on either side of it and one of them is a single word; else it is between people.
    """
    return tuple(dict.fromkeys(one.key for one in _people(author)))


def labels_of(genre: str) -> tuple[str, ...]:
    """Keys of the genres that a line names, in their order."""
    return tuple(dict.fromkeys(key for part in _BETWEEN_GENRES.split(genre) if (key := _plain(part))))


def shared_people(one: str, other: str) -> str | None:
    """The person whom both author's lines name, as the first spells it; None if there is none."""
    wanted = set(people_of(other))
    return next((person.spelled for person in _people(one) if person.key in wanted), None)


@dataclass(frozen=True, slots=True)
class _Person:
    spelled: str
    key: str


def _people(author: str) -> Iterator[_Person]:
    for group in _BETWEEN_PEOPLE.split(_ROLE.sub("", author)):
        for name in _names([" ".join(part.split()) for part in group.split(",")]):
            key = _together([word for word in _plain(name).split() if word not in _AFTER_NAME])
            if key not in _NOBODY and max(map(len, _plain(name).split()), default=0) >= _SHORTEST_NAME:
                yield _Person(name, key)


def _names(parts: list[str]) -> list[str]:
    """The names that commas are between: of several people, or the family name of one before the others."""
    parts = [part for part in parts if part and _plain(part) not in _AFTER_NAME]
    if len(parts) == 2 and _is_family_name_first(*parts):
        return [f"{parts[1]} {parts[0]}"]
    return parts


def _is_family_name_first(first: str, second: str) -> bool:
    before, after = _plain(first).split(), _plain(second).split()
    if len(after) == 1 or all(len(word) == 1 for word in after):
        return len(before) <= _LONGEST_FAMILY_NAME
    return len(before) == 1 or (before[:1] != [] and before[0] in _BEFORE_FAMILY_NAME)


def _together(words: list[str]) -> str:
    """The words of a name, initials that follow one another as one."""
    found: list[str] = []
    initials = False
    for word in words:
        if initials and len(word) == 1:
            found[-1] += word
        else:
            found.append(word)
            initials = len(word) == 1
    return " ".join(found)


def _plain(name: str) -> str:
    """Lower case, without accents, words apart by single spaces."""
    letters = unicodedata.normalize("NFKD", name)
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _NOT_IN_A_WORD.sub(" ", bare.casefold()).strip()
