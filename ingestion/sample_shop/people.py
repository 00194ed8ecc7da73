"""Invented people: a name, the words that stand for it, and how often a text has named them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingestion.sample_shop.grammar import Decks

Names = Mapping[str, Sequence[str]]

_CAST = ("hero", "foil", "author")
# A mark is a role and a part of it, between characters that no text has.
_MARK = re.compile(r"\ue000(?P<capital>\^*)(?P<role>\w+)\ue002(?P<part>[^\ue001]+)\ue001")
# Whether, before the sentence is over, a role is called by a name.
_NAMED_SOON = {role: re.compile(rf"[^.!?]*\ue000\^*{role}\ue002(?:full|first|last)\ue001") for role in _CAST}
_PRONOUNS = {
    "she": ("she", "he"),
    "her": ("her", "his"),
    "him": ("her", "him"),
    "herself": ("herself", "himself"),
}
_SAME_SEX_SHARE = 0.15


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist."""

    first: str
    last: str
    woman: bool

    @property
    def full(self) -> str:
        return f"{self.first} {self.last}"

    def words(self, part: str) -> str:
        """What `part` of this person is: `full`, `first`, `last`, `lasts`, a pronoun, or `her side/his side`.

        Raises `ValueError` for any other part.
        """
        if part in ("full", "first", "last"):
            return str(getattr(self, part))
        if part == "lasts":
            return self.last + ("es" if self.last.endswith("s") else "s")
        forms = _PRONOUNS.get(part) or tuple(part.split("/"))
        if len(forms) != 2:
            raise ValueError(f"nobody has a {part!r}")
        return forms[0] if self.woman else forms[1]


def a_person(names: Names, decks: Decks, origins: Sequence[str], woman: bool) -> Person:
    """Somebody new from one of `origins`; rare names come round as often as common ones."""
    origin = origins[decks.draw(("origin", *origins), len(origins))]
    first = _dealt(names[f"{origin}/{'woman' if woman else 'man'}"], decks)
    return Person(first, _dealt(names[f"{origin}/last"], decks), woman)


def _dealt(lines: Sequence[str], decks: Decks) -> str:
    listed = lines[0].split(", ")
    return listed[decks.draw(lines[0], len(listed))]


def a_cast(names: Names, decks: Decks, origins: Sequence[str], heroes: Sequence[str]) -> dict[str, Person]:
    """The people of one book by role: hero, foil and author.

    `heroes` are tickets, `woman` or `man`. Hero and foil are seldom of one sex, so that `she` and
    `he` mostly tell them apart. The author always has an everyday name.
    """
    hero_is_woman = heroes[decks.draw(("heroes", *heroes), len(heroes))] == "woman"
    foil_is_woman = hero_is_woman if decks.chance(_SAME_SEX_SHARE) else not hero_is_woman
    hero = a_person(names, decks, origins, hero_is_woman)
    foil = a_person(names, decks, origins, foil_is_woman)
    author = a_person(names, decks, names["origins"], decks.chance(0.5))
    return {"hero": hero, "foil": foil, "author": author}


def mark(name: str) -> str | None:
    """The mark that stands for the person in slot `name` until the text is whole; None if nobody is meant.

    `{hero}`, `{foil.last}`, `{author.she}`; without a role the hero is meant: `{first}`, `{her}`,
    `{:widow/widower}`. A capital anywhere asks for a capital.
    """
    lower = name.lower()
    role, _, part = lower.rpartition(".")
    if lower in _CAST:
        role, part = lower, "full"
    elif not role and (lower in ("first", "last", "lasts") or lower in _PRONOUNS or lower.startswith(":")):
        role, part = "hero", lower.removeprefix(":")
    if role not in _CAST:
        return None
    shown = name[-len(part) :] if "/" in part else part
    return f"\ue000{'^' if name != lower else ''}{role}\ue002{shown}\ue001"


def as_named(text: str, cast: Mapping[str, Person]) -> str:
    """`text` with every mark said: full names in a title, wherever they stand."""
    return _MARK.sub(lambda found: _capital(cast[found["role"]].words(found["part"]), found), text)


def as_told(text: str, cast: Mapping[str, Person]) -> str:
    """`text` with every mark said the way a story does it.

    Whoever comes up for the first time is named in full, even where the sentence had a pronoun,
    because the sentence that was to introduce them may have been cut; a pronoun stays one if its
    own sentence goes on to the name. Later a hero goes by the first name and an author by the last.
    """
    met: set[str] = set()

    def said(found: re.Match[str]) -> str:
        role, part = found["role"], found["part"]
        person = cast[role]
        if "/" in part or part == "lasts" or (part == "last" and role != "author"):
            return _capital(person.words(part), found)
        if role in met:
            familiar = "last" if role == "author" else "first"
            return _capital(person.words(familiar if part == "full" else part), found)
        if part in _PRONOUNS and _NAMED_SOON[role].match(text, found.end()):
            return _capital(person.words(part), found)
        met.add(role)
        return person.full + ("'s" if part == "her" else "")

    return _MARK.sub(said, text)


def _capital(words: str, found: re.Match[str]) -> str:
    return words[:1].upper() + words[1:] if found["capital"] else words
