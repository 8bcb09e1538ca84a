"""A folder of music: what ``download`` registers, and what a second run does."""

from __future__ import annotations

import hashlib
import os

import mutagen
import mutagen.id3
import pytest

from acquisition.conftest import Folder, Main, contents, write_clip
from audiogenre.sources.folder import FolderSource


def test_audio_is_registered_in_place_with_labels_and_hash(folder: Folder) -> None:
    paths = [write_clip(folder.music / name, i) for i, name in enumerate(["Rock/a.wav", "b/c.ogg"])]
    code, result = folder.download()
    assert (code, result) == (
        0,
        {"source": "folder", "seen": 2, "new": 2, "fetched": 2, "failed": 0},
    )
    assert folder.labels() == {"a.wav": "rock", "c.ogg": "b"}
    by_path = {each.path: each for each in folder.previews().values()}
    assert by_path.keys() == {str(path) for path in paths}
    for path in paths:
        preview = by_path[str(path)]
        assert preview.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert preview.bytes == path.stat().st_size
        assert preview.seconds == pytest.approx(6, abs=0.01)
    assert not (folder.data / "raw").exists(), "nothing is copied"


def test_a_second_run_does_nothing(folder: Folder) -> None:
    write_clip(folder.music / "rock/a.wav")
    folder.download()
    with folder.catalog() as catalog:
        before = catalog.previews(), catalog.known(), catalog.failures()
    code, result = folder.download()
    assert code == 0
    assert (result["seen"], result["new"], result["fetched"], result["failed"]) == (1, 0, 0, 0)
    with folder.catalog() as catalog:
        assert (catalog.previews(), catalog.known(), catalog.failures()) == before


def test_a_changed_file_is_registered_again_and_extracted_again(folder: Folder) -> None:
    path = write_clip(folder.music / "rock/a.wav")
    folder.download()
    assert folder.run("extract", "--set", "baseline")[1]["extracted"] == 1
    (before,) = folder.previews().values()
    write_clip(path, number=1, seconds=7)
    code, result = folder.download()
    assert (code, result["new"], result["fetched"]) == (0, 0, 1)
    (after,) = folder.previews().values()
    assert after.sha256 != before.sha256
    assert after.seconds == pytest.approx(7, abs=0.01)
    assert folder.run("extract", "--set", "baseline")[1]["extracted"] == 1


def test_a_file_that_changes_after_download_is_not_extracted_as_the_old_one(
    folder: Folder,
) -> None:
    path = write_clip(folder.music / "rock/a.wav")
    write_clip(folder.music / "rock/b.wav", number=2)
    folder.download()
    write_clip(path, number=1, seconds=7)
    code, result = folder.run("extract", "--set", "baseline")
    assert (code, result["extracted"], result["failed"]) == (1, 1, 1)
    assert [each.reason for each in folder.ledger().values()] == ["changed"]
    folder.download()
    assert folder.run("extract", "--set", "baseline")[0] == 0
    assert folder.ledger() == {}


def test_a_file_that_the_system_does_not_give_keeps_its_labels_and_is_tried_again(
    folder: Folder,
) -> None:
    path = write_clip(folder.music / "rock/a.wav")
    named = ("--labels", "tags")
    tags = mutagen.File(path)
    tags.add_tags()
    tags.tags.add(mutagen.id3.TCON(encoding=3, text="folk"))
    tags.save()
    folder.download(*named)
    labels = folder.labels()
    assert labels
    content = path.read_bytes()
    path.unlink()
    path.symlink_to(path)  # opening it fails, as on a disk that does
    code, result = folder.download(*named)
    assert (code, result["failed"]) == (1, 1)
    assert {each.reason for each in folder.ledger().values()} == {"unreachable"}
    path.unlink()
    path.write_bytes(content)
    assert folder.download(*named)[0] == 0
    assert (folder.ledger(), folder.labels()) == ({}, labels)


def test_a_manifest_written_later_corrects_label_and_artist(folder: Folder) -> None:
    write_clip(folder.music / "rock/a.wav")
    folder.download()
    (folder.music / "manifest.csv").write_text("file,genre,artist\nrock/a.wav,surf,Foxes\n")
    assert folder.download()[0] == 0
    with folder.catalog() as catalog:
        assert [row[1:3] for row in catalog.labelled("genre")] == [("surf", "Foxes")]


def test_a_file_that_moves_takes_the_label_of_its_new_folder(folder: Folder) -> None:
    old = write_clip(folder.music / "rock/a.wav")
    folder.download()
    (folder.music / "pop").mkdir()
    old.rename(folder.music / "pop/a.wav")
    folder.download()
    with folder.catalog() as catalog:
        assert [row[1] for row in catalog.labelled("genre")] == ["pop"]


