"""What follows a publication of features: jobs that each look at what is published now.

They run in a process of their own, which the trainer starts at least once for every publication, and once as
it starts itself, and again after a while if one fails: each job must know by itself what it has done already.
"""

from __future__ import annotations

import logging
from importlib import import_module

from bookshelf.errors import BookshelfError
from bookshelf.settings import Settings

log = logging.getLogger(__name__)

#: Functions of the settings, as `module:name`, so that none is imported before it is needed.
JOBS: tuple[str, ...] = ("training.drift:follow_publication",)


def follow_publication(settings: Settings) -> None:
    """Do every job, whatever becomes of the others. Raises `BookshelfError` naming those that failed."""
    failed = []
    for job in JOBS:
        module, name = job.split(":")
        try:
            getattr(import_module(module), name)(settings)
        except Exception as error:  # one job's trouble is no reason to leave the others undone
            log.exception("the job %s failed", job)
            failed.append(f"{job} ({error})")
    if failed:
        raise BookshelfError(f"after the publication these jobs failed: {', '.join(failed)}")
