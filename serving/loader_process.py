"""The process that loads versions for one worker, and lets everybody else go first."""

from __future__ import annotations

import gc
import logging
import os
import pickle
import signal
import socket
from dataclasses import replace

from bookshelf.errors import ModelUnavailable
from bookshelf.lifeline import end_with_parent
from serving.handing import packed
from serving.imports import import_skops
from serving.loader_words import Refused, Tag, Unable, Wanted
from serving.loading import LoadedModel, check_form
from serving.local_copy import LocalCopies
from serving.log_lines import log_to_stderr
from serving.version_files import VersionFiles, set_tag

log = logging.getLogger(__name__)

_NICENESS = 5
_LONGEST_QUESTION = 65_536


def main(line: str, worker: str) -> None:
    """Answer that worker on that line, which this process has inherited, until it hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the worker ends us when it ends
    end_with_parent(int(worker), by=signal.SIGKILL)
    os.nice(_NICENESS)
    log_to_stderr()
    os.close(packed(None))  # a system without such files is found out before anybody relies on us
    _import_libraries()
    with socket.socket(fileno=int(line)) as connection:
        connection.send(b"!")
        while question := connection.recv(_LONGEST_QUESTION):
            answer = _packed(pickle.loads(question))
            socket.send_fds(connection, [b"!"], [answer])
            os.close(answer)
            gc.collect()  # the model goes, and another may be as large


def _import_libraries() -> None:
    import mlflow.sklearn  # noqa: F401

    import features.compiled_check  # noqa: F401

    import_skops()
    gc.collect()
    gc.freeze()  # what imports leave behind need not be looked through after each version


def _packed(question: Wanted | Tag) -> int:
    answer = _is_set(question) if isinstance(question, Tag) else _answer(question)
    try:
        return packed(answer)
    # What a model is made of may be anything, and some things cannot be pickled.
    except Exception as error:  # noqa: BLE001
        return packed(Unable(f"it cannot be handed over: {type(error).__name__}: {error}"))


def _answer(wanted: Wanted) -> LoadedModel | Refused:
    """The model without its example, which nobody needs once it has answered it."""
    files = VersionFiles(wanted.uri, LocalCopies(wanted.copies))
    try:
        loaded = files.model(wanted.name, wanted.version, wanted.key)
    except ModelUnavailable as error:
        return Refused(str(error))
    return replace(loaded, example=None, form=check_form(loaded))


def _is_set(tag: Tag) -> bool:
    try:
        set_tag(tag)
    # A store and its driver can raise anything; the worker tries again, and says what it was.
    except Exception as error:  # noqa: BLE001
        log.info("%s version %s cannot be tagged by this process: %s", tag.name, tag.version, error)
        return False
    return True
