"""What Feast says while features are published is kept for its failures."""

from __future__ import annotations

import logging

import pytest

from ingestion.online import _quiet


def test_its_warnings_go_to_no_log_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("feast.infra.offline_stores.file_source")
    with _quiet() as said:
        log.warning("Could not validate the path")
    assert "Could not validate" in said.getvalue()
    assert caplog.text == ""
    log.warning("The next one")
    assert "The next one" in caplog.text
