"""Imports that would bring what is not served, and how they come without it."""

from __future__ import annotations

import sys

# scikit-learn's wrapper of torch's arrays, a package that imports torch.
_TORCH_ARRAYS = "sklearn.externals.array_api_compat.torch"


def import_skops() -> None:
    """Import skops, which models are read with, and no torch.

    To name the types that it trusts, skops imports every package of scikit-learn, and with one of them
    torch: a second of work and 180 MB. None of those types is there.
    """
    if _TORCH_ARRAYS in sys.modules:
        return
    sys.modules[_TORCH_ARRAYS] = None  # type: ignore[assignment]  # an import of it fails, and skops goes on
    try:
        import skops.io  # noqa: F401
    finally:
        sys.modules.pop(_TORCH_ARRAYS, None)  # another thread may have come with the same
