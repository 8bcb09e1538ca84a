"""The folder source: what is listed, under which labels, and what is said of the rest."""

from __future__ import annotations

import os
from pathlib import Path

import mutagen
import mutagen.id3
import numpy as np
import pytest
import soundfile as sf

from audiogenre.errors import UsageError
from audiogenre.sources.folder import FolderSource, read_tags
from audiogenre.typing import Problem, Track

SR = 8_000
TAGGED = ("wav", "flac", "ogg", "mp3", "aiff")


def write_clip(path: Path, seconds: float = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, 0.3 * np.sin(np.arange(round(seconds * SR)) / 20), SR)
    return path


def tag(path: Path, **tags: list[str]) -> None:
    """Write tags as a tagger does: ID3 into MP3, WAV and AIFF, Vorbis comments into the rest."""
    file = mutagen.File(path)
    if path.suffix in (".mp3", ".wav", ".aiff"):
        frames = {"title": "TIT2", "artist": "TPE1", "album": "TALB", "genre": "TCON"}
        if file.tags is None:
            file.add_tags()
        for key, values in tags.items():
            frame = getattr(mutagen.id3, frames[key])
            file.tags.add(frame(encoding=3, text=values))
    else:
        for key, values in tags.items():
            file[key] = values
    file.save()


def listed(source: FolderSource) -> list[Track]:
    tracks = list(source.tracks())
    assert all(isinstance(each, Track) for each in tracks)
    return [each for each in tracks if isinstance(each, Track)]


def labels_of(source: FolderSource) -> dict[str, list[tuple[str, str, str]]]:
    """Return (kind, name, provenance) of every label by file name."""
    return {
        each.path.name: [(label.kind, label.name, label.provenance) for label in each.labels]
        for each in listed(source)
        if each.path
    }


def test_the_folder_a_file_lies_in_is_its_label(tmp_path: Path) -> None:
    for name in ("Rock/a.wav", "folk/deep/Sea Shanty/b.flac", "c.ogg", "x;y/d.wav"):
        write_clip(tmp_path / name)
    assert labels_of(FolderSource(tmp_path)) == {
        "a.wav": [("genre", "rock", "folder")],
        "b.flac": [("genre", "sea shanty", "folder")],
        "c.ogg": [],  # at the top there is no folder to be named after
        "d.wav": [("genre", "x,y", "folder")],
    }
    moods = labels_of(FolderSource(tmp_path, label="mood"))
    assert moods["a.wav"] == [("mood", "rock", "folder")]


def test_the_listing_is_sorted_stable_and_keeps_ids(tmp_path: Path) -> None:
    for name in ("b/2.wav", "b/1.wav", "a/3.wav"):
        write_clip(tmp_path / name)
    first, second = listed(FolderSource(tmp_path)), listed(FolderSource(str(tmp_path)))
    assert first == second
    assert [each.path.name for each in first if each.path] == ["3.wav", "1.wav", "2.wav"]
    assert len({each.id for each in first}) == 3
    assert all(each.id.startswith("folder:") and each.source == "folder" for each in first)
    write_clip(tmp_path / "b/1.wav", seconds=7)
    assert [each.id for each in listed(FolderSource(tmp_path))] == [each.id for each in first]


def test_what_is_not_audio_is_counted_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    write_clip(tmp_path / "rock/a.wav")
    write_clip(tmp_path / ".trash/b.wav")
    for name in ("rock/cover.jpg", "rock/list.m3u", "notes.txt"):
        (tmp_path / name).write_text("-")
    source = FolderSource(tmp_path)
    assert list(labels_of(source)) == ["a.wav"]
    assert source.notes == ["3 files not audio, left alone"]


def manifest(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "manifest.csv").write_bytes(text.encode(encoding))
    return folder


def test_a_manifest_names_labels_and_the_rest(tmp_path: Path) -> None:
    write_clip(tmp_path / "one/a.wav")
    write_clip(tmp_path / "one/b.wav")
    source = FolderSource(
        manifest(
            tmp_path,
            "File, Genre ,mood,artist,album,title,isrc,licence\n"
            'one/a.wav,Rock; Surf ;rock,calm,"Who, The",LP,Song,XX1,CC0\n'
            "./one/b.wav,,,,,,,\n",
            encoding="utf-8-sig",  # as spreadsheets save it
        )
    )
    a, b = listed(source)
    assert labels_of(source)["a.wav"] == [
        ("genre", "rock", "manifest"),
        ("genre", "surf", "manifest"),
        ("mood", "calm", "manifest"),
    ]
    assert (a.artist, a.album, a.title, a.isrc, a.licence) == (
        "Who, The",
        "LP",
        "Song",
        "XX1",
        "CC0",
    )
    assert (b.labels, b.artist, b.title) == ((), None, None)
    assert {note.partition(",")[0] for note in source.notes} == {"1 track without a label"}


def test_a_folder_without_audio_or_labels_says_so(tmp_path: Path) -> None:
    empty = FolderSource(tmp_path)
    assert list(empty.tracks()) == []
    assert empty.notes == [f"there is no audio in {tmp_path} that could be taken"]
    write_clip(tmp_path / "a.wav")
    flat = FolderSource(tmp_path)
    assert len(list(flat.tracks())) == 1
    (note,) = flat.notes
    assert note.startswith("1 track without a label, so nothing can be learned from them: ")


