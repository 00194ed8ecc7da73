"""What is on duty, and the log of it: true whenever the process dies, and whoever sets the alias."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest
from mlflow import MlflowClient

from bookshelf.catalogue import now
from bookshelf.errors import TrainingError
from bookshelf.promotions import Change, Promotion, Promotions
from bookshelf.settings import Settings
from bookshelf.standings import Standings
from training import history, registry_commands
from training.aliases import CHALLENGER, CHAMPION, PREVIOUS, PROMOTION_TAG
from training.duty import ChampionChanged, Duty
from training.promote import promote
from training.rollback import AlreadyOnDuty, rollback
from training.status import model_statuses

NAME = "price"


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours handles it, and no code of ours runs after it."""


class Counting:
    """Hands every call on, and dies before or behind the one whose turn it is."""

    def __init__(self, behind: Any, calls: Countdown) -> None:
        self._behind = behind
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._behind, name)
        return self._calls.counted(found) if callable(found) and name != "changing" else found


class Countdown:
    """Lets so many half steps pass."""

    def __init__(self, left: int) -> None:
        self.left = left

    def counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            self._pass()
            found = call(*args, **kwargs)
            self._pass()
            return found

        return step

    def _pass(self) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1


@pytest.fixture
def duty(four_versions: Settings) -> Iterator[Duty]:
    """A registry of four versions, and an empty log."""
    made = Duty.of(four_versions)
    yield made
    made.log.engine.dispose()


def a_change(before: str | None, to: str, action: str = "promote") -> Change:
    return Change(
        model=NAME,
        at=now(),
        action=action,  # type: ignore[arg-type]
        from_version=before,
        to_version=to,
        who="cli",
        reason="it passed its gate",
    )


def logged(duty: Duty) -> list[tuple[str, str | None, str | None]]:
    """Action, from and to, the oldest first."""
    found, _ = duty.log.page(NAME, number=1, size=100)
    return [(one.action, one.from_version, one.to_version) for one in reversed(found)]


def tag(client: MlflowClient, version: str) -> str | None:
    found: str | None = client.get_model_version(NAME, version).tags.get(PROMOTION_TAG)
    return found


def test_a_change_sets_aliases_tags_log_and_standing(duty: Duty) -> None:
    duty.challenge(NAME, "1")
    duty.change(a_change(None, "1"))
    duty.change(a_change("1", "2"))
    assert duty.aliases(NAME) == {CHAMPION: "2", CHALLENGER: "1", PREVIOUS: "1"}
    assert (tag(duty.client, "1"), tag(duty.client, "2")) == ("replaced by version 2", CHAMPION)
    assert logged(duty) == [("promote", None, "1"), ("promote", "1", "2")]
    standing = Standings(duty.log.engine).all()[NAME]
    assert (standing.champion, standing.challenger, standing.previous) == ("2", "1", "1")
    assert standing.versions == ("1", "2", "3", "4")


def test_a_change_of_what_is_not_on_duty_any_more_is_refused(duty: Duty) -> None:
    duty.change(a_change(None, "1"))
    with pytest.raises(ChampionChanged, match="version 1 of price is on duty, not None"):
        duty.change(a_change(None, "2"))
    assert logged(duty) == [("promote", None, "1")]


def test_whenever_it_is_killed_the_log_is_true_after_the_next_start(settings: Settings, duty: Duty) -> None:
    action = "rollback"
    duty.change(a_change(None, "1"))
    champion, steps, died = "1", 0, True
    while died:
        following = "2" if champion == "1" else "1"
        calls = Countdown(steps)
        dying = Duty(Counting(duty.client, calls), Counting(duty.log, calls))  # type: ignore[arg-type]
        try:
            dying.change(a_change(champion, following, action))
            died = False
        except Killed:
            pass
        Duty.of(settings).settle()
        aliases, on_record = duty.aliases(NAME), duty.log.standing()[NAME]
        assert aliases[CHAMPION] in (champion, following)
        assert on_record.to_version == aliases[CHAMPION], f"killed at half step {steps}"
        assert duty.log.intents() == []
        if aliases[CHAMPION] == following:
            assert (on_record.action, on_record.from_version) == (action, champion)
            assert aliases[PREVIOUS] == champion
        champion = aliases[CHAMPION]
        steps += 1
    assert steps > 20, "every step was to be died at"
    assert {entry[0] for entry in logged(duty)} == {"promote", action}


def test_what_is_set_by_hand_is_noticed_once_and_told_as_such(duty: Duty) -> None:
    duty.change(a_change(None, "1"))
    duty.client.set_registered_model_alias(NAME, CHAMPION, "3")
    [found] = duty.settle()
    assert (found.action, found.from_version, found.to_version) == ("by_hand", "1", "3")
    assert duty.settle() == []
    assert duty.aliases(NAME)[PREVIOUS] == "1"
    assert (tag(duty.client, "1"), tag(duty.client, "3")) == ("replaced by hand by version 3", CHAMPION)
    duty.client.delete_registered_model_alias(NAME, CHAMPION)
    [gone] = duty.settle()
    assert (gone.action, gone.from_version, gone.to_version) == ("by_hand", "3", None)
    assert tag(duty.client, "3") == "taken off duty by hand"
    assert NAME not in duty.log.at(now())


