"""Trials as the registry has them: begun, changed and ended by command, by order and by a promotion."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from bookshelf.catalogue import now
from bookshelf.errors import TrainingError
from bookshelf.model_orders import ModelOrders
from bookshelf.promotions import Change
from bookshelf.settings import Settings
from bookshelf.trial import TRIAL_TAG, Shares
from training.__main__ import main
from training.aliases import CHALLENGER
from training.duty import Duty
from training.runs import tracking_client
from training.trial import trial_of, try_out
from training.watch import Trainer

NAME = "price"


def promote(duty: Duty, before: str | None, to: str) -> None:
    duty.change(
        Change(
            model=NAME, at=now(), action="promote", from_version=before, to_version=to, who="cli", reason=""
        )
    )


@pytest.fixture
def duty(four_versions: Settings) -> Duty:
    """Version 2 is on duty, 3 is its challenger."""
    duty = Duty.of(four_versions)
    promote(duty, None, "2")
    duty.challenge(NAME, "3")
    return duty


@pytest.fixture
def client(duty: Duty) -> MlflowClient:
    return duty.client


@pytest.fixture
def orders(duty: Duty) -> ModelOrders:
    return ModelOrders(duty.log.engine)


def test_a_trial_is_of_the_challenger_and_stays_of_that_version(client: MlflowClient) -> None:
    began = try_out(client, NAME, Shares(shadow=0.2))
    assert began is not None
    assert (began.version, began.shadow, began.share) == ("3", 0.2, 0.0)
    client.set_registered_model_alias(NAME, CHALLENGER, "4")  # as every training does
    assert trial_of(client, NAME) == began
    try_out(client, NAME, Shares(share=1), "1")
    assert trial_of(client, NAME) != began
    try_out(client, NAME, Shares())
    assert trial_of(client, NAME) is None
    try_out(client, NAME, Shares())  # what is over may end again


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("2", "is the champion"),
        ("02", "has no version '02'"),
        ("9", "has no version '9'"),
        ("newest", "has no version"),
    ],
)
def test_what_cannot_be_tried_is_refused_and_changes_nothing(
    client: MlflowClient, version: str, said: str
) -> None:
    with pytest.raises(TrainingError, match=said):
        try_out(client, NAME, Shares(share=0.5), version)
    assert trial_of(client, NAME) is None


def test_without_a_challenger_there_is_none_to_try(client: MlflowClient) -> None:
    client.delete_registered_model_alias(NAME, CHALLENGER)
    for name in (NAME, "sentiment"):
        with pytest.raises(TrainingError, match="none to try"):
            try_out(client, name, Shares(share=0.5))


def test_a_promotion_ends_the_trial_of_the_version_that_it_puts_on_duty(
    duty: Duty, client: MlflowClient
) -> None:
    try_out(client, NAME, Shares(share=0.5))
    promote(duty, "2", "4")
    assert trial_of(client, NAME) is not None
    promote(duty, "4", "3")
    assert trial_of(client, NAME) is None


@pytest.mark.parametrize("by_hand", ['{ "shadow": 0.5, "version": "3" }', '{"shadow": 0.5}'])
def test_a_promotion_ends_a_trial_of_that_version_however_it_is_spelled(
    duty: Duty, client: MlflowClient, by_hand: str
) -> None:
    client.set_registered_model_tag(NAME, TRIAL_TAG, by_hand)
    promote(duty, "2", "4")
    assert trial_of(client, NAME) is not None
    promote(duty, "4", "3")
    assert trial_of(client, NAME) is None


def test_a_tag_that_is_no_trial_keeps_no_version_from_duty(duty: Duty, client: MlflowClient) -> None:
    client.set_registered_model_tag(NAME, TRIAL_TAG, "rubbish")
    promote(duty, "2", "3")
    assert duty.aliases(NAME)["champion"] == "3"


def test_a_trial_is_begun_told_and_ended_by_command(duty: Duty, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trial", NAME, "--shadow", "0.2", "--share", "0.1"]) == 0
    assert capsys.readouterr().out == "price: version 3 is on trial: shadow 0.2, share 0.1\n"
    assert main(["trial", NAME]) == 0
    assert capsys.readouterr().out == "price: version 3 is on trial: shadow 0.2, share 0.1\n"
    assert main(["trial", NAME, "--share", "1", "--version", "2"]) == 1
    assert "is the champion" in capsys.readouterr().err
    assert main(["trial", NAME, "--off", "--share", "1"]) == 1
    assert main(["trial", NAME, "--off"]) == 0
    assert capsys.readouterr().out == "price: no version is on trial\n"
    for wrong in ("2", "-0.1", "nan", "much"):
        with pytest.raises(SystemExit):
            main(["trial", NAME, f"--share={wrong}"])
    duty.client.set_registered_model_tag(NAME, TRIAL_TAG, "rubbish")
    assert main(["trial", NAME]) == 1
    assert "is no trial: 'rubbish'" in capsys.readouterr().err


def test_a_trial_that_is_ordered_is_on_at_the_next_look(orders: ModelOrders, four_versions: Settings) -> None:
    trainer, client = Trainer(four_versions), tracking_client(four_versions)
    for version, shares in (("4", Shares(shadow=0.5, share=0.1)), (None, Shares())):
        order = orders.request("trial", NAME, "admin", "to see", now(), version, shares)
        trainer.look()
        done, on = orders.get(order.id), trial_of(client, NAME)
        assert (done.status, on and on.version) == ("succeeded", version)
        assert done.outcome == (
            "version 4 is on trial: shadow 0.5, share 0.1" if version else "no version is on trial"
        )
    order = orders.request("trial", NAME, "admin", "", now(), "2", Shares(share=1))
    trainer.look()
    assert orders.get(order.id).status == "refused"
