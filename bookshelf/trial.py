"""A trial: a challenger beside the champion, in shadow or in its place; kept as one tag of the registry."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bookshelf.contract import Contract

#: Tag of a registered model with the trial that is on, a `Trial` as JSON; there is none where none is.
TRIAL_TAG = "trial"
#: Header of a question: who asks, so that one caller is always answered by the same of the two versions.
TRIAL_KEY_HEADER = "X-Trial-Key"

Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]


class Shares(Contract):
    """How much of the questions: `shadow` of those to the champion are put to the challenger too, which
    nobody waits for; `share` of the callers are answered by the challenger. 0 is none, 1 is all."""

    shadow: Share = 0.0
    share: Share = 0.0

    @property
    def off(self) -> bool:
        return not (self.shadow or self.share)


class Trial(Shares):
    """Which version is tried, the one of the alias `challenger` where none is named."""

    version: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}$")] | None = None


class OnTrial(Trial):
    """A trial as the model server has it; `refused` says why it is not on, None where it is."""

    refused: str | None = None
