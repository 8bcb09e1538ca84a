"""The network's own answers, the names and ranges of estimates, and life without the extra."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pytest
from conftest import environment

from attributes.sounds import SR, needs_extra, sine
from audiogenre import attributes
from audiogenre.attributes import ATTRIBUTE_COLUMNS, estimate
from audiogenre.features.spectrum import Array
from audiogenre.sources.table import ATTRIBUTES


def test_log_mel_is_librosas() -> None:
    y = np.random.default_rng(0).normal(scale=0.1, size=3 * 16_000).astype(np.float32)
    mel = librosa.feature.melspectrogram(
        y=y, sr=16_000, n_fft=1024, win_length=640, hop_length=320, center=False
    )
    expected = librosa.power_to_db(mel, top_db=80).T
    # librosa centres a short window in its frame: 192 samples later than ours.
    ours = attributes.log_mel(y[192:])[: len(expected)]
    np.testing.assert_allclose(ours, expected, atol=2e-3)


@pytest.fixture(scope="module")
def clip(mp3_bytes: bytes) -> Array:
    from audiogenre.audio import decode

    return decode(mp3_bytes)[0]


@needs_extra
def test_the_networks_answers_are_those_of_the_package_itself(clip: Array) -> None:
    import soxr

    y = soxr.resample(clip, SR, 16_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the package loads, and how
        reason = "vibenet was installed without what its own way to the network needs"
        backends = pytest.importorskip("vibenet.backends", reason=reason)
        (expected,) = backends.EfficientNetModel().predict(y, sr=16_000)
    found = attributes.network_attributes(attributes.log_mel(y))
    assert set(found) == set(expected.to_dict())
    assert found == pytest.approx(expected.to_dict(), abs=1e-3)


@needs_extra
def test_estimates_have_spotifys_names_and_ranges(clip: Array) -> None:
    rng = np.random.default_rng(0)
    silence = np.zeros(6 * SR, dtype=np.float32)
    noise = rng.normal(scale=0.3, size=6 * SR).astype(np.float32)
    square = np.sign(sine(1000, 6))
    rows = np.stack([estimate(y, SR) for y in (clip, silence, noise, square, noise[:500])])
    assert rows.dtype == np.float32
    assert set(ATTRIBUTE_COLUMNS) == set(ATTRIBUTES) - {"duration_ms", "time_signature"}
    table = pd.DataFrame(rows, columns=ATTRIBUTE_COLUMNS)
    for name in table:
        low, high = ATTRIBUTES[str(name)]
        assert table[name].between(low, high).all(), name
    assert table["loudness"].between(-60, 0).all()
    assert table["tempo"].between(40, 240).all()
    assert table["key"].isin(range(12)).all()
    assert table["mode"].isin([0, 1]).all()
    assert table["loudness"].tolist()[1:4] == sorted(table["loudness"].tolist()[1:4])


@needs_extra
def test_a_mono_clip_is_as_loud_as_both_speakers() -> None:
    found = dict(zip(ATTRIBUTE_COLUMNS, estimate(sine(997, 6, peak=0.1), SR), strict=True))
    assert found["loudness"] == pytest.approx(-20, abs=0.05)


@needs_extra
def test_the_fingerprint_follows_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = attributes.attribute_set()
    monkeypatch.setattr(attributes, "VERSION", attributes.VERSION + 1)
    assert attributes.attribute_set().fingerprint != before.fingerprint
    assert str(before.parameters["model"]).startswith("vibenet 0.1")
    assert before.names == ATTRIBUTE_COLUMNS


@pytest.mark.parametrize("missing", ["vibenet", "onnxruntime"])
def test_without_the_extra_there_is_one_sentence_and_nothing_is_done(
    missing: str, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        f"sys.modules[{missing!r}] = None\n"  # importing it fails, as if it were not there
        "from audiogenre.extract import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--attributes", "--data", str(tmp_path / "data")],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "audiogenre extract: Estimating attributes needs an optional package: "
        "pip install 'audiogenre[attributes]'\n"
    )
    assert not (tmp_path / "data").exists()
