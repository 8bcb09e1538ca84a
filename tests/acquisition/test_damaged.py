"""Damaged files through both commands: the ledger has them, the store has the good ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from acquisition.conftest import Folder, clip, contents, encoded, write_clip
from audiogenre.audio import SAMPLE_RATE
from audiogenre.store import FeatureStore

BAD: dict[str, Callable[[bytes, int], bytes]] = {
    "cut.mp3": lambda mp3, i: mp3[: len(mp3) * (i + 1) // 6],
    "zeros.mp3": lambda mp3, i: mp3[: len(mp3) * (i + 1) // 6].ljust(len(mp3), b"\0"),
    "page.mp3": lambda mp3, i: b"<!DOCTYPE html>" + bytes(i * 100),
    "json.wav": lambda mp3, i: b'{"error": %d}' % i,
    "picture.ogg": lambda mp3, i: b"\x89PNG\r\n\x1a\n" + bytes(1_000 + i),
    "empty.flac": lambda mp3, i: b"",
    "silence.wav": lambda mp3, i: encoded(np.zeros((6 + i) * SAMPLE_RATE), format="WAV"),
    "nan.wav": lambda mp3, i: encoded(np.insert(clip(i), i, np.nan), format="WAV", subtype="FLOAT"),
    "short.wav": lambda mp3, i: encoded(clip(i, 3), format="WAV"),
}


def test_damaged_files_end_in_the_ledger_and_the_good_ones_in_the_store(
    folder: Folder, mp3_bytes: bytes
) -> None:
    music = folder.music / "rock"
    good = {write_clip(music / f"good{i}.{s}", i) for i, s in enumerate(("wav", "mp3", "ogg"))}
    (music / "wrong.wav").write_bytes(encoded(clip(3)))  # only its name is wrong
    for name, damage in BAD.items():
        for i in range(4):
            (music / f"{i}{name}").write_bytes(damage(mp3_bytes, i))
    count = 4 * len(BAD)

    code, result = folder.download()
    at_download = folder.ledger()
    assert (code, result["seen"], result["failed"]) == (1, count + 4, len(at_download))
    code, result = folder.run("extract")
    assert (code, result["extracted"]) == (1, 4)
    ledger = folder.ledger()
    assert len(ledger) == count
    assert all(each.reason and each.detail for each in ledger.values())
    assert {each.reason for each in ledger.values()} == {
        "truncated",
        "not audio",
        "empty",
        "silent",
        "not finite",
        "too short",
    } | ({"unreadable"} & {each.reason for each in ledger.values()})
    store = FeatureStore(folder.data / "features")
    known = {path.name for path in good} | {"wrong.wav"}
    names = {item: Path(each.path).name for item, each in folder.previews().items()}
    for name in store.sets():
        assert {names[track_id] for track_id, _ in store.read(name).index} == known

    before = contents(folder.data / "features")
    code, result = folder.download()
    assert (code, result["new"], result["fetched"], result["failed"]) == (0, 0, 0, 0)
    code, result = folder.run("extract")
    assert (code, result["extracted"], result["failed"]) == (0, 0, 0)
    assert contents(folder.data / "features") == before
    assert folder.ledger() == ledger
    assert folder.run("extract", "--retry-failed")[0] == 1
