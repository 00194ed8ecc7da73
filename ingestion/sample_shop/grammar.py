"""A grammar of phrases: `{bank}` draws one, `[a|b]` chooses, the rest is said as it is written."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

_TOKEN = re.compile(r"\{[^{}]*\}|[\[\]|]|[^\[\]{}|]+")


@dataclass(frozen=True)
class Slot:
    """A `{name}` in a template: what stands there is asked for when the sentence is said."""

    name: str


@dataclass(frozen=True)
class Choice:
    """A `[a|b]` in a template."""

    options: tuple[Template, ...]


Template = tuple["str | Slot | Choice", ...]
Lookup = Callable[[str], str]


class Decks:
    """Draws phrases from banks the way cards are dealt: none comes again before all have come.

    Chance comes from `dice.random()` alone, the one method whose sequence Python promises to
    keep between versions, so the same seed deals the same hands everywhere.
    """

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._left: dict[object, list[int]] = {}

    def below(self, count: int) -> int:
        """A whole number from 0 to `count` - 1."""
        return int(self._dice.random() * count)

    def chance(self, share: float) -> bool:
        return self._dice.random() < share

    def draw(self, key: object, count: int, avoid: Iterable[int] = ()) -> int:
        """The next of `count` cards of deck `key`, not one of `avoid` unless there is no other."""
        unwanted = set(avoid)
        left = self._left.setdefault(key, [])
        if not any(card not in unwanted for card in left):
            left[:0] = self._shuffled(count)
        place = next((at for at in reversed(range(len(left))) if left[at] not in unwanted), len(left) - 1)
        return left.pop(place)

    def _shuffled(self, count: int) -> list[int]:
        cards = list(range(count))
        for last in range(count - 1, 0, -1):
            other = self.below(last + 1)
            cards[last], cards[other] = cards[other], cards[last]
        return cards


@cache
def parse(text: str) -> Template:
    """The template `text` stands for. Raises `ValueError` where a bracket or brace has no partner."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != text:
        raise ValueError(f"a brace without its partner in {text!r}")
    template, rest = _sequence(tokens, 0, depth=0)
    if rest != len(tokens):
        raise ValueError(f"a bracket without its partner in {text!r}")
    return template


def _sequence(tokens: Sequence[str], at: int, depth: int) -> tuple[Template, int]:
    """The nodes from `tokens[at]` up to the `|` or `]` that ends them, and where that stands."""
    nodes: list[str | Slot | Choice] = []
    while at < len(tokens) and not (depth and tokens[at] in "|]"):
        token = tokens[at]
        if token == "[":
            choice, at = _choice(tokens, at)
            nodes.append(choice)
            continue
        if token in "|]":
            raise ValueError(f"a stray {token!r} in {''.join(tokens)!r}")
        nodes.append(Slot(token[1:-1]) if token.startswith("{") else token)
        at += 1
    return tuple(nodes), at


def _choice(tokens: Sequence[str], at: int) -> tuple[Choice, int]:
    """The choice that opens at `tokens[at]`, and the place after its closing bracket."""
    options: list[Template] = []
    while True:
        option, at = _sequence(tokens, at + 1, depth=1)
        options.append(option)
        if at == len(tokens):
            raise ValueError(f"a '[' without its ']' in {''.join(tokens)!r}")
        if tokens[at] == "]":
            return Choice(tuple(options)), at + 1


def expand(template: Template, lookup: Lookup, decks: Decks) -> str:
    """`template` said once: choices dealt from `decks`, slots filled by `lookup`."""
    return "".join(_said(node, lookup, decks) for node in template)


def _said(node: str | Slot | Choice, lookup: Lookup, decks: Decks) -> str:
    if isinstance(node, str):
        return node
    if isinstance(node, Slot):
        return lookup(node.name)
    return expand(node.options[decks.draw(node, len(node.options))], lookup, decks)


def read_banks(text: str) -> Mapping[str, tuple[str, ...]]:
    """The banks of a prose file: `== name` opens one, each further line is a phrase, `#` a remark.

    Raises `ValueError` for a phrase before the first bank, a bank given twice or an empty one.
    """
    banks: dict[str, list[str]] = {}
    name = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("=="):
            name = line.removeprefix("==").strip()
            if name in banks:
                raise ValueError(f"bank {name!r} is given twice")
            banks[name] = []
        elif not line.startswith("#"):
            if not name:
                raise ValueError(f"a phrase outside every bank: {line!r}")
            banks[name].append(line)
    if empty := [name for name, phrases in banks.items() if not phrases]:
        raise ValueError(f"banks without a phrase: {empty}")
    return {name: tuple(phrases) for name, phrases in banks.items()}
