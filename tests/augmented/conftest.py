"""Whether what some tests need is installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

needs_torch = pytest.mark.skipif(
    find_spec("torch") is None or find_spec("skorch") is None,
    reason="the extra 'neural' (torch, skorch) is not installed",
)