def test_manifest_missing_unlisted_and_other_files(folder: Folder) -> None:
    write_clip(folder.music / "a.wav")
    write_clip(folder.music / "unlisted.wav", 1)
    (folder.music / "cover.jpg").write_bytes(b"-")
    (folder.music / "manifest.csv").write_text("file,genre\na.wav,rock\ngone.wav,pop\n")
    code, result = folder.download()
    assert (code, result["seen"], result["fetched"], result["failed"]) == (1, 2, 1, 1)
    assert [each.reason for each in folder.ledger().values()] == ["missing"]
    assert folder.labels() == {"a.wav": "rock"}
    assert folder.download()[0] == 0, "what failed before is left alone"
    assert folder.download("--retry-failed")[0] == 1
    (failure,) = folder.ledger().values()
    assert (failure.stage, failure.attempts) == ("download", 2)
    write_clip(folder.music / "gone.wav", 2)
    assert folder.download()[0] == 0
    assert folder.ledger() == {}, "the item has succeeded since"


def test_the_report_for_a_person_names_what_was_left_out(
    folder: Folder, run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(folder.music / "a.wav")
    write_clip(folder.music / "unlisted.wav", 1)
    (folder.music / "cover.jpg").write_bytes(b"-")
    (folder.music / "manifest.csv").write_text("file,genre\na.wav,rock\ngone.wav,pop\n")
    command = ("download", "--source", "folder", "--path", folder.music, "--data", folder.data)
    assert run_main(*command) == 1
    out, err = capsys.readouterr()
    for sentence in (
        "1 file not audio, left alone",
        "1 audio file not in manifest.csv, left out",
        "1 failed: missing",
        f"next: audiogenre extract --data {folder.data}\n",
    ):
        assert sentence in out
    assert f"folder: {FolderSource.terms}" in out
    assert err == ""


def test_labels_from_tags(folder: Folder) -> None:
    for name, genre in (("a.mp3", "Rock"), ("b.flac", "Folk")):
        tags = mutagen.File(write_clip(folder.music / "x" / name), easy=True)
        tags["genre"], tags["artist"] = [genre], ["Someone"]
        tags.save()
    assert folder.download("--labels", "tags")[0] == 0
    assert folder.labels() == {"a.mp3": "rock", "b.flac": "folk"}
    with folder.catalog() as catalog:
        assert {row[2] for row in catalog.labelled("genre")} == {"Someone"}


def test_moods_are_labels_of_another_kind(folder: Folder) -> None:
    write_clip(folder.music / "calm/a.wav")
    folder.download("--label", "mood")
    with folder.catalog() as catalog:
        assert catalog.labelled("genre") == []
        assert [row[1] for row in catalog.labelled("mood")] == ["calm"]


def test_a_dry_run_writes_nothing(folder: Folder) -> None:
    write_clip(folder.music / "rock/a.wav")
    code, result = folder.download("--dry-run")
    assert (code, result["new"], result["fetched"]) == (0, 1, 1)
    assert contents(folder.data) == {}, "a first run left files"
    folder.download()
    write_clip(folder.music / "rock/b.wav", 1)
    (folder.music / "rock/c.wav").write_bytes(b"no audio")
    before = contents(folder.data)
    assert folder.download("--dry-run")[1]["new"] == 2
    assert contents(folder.data) == before


def test_a_limit_looks_at_so_many_tracks(folder: Folder) -> None:
    for number in range(4):
        write_clip(folder.music / f"rock/{number}.wav", number)
    assert folder.download("--limit", 3)[1]["fetched"] == 3
    assert folder.download()[1]["fetched"] == 1


def test_retry_failed_tries_again_and_counts(folder: Folder) -> None:
    bad = folder.music / "rock/bad.wav"
    write_clip(folder.music / "rock/a.wav")
    bad.write_bytes(b"<html>not found</html>")
    assert folder.download()[0] == 1
    assert folder.download()[0] == 0
    assert folder.download("--retry-failed")[0] == 1
    assert [each.attempts for each in folder.ledger().values()] == [2]
    # A file that was replaced is tried without being asked to.
    write_clip(bad, 1)
    code, result = folder.download()
    assert (code, result["fetched"]) == (0, 1)
    assert folder.ledger() == {}


def test_a_name_that_is_no_text_does_not_stop_the_others(folder: Folder) -> None:
    good = write_clip(folder.music / "rock/a.wav")
    os.link(os.fsencode(good), os.fsencode(good.parent) + b"/caf\xe9.wav")
    code, result = folder.download()
    assert result["seen"] == 2
    assert list(folder.labels()) == ["a.wav"]
    assert (code, result["fetched"]) == (1, 1)
    (failure,) = folder.ledger().values()
    assert (failure.reason, "not UTF-8: rename it" in failure.detail) == ("name", True)
