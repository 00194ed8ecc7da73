"""What lines of a book's record name, made comparable: its series, its people, its genres."""

from __future__ import annotations

import re
import unicodedata

_BRACKETED = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_NUMBER = r"(?:#|\b(?:no|vol|volumes?|books?|bks?|parts?|tome|band)\b\.?\s*#?)\s*\d"
# "The Hunger Games, #1" in brackets; without brackets a bare number may belong to the title.
_NUMBERED = re.compile(rf"^(.*?\w.*?)[\s,:–—-]*{_NUMBER}", re.IGNORECASE)
_OPEN_NUMBERED = re.compile(rf"^(.*?\w.*?)\s*[,:]\s*{_NUMBER}", re.IGNORECASE)
_ROLE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_BETWEEN_PEOPLE = re.compile(r"[,;&/|]|\band\b|\bwith\b", re.IGNORECASE)
_BETWEEN_GENRES = re.compile(r"[,;/|&]|\band\b", re.IGNORECASE)
_NOT_IN_A_WORD = re.compile(r"[\W_]+")
_ARTICLE = re.compile(r"^(?:the|a|an)\s+")
_NOBODY = frozenset(
    {"unknown", "anonymous", "various", "various authors", "author", "none", "nan", "n a", "na"}
)
_SHORTEST_NAME = 2  # letters of the longest word: initials alone name nobody


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

    Roles in brackets, accents, points and case are no part: `J. K. Rowling (Author)` is `j k rowling`.
    """
    names = (_plain(name) for name in _BETWEEN_PEOPLE.split(_ROLE.sub("", author)))
    kept = (name for name in names if name not in _NOBODY)
    return tuple(
        dict.fromkeys(name for name in kept if max(map(len, name.split()), default=0) >= _SHORTEST_NAME)
    )


def labels_of(genre: str) -> tuple[str, ...]:
    """Keys of the genres that a line names, in their order."""
    return tuple(dict.fromkeys(key for part in _BETWEEN_GENRES.split(genre) if (key := _plain(part))))


def shared_people(one: str, other: str) -> str | None:
    """The person whom both author's lines name, as the first spells it; None if there is none."""
    wanted = set(people_of(other))
    for name in _BETWEEN_PEOPLE.split(_ROLE.sub("", one)):
        if wanted.intersection(people_of(name)):
            return " ".join(name.split())
    return None


def _plain(name: str) -> str:
    """Lower case, without accents, words apart by single spaces."""
    letters = unicodedata.normalize("NFKD", name)
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _NOT_IN_A_WORD.sub(" ", bare.casefold()).strip()
