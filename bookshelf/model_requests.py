"""Which version a request is about, where it can be one: told before an order is made of it."""

from __future__ import annotations

from bookshelf.errors import Conflict, ModelUnavailable, NotFound
from bookshelf.promotions import Promotions
from bookshelf.standings import Standing, Standings

_FIELD = "version"


def version_to_promote(standings: Standings, name: str, version: str | None) -> str:
    """The version asked for, the newest if none is named.

    Raises `NotFound` if it is not registered, `Conflict` if it is on duty, and `ModelUnavailable` while
    nobody can tell.
    """
    standing = _registered(standings, name)
    wanted = version or standing.versions[-1]
    _check(standing, wanted)
    return wanted


def version_to_go_back_to(
    standings: Standings, promotions: Promotions, name: str, version: str | None
) -> str:
    """The version asked for, the one before the champion if none is named.

    Raises `NotFound` if it is not registered; `Conflict` if there is none before, or if it is on duty or
    never was; `ModelUnavailable` while nobody can tell.
    """
    standing = _registered(standings, name)
    wanted = version or standing.previous
    if wanted is None:
        raise Conflict(_FIELD, f"no version of {name} was on duty before: there is none to go back to")
    _check(standing, wanted)
    if wanted != standing.previous and not promotions.was_live(name, wanted):
        raise Conflict(_FIELD, f"version {wanted} of {name} was never on duty: promote it, by its gate")
    return wanted


def version_to_try(standings: Standings, name: str, version: str | None) -> str:
    """The version asked for, the challenger if none is named.

    Raises `NotFound` if it is not registered; `Conflict` if there is no challenger, or it is on duty.
    """
    standing = _registered(standings, name)
    wanted = version or standing.challenger
    if wanted is None:
        raise Conflict(_FIELD, f"no version of {name} is challenger: there is none to try")
    _check(standing, wanted)
    return wanted


def _registered(standings: Standings, name: str) -> Standing:
    """Raises `ModelUnavailable` where nobody has looked at the registry yet, as the trainer does at once."""
    standing = standings.all().get(name)
    if standing is None:
        raise ModelUnavailable(
            f"nobody has looked yet at what the registry has of {name}: the trainer does as it starts"
        )
    if not standing.versions:
        raise NotFound("name", f"no version of {name} is registered")
    return standing


def _check(standing: Standing, version: str) -> None:
    if version not in standing.versions:
        known = ", ".join(standing.versions[-10:])
        raise NotFound(_FIELD, f"{standing.model} has no version {version}; its last ones are {known}")
    if version == standing.champion:
        raise Conflict(_FIELD, f"version {version} of {standing.model} is on duty already")
