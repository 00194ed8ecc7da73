"""What a run tells of how it was started."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from training.runs import given_params


class ARun:
    """A run with one parameter."""

    def __init__(self, value: str) -> None:
        self.data = self
        self.params = {"source": value}


@pytest.mark.parametrize("given", ["", "My shop", "O'Reilly & sons", "https://shop.test/", "a'b'c", "it's"])
def test_a_parameter_is_read_as_it_was_given_however_mlflow_run_quotes_it(given: str) -> None:
    run: Any = ARun(shlex.quote(given))
    assert given_params(run) == {"source": given}


@pytest.mark.parametrize("given", ["", "My shop", "O'Reilly", "'", "https://shop.test/"])
def test_a_parameter_that_nobody_quoted_stays_what_it_is(given: str) -> None:
    run: Any = ARun(given)
    assert given_params(run) == {"source": given}
