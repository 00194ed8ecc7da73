"""The names that a version can have in the registry beside its number, and the tag with its last decision."""

from __future__ import annotations

#: The version that serves.
CHAMPION = "champion"
#: The version that was trained or judged last.
CHALLENGER = "challenger"
#: The version that was champion before the champion.
PREVIOUS = "previous"
#: Tag of a version with what was decided of it last.
PROMOTION_TAG = "promotion"
