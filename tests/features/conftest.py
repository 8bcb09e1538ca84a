"""What tests of the set musicnn share: whether its weights are there, and what if not."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

INSTALL = "pip install --no-deps musicnn==0.1.0"

needs_weights = pytest.mark.skipif(
    find_spec("musicnn") is None, reason=f"musicnn's weights are not installed ({INSTALL})"
)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute on one thread, as workers do."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def empty_package(tmp_path: Path) -> Path:
    """A package of that name, found before the real one, without its weights."""
    (tmp_path / "first" / "musicnn").mkdir(parents=True)
    (tmp_path / "first" / "musicnn" / "__init__.py").touch()
    return tmp_path / "first"
