"""Which version of a model the registry names `champion`, and what its local copies are called."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from bookshelf.contracts import ENCODER_NAME, PRECISION_TAG, ModelName
from features.onnx_network import Precision

_ENCODER_TAG = "encoder_version"
FINGERPRINT_TAG = "encoder_fingerprint"


@dataclass(frozen=True)
class Appointment:
    """One version, by its number, with the tags that it had when it was named."""

    name: ModelName
    version: str
    run_id: str
    tags: Mapping[str, str]

    @property
    def key(self) -> str:
        """What no other version has, in this registry or one that was made in its place."""
        return _key(self.name, self.version, self.run_id)

    @property
    def encoder_version(self) -> str | None:
        """Number of the encoder that the version was trained with; None if its tags name none."""
        number = self.tags.get(_ENCODER_TAG, "")
        return number if number.isdecimal() else None

    @property
    def precision(self) -> Precision:
        """Of the vectors that the version may be given of what is asked; full where its tags name none."""
        return "int8" if self.tags.get(PRECISION_TAG) == "int8" else "fp32"

    @property
    def encoder_key(self) -> str | None:
        """As `key`, of that encoder."""
        if self.encoder_version is None:
            return None
        return _key(ENCODER_NAME, self.encoder_version, self.tags.get(FINGERPRINT_TAG, ""))


def _key(name: str, version: str, told: str) -> str:
    return f"{name}-{version}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
