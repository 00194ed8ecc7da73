"""Titles and descriptions that read like a bookseller's, told from the phrase files in `prose/`."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from ingestion.sample_shop.grammar import Decks, expand, parse, read_banks
from ingestion.sample_shop.people import Names, a_cast, a_person, as_named, as_told, mark
from ingestion.sample_shop.typesetting import curled, polished, title_case

Banks = Mapping[str, Sequence[str]]

SHORTEST, LONGEST = 400, 2000
_NOT_FAMILIES = ("common", "names")
_SPAN = re.compile(r"(\d+)\.\.(\d+)")
_TITLE_TRIES = 200
_STEM_TRIES = 60
# What any book may end with, and how much of that one book may have.
_TAIL = ("praise", "press", "author", "edition", "club")
_MOST_TAIL = 3
_FILLERS = ("praise", "edition", "author", "praise", "praise")


@dataclass(frozen=True)
class Blurb:
    """What a shop prints of one book."""

    title: str
    text: str


@dataclass(frozen=True)
class Strand:
    """One way of writing within a family of books: `mystery/cosy`, `mystery/police`."""

    family: str
    name: str
    banks: Banks

    def bank(self, name: str) -> tuple[str, Sequence[str]] | None:
        """The bank meant by `name` and its full name: the strand's own before the family's."""
        for full in (f"{self.name}/{name}", name):
            if full in self.banks:
                return f"{self.family}:{full}", self.banks[full]
        return None


def load_families() -> tuple[Mapping[str, tuple[Strand, ...]], Names]:
    """Every family's strands, as often as each is to be drawn, and the banks of names."""
    folder = resources.files(__package__) / "prose"
    files = {
        entry.name.removesuffix(".txt"): read_banks(entry.read_text(encoding="utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".txt")
    }
    families = {}
    for family, own in files.items():
        if family not in _NOT_FAMILIES:
            banks = {**files["common"], **own}
            plans = [full.rpartition("/")[0] for full in own if full.split("/")[-1] == "plan"]
            families[family] = tuple(Strand(family, name, banks) for name in own.get("strands", plans))
    return families, files["names"]


class Teller:
    """Writes blurbs, no two with one title, dealing every phrase before it deals one again."""

    def __init__(self, seed: int) -> None:
        self.families, self._names = load_families()
        self.decks = Decks(random.Random(seed))
        self._titles: set[str] = set()
        self._stems: set[str] = set()

    def strand_of(self, source: str) -> Strand:
        """The next strand of `source`: a family, or one strand of it as in `mystery/cosy`."""
        family, _, name = source.partition("/")
        strands = [strand for strand in self.families[family] if name in ("", strand.name)]
        return strands[self.decks.draw(("strands", source), len(strands))]

    def blurb(self, strand: Strand, title: str = "", short: bool = False) -> Blurb:
        """A book of this strand: `SHORTEST` to `LONGEST` characters, or a few lines if `short`.

        A given `title` is taken as it is, even if another book bears it.
        """
        for attempt in range(_TITLE_TRIES):
            telling = _Telling(strand, self.decks, self._names)
            named = title or telling.title()
            stem = re.split(r"[:(]|, Vol", named)[0].strip()
            if title or (named not in self._titles and (stem not in self._stems or attempt > _STEM_TRIES)):
                self._titles.add(named)
                self._stems.add(stem)
                return Blurb(named, telling.text(stem, short))
        raise ValueError(f"{strand.family}/{strand.name} has run out of titles")


class _Telling:
    """One book being told: its cast, the phrases it has settled on, and those it has used."""

    def __init__(self, strand: Strand, decks: Decks, names: Names) -> None:
        self._strand, self._decks, self._names = strand, decks, names
        origins = self._phrases("origins", names["origins"])
        if origins == ("invented",):
            origins = names["invented origins"]
        self._cast = a_cast(names, decks, origins, self._phrases("heroes", ("woman", "man")))
        self._kept: dict[str, str] = {}
        self._used: dict[str, set[int]] = {}

    def _phrases(self, name: str, otherwise: Sequence[str]) -> Sequence[str]:
        found = self._strand.bank(name)
        return found[1] if found else otherwise

    def title(self) -> str:
        return title_case(polished(as_named(self._say("title"), self._cast)))

    def text(self, title: str, short: bool) -> str:
        self._kept["title"] = title
        told = [(self._say(beat.rstrip("?")), beat.endswith("?")) for beat in self._beats()]
        typographic = self._decks.chance(0.6)
        finished = self._brief(told) if short else self._full(told)
        return curled(finished) if typographic else finished

    def _beats(self) -> list[str]:
        """The plan of the book, `turn` or, where a beat may be left out, `turn?`; few of them advertise."""
        beats = self._say("plan").split()
        while len(tail := [at for at, beat in enumerate(beats) if beat.rstrip("?") in _TAIL]) > _MOST_TAIL:
            beats.pop(tail[self._decks.below(len(tail))])
        return beats

    def _brief(self, told: Sequence[tuple[str, bool]]) -> str:
        needed = [sentence for sentence, optional in told if not optional]
        return self._finished(needed[:1] if len(needed[0]) > 160 else needed[:2])

    def _full(self, told: list[tuple[str, bool]]) -> str:
        """The told beats, optional ones left out until the text is about as long as chance would have it."""
        wanted = SHORTEST + 150 + self._decks.below(1200)
        while (spare := [at for at, (_, optional) in enumerate(told) if optional]) and _length(told) > wanted:
            told.pop(spare[self._decks.below(len(spare))])
        for filler in _FILLERS:
            text = self._finished([sentence for sentence, _ in told])
            if len(text) >= SHORTEST:
                break
            told.append((self._say(filler), False))
        while len(text) > LONGEST:
            told.pop(-2)
            text = self._finished([sentence for sentence, _ in told])
        return text

    def _finished(self, sentences: Sequence[str]) -> str:
        return polished(as_told(" ".join(sentences), self._cast))

    def _say(self, name: str) -> str:
        """A phrase of bank `name`, not one this book has used, with its slots filled."""
        found = self._strand.bank(name)
        if found is None:
            raise KeyError(f"{self._strand.family}/{self._strand.name} has no bank {name!r}")
        key, phrases = found
        used = self._used.setdefault(key, set())
        card = self._decks.draw(key, len(phrases), used)
        used.add(card)
        return expand(parse(phrases[card]), self._fill, self._decks)

    def _fill(self, slot: str) -> str:
        """What stands in a slot: `3..9` a number, `=bank` the phrase this book keeps to, a person, a bank.

        A phrase may be two, `a bear called Pudding ~ Pudding`: the second is had by a `~` after the name.
        """
        if span := _SPAN.fullmatch(slot):
            low, high = int(span[1]), int(span[2])
            return str(low + self._decks.below(high - low + 1))
        plain = slot.removeprefix("=").removesuffix("~")
        name = plain[:1].lower() + plain[1:]
        if name == "critic" or name.startswith("critic."):
            return a_person(self._names, self._decks, self._names["origins"], self._decks.chance(0.5)).full
        if name == "title" or slot.startswith("="):
            said = self._kept[name] if name in self._kept else self._kept.setdefault(name, self._say(name))
        elif marked := mark(plain):
            return marked
        else:
            said = self._say(name)
        if name.endswith("/title"):
            said = said.partition(" (")[0]
        long, _, brief = said.partition(" ~ ")
        said = brief if slot.endswith("~") else long
        return _capitalised(said) if plain != name else said


def _length(told: Sequence[tuple[str, bool]]) -> int:
    return sum(len(sentence) + 1 for sentence, _ in told)


def _capitalised(said: str) -> str:
    return said.replace("\ue000", "\ue000^", 1) if said.startswith("\ue000") else said[:1].upper() + said[1:]
