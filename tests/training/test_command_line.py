"""What the command line understands, and what it answers to what it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bookshelf.settings import Settings
from training import commands
from training.__main__ import main, moment
from training.aliases import CHAMPION
from training.promote import Decision


def test_a_time_without_a_zone_is_utc() -> None:
    assert moment("2026-03-02") == datetime(2026, 3, 2, tzinfo=UTC)
    assert moment("2026-03-02T06:00+02:00") == datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert abs(moment("now") - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "line",
    [
        *([], ["bake"], ["price", "--as-of", "soon"], ["price", "--folds", "many"]),
        *(["promote", "--name", "x"], ["rollback", "prices"], ["history", "--at", "soon"]),
        ["tune", "--trials", "few"],
    ],
)
def test_what_is_no_command_is_wrong_usage(line: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == 2


@pytest.mark.usefixtures("settings")
def test_a_parameter_out_of_bounds_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["price", "--folds", "1"]) == 1
    assert capsys.readouterr().err == "error: folds must be 2 to 20, got 1\n"


@pytest.mark.usefixtures("settings")
def test_a_version_without_the_model_it_is_of_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["promote", "--version", "3"]) == 1
    assert capsys.readouterr().err == "error: a version is of one model: name it with --name\n"


@pytest.mark.usefixtures("settings")
def test_a_rollback_of_nothing_in_particular_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rollback"]) == 1
    assert capsys.readouterr().err == ("error: name one of price, recommender, sentiment: `rollback price`\n")


@pytest.mark.usefixtures("settings")
def test_a_search_without_trials_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "--trials", "0"]) == 1
    assert capsys.readouterr().err == "error: trials must be 1 to 1000, got 0\n"


@pytest.mark.usefixtures("settings")
def test_one_refusal_among_promotions_is_status_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def judge(name: str, _settings: Settings, _version: str | None, **_asked: str) -> Decision:
        promoted = name != "sentiment"
        return Decision(name, "2", promoted, CHAMPION if promoted else "it is worse")

    monkeypatch.setattr("training.promote.promote", judge)
    assert main(["promote"]) == commands.REFUSED == 3
    assert capsys.readouterr().out.splitlines() == [
        f"price version 2: {CHAMPION}",
        f"recommender version 2: {CHAMPION}",
        "sentiment version 2: refused: it is worse",
    ]
    assert main(["promote", "--name", "price"]) == 0
