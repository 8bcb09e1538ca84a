"""Genre and mood classifiers from 30-second previews, with honest scores.

Three names are promised to outsiders: `AudioFeatures`, `load_bundle` and `decode`. They are
imported on first use, so that ``import audiogenre`` and every ``--help`` stay quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["AudioFeatures", "__version__", "decode", "load_bundle"]

_HOME = {"AudioFeatures": "transformer", "load_bundle": "bundles", "decode": "audio"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