def test_a_champion_from_before_the_log_is_put_on_record_with_the_one_it_replaced(duty: Duty) -> None:
    duty.client.set_model_version_tag(NAME, "1", PROMOTION_TAG, "replaced by version 2")
    duty.client.set_registered_model_alias(NAME, CHAMPION, "2")
    [found] = duty.settle()
    assert (found.action, found.from_version, found.to_version) == ("by_hand", "1", "2")
    assert rollback(duty, NAME, who="cli", reason="odd").to_version == "1"


def test_a_rollback_goes_to_the_one_before_and_there_and_back(duty: Duty) -> None:
    for before, to in ((None, "1"), ("1", "2"), ("2", "3")):
        duty.change(a_change(before, to))
    done = rollback(duty, NAME, who="admin", reason="odd prices")
    assert (done.from_version, done.to_version, done.who, done.reason) == ("3", "2", "admin", "odd prices")
    assert done.scores["to"]["score"] == 1.5
    assert duty.aliases(NAME) == {CHAMPION: "2", PREVIOUS: "3"}
    assert tag(duty.client, "3") == "rolled back to version 2"
    assert rollback(duty, NAME, "1", who="admin", reason="odd too").to_version == "1"
    assert duty.aliases(NAME) == {CHAMPION: "1", PREVIOUS: "2"}


def test_what_was_never_on_duty_is_no_place_to_go_back_to(duty: Duty) -> None:
    with pytest.raises(TrainingError, match="none to go back to"):
        rollback(duty, NAME, who="cli", reason="")
    duty.change(a_change(None, "1"))
    with pytest.raises(TrainingError, match="none to go back to"):
        rollback(duty, NAME, who="cli", reason="")
    with pytest.raises(AlreadyOnDuty):
        rollback(duty, NAME, "1", who="cli", reason="")
    with pytest.raises(TrainingError, match="promote --name price --version 4"):
        rollback(duty, NAME, "4", who="cli", reason="")
    with pytest.raises(TrainingError, match="'price' has no version '9'; it has 1, 2, 3, 4"):
        rollback(duty, NAME, "9", who="cli", reason="")
    assert logged(duty) == [("promote", None, "1")]


def test_history_tells_lines_json_and_what_was_live(
    settings: Settings, duty: Duty, capsys: pytest.CaptureFixture[str]
) -> None:
    before = now()
    duty.change(a_change(None, "1"))
    rollback_to = duty.change(a_change("1", "2"))
    registry_commands.history(settings, None, None, as_json=False)
    newest, oldest = capsys.readouterr().out.splitlines()
    assert newest.endswith("price promote 1 → 2 by cli: it passed its gate")
    assert oldest.endswith("price promote none → 1 by cli: it passed its gate")
    registry_commands.history(settings, NAME, rollback_to.at, as_json=False)
    assert capsys.readouterr().out.startswith("price version 2: since 20")
    registry_commands.history(settings, NAME, before, as_json=False)
    assert capsys.readouterr().out.startswith("price: none was live at 20")
    registry_commands.history(settings, NAME, now(), as_json=True)
    assert '"to_version": "2"' in capsys.readouterr().out
    registry_commands.rollback(settings, NAME, None, "cli", "")
    assert capsys.readouterr().out == "price version 1: champion again in place of version 2\n"


def test_a_version_that_nobody_of_ours_registered_is_no_status_and_passes_no_gate(
    settings: Settings, duty: Duty
) -> None:
    run = duty.client.create_run("0")
    version = duty.client.create_model_version(NAME, "file:///nowhere", run_id=run.info.run_id).version
    assert [one.version for one in model_statuses(settings)] == ["4"]
    with pytest.raises(TrainingError, match="price version 5 was registered by no training of ours"):
        promote(NAME, settings, str(version))
    assert logged(duty) == []


def test_the_log_of_another_process_is_the_same(settings: Settings, duty: Duty) -> None:
    duty.change(a_change(None, "1"))
    other = Duty.of(settings)
    assert isinstance(other.log, Promotions)
    assert logged(other) == logged(duty)


@pytest.mark.parametrize(
    ("informative", "ending"), [(False, "12.93, uninformative)"), (True, "12.93)"), (None, "12.93)")]
)
def test_history_tells_of_a_score_that_says_nothing(informative: bool | None, ending: str) -> None:
    score = {"metric": "MAE", "unit": "pounds", "score": 12.93, "baseline": 12.93, "informative": informative}
    entry = Promotion(id=1, **asdict(replace(a_change(None, "1"), scores={"to": score, "from": None})))
    assert history.line(entry).endswith(f"(MAE 12.93 pounds beside {ending}")
