"""What the command line understands, and what it answers to what it does not."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from bookshelf.settings import Settings
from training import commands
from training.__main__ import main
from training.aliases import CHAMPION
from training.promote import Decision


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


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["price", "--as-of", "2130-01-01T00:00:00Z"], "--as-of: must not be in the future"),
        (["price", "--as-of", "2026-03-02T06:00"], "--as-of: must be a time with its zone"),
        (["history", "--at", "2026-13-02"], "--at: must be a time with its zone"),
        (["trial", "price", "--shadow", "20"], "--shadow: must be a number from 0 to 1, got '20'"),
        (["compare", "price", "--days", "-1"], "--days: must be a whole number from 1 to 10000, got '-1'"),
        (["price", "--alpha", "much"], "--alpha: must be a number, got 'much'"),
        (["rollback", "price", "--by", "x" * 101], "--by: must be at most 100 characters, got 101"),
    ],
)
def test_a_wrong_value_is_told_what_was_expected(
    line: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(line)
    assert f"error: argument {told}" in capsys.readouterr().err


@pytest.mark.usefixtures("settings")
def test_a_model_named_twice_and_differently_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "price", "--name", "sentiment"]) == 1
    assert capsys.readouterr().err == "error: name one model, not both price and --name sentiment\n"


@pytest.mark.usefixtures("settings")
def test_a_weight_below_nothing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommender", "--meaning-weight", "-1"]) == 1
    assert capsys.readouterr().err == "error: meaning_weight must be 0 or more, got -1.0\n"


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


@pytest.mark.usefixtures("settings")
def test_a_database_that_does_not_answer_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, ConnectionError("connection refused"))

    monkeypatch.setattr(commands, "status", refused)
    assert main(["status"]) == 1
    assert capsys.readouterr().err == "error: the catalogue database cannot be used: connection refused\n"
