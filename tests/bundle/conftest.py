"""The sample's model, and a copy of it to be damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from audiogenre.bundle import Bundle
from audiogenre.bundles import load_bundle
from audiogenre.store import FeatureStore


@pytest.fixture(scope="module")
def full(sample_models: Path) -> Bundle:
    return load_bundle(sample_models / "extracted-full")


@pytest.fixture(scope="module")
def features(sample_data: Path) -> pd.DataFrame:
    """The sample's features by track id, as they were stored."""
    store = FeatureStore(sample_data / "features")
    return store.read(store.find("full")).droplevel(1)


@pytest.fixture
def copied(sample_models: Path, tmp_path: Path) -> Path:
    """A copy of a model, to be damaged."""
    folder = tmp_path / "models" / "extracted-full"
    shutil.copytree(sample_models / "extracted-full", folder)
    return folder
