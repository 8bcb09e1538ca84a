"""The measures of the benchmark: that they measure the real code, and leave it as it was."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from audiogenre.audio import decode
from audiogenre.features import FULL
from pipelines.benchmark import peers, scale, stages
from pipelines.benchmark.__main__ import main

PEERS = ("essentia", "python_speech_features", "audioflux", "opensmile", "pyAudioAnalysis")


@pytest.fixture
def clips(tmp_path: Path, mp3_bytes: bytes) -> list[Path]:
    paths = [tmp_path / f"{number}.mp3" for number in range(3)]
    for path in paths:
        path.write_bytes(mp3_bytes)
    return paths


def test_profile_names_every_stage_of_both_sets_and_draws_them(
    clips: list[Path], tmp_path: Path
) -> None:
    rows = stages.profile(clips, tmp_path / "benchmark")
    found = {row["what"]: row for row in rows}
    for name in ("baseline", "full"):
        of_set = [row for what, row in found.items() if what.startswith(f"{name}: ")]
        *each, whole = of_set
        assert all(row["value"] >= 0 for row in each)
        assert whole["value"] == pytest.approx(sum(row["value"] for row in each))
        assert sum(row["share"] for row in each) == pytest.approx(100)
    # The clip has the rate that is wanted: it is not resampled.
    everything = {f"full: {stage}" for stage in (*stages.STAGES, "rest", "write Parquet")}
    assert everything - {"full: resample"} <= set(found)
    assert "baseline: spectral shape" not in found
    assert (tmp_path / "benchmark" / "profile.png").stat().st_size > 1000


def test_profile_changes_no_number_and_puts_everything_back(
    clips: list[Path], tmp_path: Path
) -> None:
    places = [place for stage in stages.STAGES.values() for place in stage]
    before = [getattr(module, name) for module, name in places]
    expected = FULL.compute(*decode(clips[0]))
    stages.profile(clips[:1], tmp_path)
    assert [getattr(module, name) for module, name in places] == before
    np.testing.assert_array_equal(FULL.compute(*decode(clips[0])), expected)


@pytest.mark.parametrize("power", [0.5, 1.0, 1.5])
def test_the_exponent_of_a_power_law_is_its_power(power: float) -> None:
    sizes = [500.0, 1000.0, 2000.0, 10_000.0]
    assert scale.exponent(sizes, [0.02 * size**power for size in sizes]) == pytest.approx(power)


def test_linear_extracts_every_link_through_the_pool(clips: list[Path]) -> None:
    found = {row["what"]: row["value"] for row in scale.linear(clips, sizes=(4, 8))}
    for size in (4, 8):
        assert found[f"{size} clips"] > 0
        assert found[f"{size} clips: peak of this process"] > 0
        assert found[f"{size} clips: peak of a worker"] > 0
        assert found[f"{size} clips: CPU time"] > 0
    assert np.isfinite(found["exponent of time in clips"])


def test_linear_says_so_if_a_clip_fails(clips: list[Path]) -> None:
    clips[1].write_bytes(b"<html></html>")
    with pytest.raises(SystemExit, match="1 of 2 clips failed"):
        scale.linear(clips[:2], sizes=(4,))


def test_a_peer_that_is_missing_is_told_and_left_out(
    clips: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in PEERS:
        monkeypatch.setitem(sys.modules, name, None)
    rows = peers.peers(clips[:1])
    assert [row["what"] for row in rows] == ["decode only (soundfile.read)", "baseline", "full"]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 7
    for name in PEERS:
        assert any("is left out" in line and name in line for line in said)


def test_the_benchmark_keeps_what_it_measured_with_its_figure(
    clips: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    music = tmp_path / "music" / "rock"
    music.mkdir(parents=True)
    clips[0].rename(music / "a.mp3")
    models = tmp_path / "models"
    arguments = ["profile", "--quick", "--music", str(music.parent), "--models", str(models)]
    assert main(arguments) == 0
    assert "ms a clip" in capsys.readouterr().out
    kept = (models / "benchmark" / "README.md").read_text()
    assert "full: spectral shape" in kept
    assert "![profile](profile.png)" in kept