def test_files_missing_from_disk_or_manifest_are_told_apart(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.wav")
    write_clip(tmp_path / "extra.wav")
    manifest(tmp_path, "file,genre\na.wav,rock\ngone.wav,pop\n")
    source = FolderSource(tmp_path)
    track, problem = source.tracks()
    assert isinstance(track, Track)
    assert isinstance(problem, Problem)
    assert problem.reason.startswith("missing: ")
    assert source.notes == ["1 audio file not in manifest.csv, left out"]
    write_clip(tmp_path / "gone.wav")
    found = listed(FolderSource(tmp_path))
    assert problem.item in [each.id for each in found], "the ledger's item is not the track's id"


def test_the_folder_names_win_over_a_manifest_when_asked_for(tmp_path: Path) -> None:
    write_clip(tmp_path / "rock/a.wav")
    manifest(tmp_path, "file,genre\nrock/a.wav,pop\n")
    assert labels_of(FolderSource(tmp_path))["a.wav"] == [("genre", "pop", "manifest")]
    source = FolderSource(tmp_path, labels="folder")
    assert labels_of(source)["a.wav"] == [("genre", "rock", "folder")]
    assert source.notes == []  # the manifest is no stray file


@pytest.mark.parametrize("suffix", TAGGED)
def test_tags_give_labels_and_names(suffix: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / f"somewhere/a.{suffix}")
    tag(clip, genre=["Rock", "Surf Music"], artist=["The Reverbs"], title=["Wave"], album=["Sea"])
    source = FolderSource(tmp_path, labels="tags")
    assert labels_of(source)[clip.name] == [
        ("genre", "rock", "tags"),
        ("genre", "surf music", "tags"),
    ]
    (track,) = listed(source)
    assert (track.artist, track.title, track.album) == ("The Reverbs", "Wave", "Sea")
    # With labels from folders, the tags still tell the artist: a split needs it.
    (track,) = listed(FolderSource(tmp_path, labels="folder"))
    assert ([each.name for each in track.labels], track.artist) == (["somewhere"], "The Reverbs")


def test_a_file_without_tags_has_no_label(tmp_path: Path) -> None:
    write_clip(tmp_path / "rock/a.mp3")
    assert labels_of(FolderSource(tmp_path, labels="tags")) == {"a.mp3": []}


@pytest.mark.parametrize("suffix", TAGGED)
def test_damaged_tags_never_stop_the_listing(suffix: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / f"a.{suffix}")
    tag(clip, genre=["Rock", "Pop"], artist=["X" * 300])
    whole = clip.read_bytes()
    ends = np.r_[:1_500, len(whole) - 1_500 : len(whole)]  # where the formats keep tags
    for seed in range(400):
        rng = np.random.default_rng(seed)
        damaged = bytearray(whole)
        for position in rng.choice(ends, rng.integers(1, 12)):
            damaged[position] = int(rng.integers(256))
        clip.write_bytes(damaged[: int(rng.integers(1, len(whole)))] if seed % 5 == 0 else damaged)
        tags = read_tags(clip)
        assert all(isinstance(each, str) for each in tags.values()), f"seed {seed}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "file,genre\n",
        "name,genre\na.wav,rock\n",
        "file,artist\na.wav,me\n",
    ],
)
def test_a_manifest_without_its_columns_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a column 'file'"):
        list(FolderSource(manifest(tmp_path, text)).tracks())


def test_a_manifest_that_is_no_csv_in_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_bytes(b"file,genre\ncaf\xe9.wav,rock\n")
    with pytest.raises(UsageError, match="cannot be read as CSV in UTF-8"):
        list(FolderSource(tmp_path).tracks())


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.wav")
    with pytest.raises(UsageError, match="needs --path"):
        FolderSource()
    with pytest.raises(UsageError, match="is not a folder"):
        FolderSource(tmp_path / "a.wav")
    with pytest.raises(UsageError, match="--labels is one of folder, manifest, tags"):
        FolderSource(tmp_path, labels="hearsay")
    with pytest.raises(UsageError, match=r"manifest\.csv does not exist"):
        FolderSource(tmp_path, labels="manifest")
    with pytest.raises(UsageError, match="--label is one of genre, mood"):
        FolderSource(tmp_path, label="colour")  # type: ignore[arg-type]


def test_names_in_any_script_are_listed_and_those_in_none_told(tmp_path: Path) -> None:
    names = ["Größe 大.wav", "line\nbreak.wav", "-q.wav", "semi;colon,'\".wav"]
    for name in names:
        write_clip(tmp_path / "rock" / name)
    undecodable = os.path.join(os.fsencode(tmp_path), b"rock", b"caf\xe9.wav")  # noqa: PTH118
    os.link(os.fsencode(tmp_path / "rock" / names[0]), undecodable)
    found = list(FolderSource(tmp_path).tracks())
    assert {each.path for each in found if isinstance(each, Track)} == {
        tmp_path / "rock" / name for name in names
    }
    (problem,) = (each for each in found if isinstance(each, Problem))
    assert problem.reason.endswith("is not UTF-8: rename it")


def test_a_pipe_that_is_named_like_audio_is_told_and_not_waited_for(tmp_path: Path) -> None:
    write_clip(tmp_path / "rock" / "a.wav")
    os.mkfifo(tmp_path / "rock" / "b.mp3")
    found = list(FolderSource(tmp_path).tracks())
    assert [each.path.name for each in found if isinstance(each, Track) and each.path] == ["a.wav"]
    (problem,) = (each for each in found if isinstance(each, Problem))
    assert problem.reason.endswith("b.mp3 is no regular file")
