"""Tags written and given back on real files of each format, and what becomes of a killed writer."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import mutagen
import numpy as np
import pytest
import soundfile as sf
from conftest import environment
from mutagen.flac import FLAC
from mutagen.id3 import APIC, ID3, TCON, TIT2, TMOO, TXXX, TYER
from mutagen.mp4 import MP4, MP4FreeForm

from audiogenre import tagging
from audiogenre.audio import decode
from audiogenre.errors import TagError
from audiogenre.sources.folder import FolderSource, read_tags
from audiogenre.typing import Track

SR = 48_000
FORMATS = ("mp3", "flac", "ogg", "opus", "m4a")
OLD = 1_000_000_000  # a time of change, in seconds, that no file written now has
GENRES = ["Rock", "Sürf; Twang/日本"]
FREE = "----:com.apple.iTunes:"
Main = Callable[..., int]


def write_clip(path: Path, seconds: float = 6) -> Path:
    """Write a clip in the format of its suffix."""
    rng = np.random.default_rng(len(path.name))
    y = (0.1 * rng.standard_normal(round(seconds * SR))).astype(np.float32)
    if path.suffix == ".m4a":
        with av.open(str(path), "w", format="ipod") as container:
            stream = container.add_stream("aac", rate=SR, layout="mono")
            frame = av.AudioFrame.from_ndarray(y[np.newaxis], format="fltp", layout="mono")
            frame.rate = SR
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    else:
        kind = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
        with sf.SoundFile(path, "w", SR, 1, **kind) as file:
            for start in range(0, len(y), SR):  # libsndfile dies of much Vorbis at once
                file.write(y[start : start + SR])
    return path


def tag(path: Path, genre: list[str], mood: list[str]) -> None:
    """Tag a file as other programs do, and give it a title."""
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    if path.suffix == ".mp3":
        file.tags.add(TIT2(encoding=1, text=["Wave"]))
        for frame, values in ((TCON, genre), (TMOO, mood)):
            if values:
                file.tags.add(frame(encoding=1, text=values))
    elif path.suffix == ".m4a":
        file["\xa9nam"] = ["Wave"]
        if genre:
            file["\xa9gen"] = genre
        if mood:
            file[f"{FREE}MOOD"] = [each.encode() for each in mood]
    else:
        file["TITLE"] = ["Wave"]
        file["GENRE"], file["MOOD"] = genre, mood
    file.save()


def tags_of(path: Path) -> dict[str, Any]:
    """Return all tags of a file as they stand there, with their encodings."""
    if path.suffix == ".mp3":
        frames = ID3(path, translate=False, load_v1=False)
        return {key: (type(each).__name__, vars(each)) for key, each in frames.items()}
    file = mutagen.File(path)
    if path.suffix == ".m4a":
        return {
            key: [(bytes(x), x.dataformat) if isinstance(x, MP4FreeForm) else x for x in values]
            for key, values in file.tags.items()
        }
    return {key: file.tags[key] for key, _ in file.tags}


def values_of(path: Path, field: str) -> list[str]:
    """Return the values of a tag as a player reads them."""
    keys = {"GENRE": ("TCON", "\xa9gen"), "MOOD": ("TMOO", f"{FREE}MOOD")}[field]
    tags = mutagen.File(path).tags
    found = tags.get(
        keys[0] if path.suffix == ".mp3" else keys[1] if path.suffix == ".m4a" else field
    )
    values = found.text if path.suffix == ".mp3" and found else found or []
    return [each.decode() if isinstance(each, bytes) else str(each) for each in values]


@pytest.fixture(scope="module", params=FORMATS)
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip without tags of its own: copy it."""
    return write_clip(tmp_path_factory.mktemp("plain") / f"a.{request.param}")


@pytest.fixture
def clip(plain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(plain, tmp_path / plain.name))


@pytest.fixture
def mp3(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "a.mp3")


# ---------------------------------------------------------------- round trips


@pytest.mark.parametrize(
    ("genre", "mood"), [([], []), (GENRES, []), (["Rock"], ["calm", "Größe"])], ids=str
)
def test_tags_are_written_and_given_back(clip: Path, genre: list[str], mood: list[str]) -> None:
    tag(clip, genre, mood)
    before, (y, _) = tags_of(clip), decode(clip)
    change = tagging.write(clip, "genre", ["drum & bass", "ジャズ"])
    assert (change.before, change.after) == (tuple(genre), ("drum & bass", "ジャズ"))
    assert values_of(clip, "GENRE") == ["drum & bass", "ジャズ"]
    tagging.write(clip, "mood", ["sad"])
    assert values_of(clip, "MOOD") == ["sad"]
    assert read_tags(clip)["title"] == "Wave"
    assert np.array_equal(decode(clip)[0], y)
    assert tagging.original(clip, "genre") == genre
    assert tagging.original(clip, "mood") == mood
    given = {each.tag: list(each.after) for each in tagging.undo(clip)}
    assert given == {"genre": genre, "mood": mood}
    assert tags_of(clip) == before
    assert np.array_equal(decode(clip)[0], y)
    assert list(clip.parent.iterdir()) == [clip]


def test_a_file_without_tags_has_none_again(clip: Path) -> None:
    before = tags_of(clip) if clip.suffix != ".mp3" else {}
    tagging.write(clip, "genre", ["jazz"])
    tagging.undo(clip)
    assert clip.suffix == ".mp3" or tags_of(clip) == before
    if clip.suffix == ".mp3":
        with pytest.raises(mutagen.id3.ID3NoHeaderError):
            ID3(clip)


def test_writing_again_keeps_what_was_there_first(clip: Path) -> None:
    tag(clip, GENRES, [])
    before = tags_of(clip)
    for each in ("jazz", "pop", "jazz"):
        tagging.write(clip, "genre", [each])
    assert tagging.original(clip, "genre") == GENRES
    tagging.undo(clip)
    assert tags_of(clip) == before
    assert tagging.undo(clip) == []


def test_what_is_right_already_is_left_as_it_is(clip: Path) -> None:
    tag(clip, ["Hip-Hop"], [])
    whole = clip.read_bytes()
    change = tagging.write(clip, "genre", ["hip-hop"])
    assert not change.changed
    assert str(change) == "genre: Hip-Hop already"
    assert clip.read_bytes() == whole
    assert tagging.original(clip, "genre") is None


def test_a_dry_run_tells_the_same_and_writes_nothing(clip: Path) -> None:
    tag(clip, ["Rock"], [])
    whole = clip.read_bytes()
    planned = tagging.write(clip, "genre", ["jazz"], dry_run=True)
    assert clip.read_bytes() == whole
    assert tagging.write(clip, "genre", ["jazz"]) == planned
    whole = clip.read_bytes()
    planned_back = tagging.undo(clip, dry_run=True)
    assert clip.read_bytes() == whole
    assert tagging.undo(clip) == planned_back


def test_mode_and_owner_stay_and_the_time_of_change_is_new(clip: Path) -> None:
    if os.getuid() == 0:
        os.chown(clip, 1234, 2345)
    clip.chmod(0o640)
    os.utime(clip, (OLD, OLD))
    before = clip.stat()
    tagging.write(clip, "genre", ["jazz"])
    after = clip.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    assert after.st_mtime > OLD  # else a player would not look again


def test_a_link_stays_a_link_and_its_file_is_written(clip: Path) -> None:
    link = clip.parent / "linked" / f"b{clip.suffix}"
    link.parent.mkdir()
    link.symlink_to(Path("..") / clip.name)
    tagging.write(link, "genre", ["jazz"])
    assert link.is_symlink()
    assert values_of(clip, "GENRE") == ["jazz"]
    assert list(link.parent.iterdir()) == [link]


# ---------------------------------------------------------------- ID3


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("encoding", [0, 1, 3])
def test_the_very_bytes_of_a_frame_come_back(mp3: Path, version: int, encoding: int) -> None:
    tags = ID3()
    tags.add(TCON(encoding=encoding, text=["(17)Grüße"]))
    tags.add(TYER(encoding=0, text=["1999"]))
    tags.add(APIC(encoding=0, mime="image/png", type=3, desc="", data=b"picture" * 99))
    tags.add(TXXX(encoding=1, desc="mine", text=["日本"]))
    tags.save(mp3, v2_version=version, v23_sep=None)
    whole = mp3.read_bytes()
    tagging.write(mp3, "genre", ["jazz", "ジャズ"])
    written = ID3(mp3, translate=False)
    assert written.version == (2, version, 0)  # and so the frames of the other version stay
    assert "TYER" in written
    assert mp3.read_bytes() != whole
    tagging.undo(mp3)
    assert mp3.read_bytes() == whole


def test_an_old_tag_at_the_end_of_a_file_is_left_alone(mp3: Path) -> None:
    old = b"TAG" + b"".join(
        each.ljust(size, b"\0")
        for each, size in [(b"Wave", 30), (b"Reverbs", 30), (b"Sea", 30), (b"1999", 4)]
    )
    old += b"a comment that mutagen drops".ljust(30, b"\0") + bytes([17])
    assert len(old) == 128
    mp3.write_bytes(mp3.read_bytes() + old)
    change = tagging.write(mp3, "genre", ["jazz"])
    assert change.before == ("Rock",)
    assert mp3.read_bytes().endswith(old)
    # The new tag would hide the old one's title, had it none.
    assert read_tags(mp3) == {
        "title": "Wave",
        "artist": "Reverbs",
        "album": "Sea",
        "genre": "jazz",
    }
    tagging.undo(mp3)
    assert read_tags(mp3)["genre"] == "Rock"
    assert mp3.read_bytes().endswith(old)


def test_a_tag_of_version_2_2_is_written_as_2_3(mp3: Path) -> None:
    text = b"TT2" + (5).to_bytes(3) + b"\0Wave" + b"TCO" + (5).to_bytes(3) + b"\0Rock"
    mp3.write_bytes(b"ID3\2\0\0" + bytes([0, 0, 0, len(text)]) + text + mp3.read_bytes())
    tagging.write(mp3, "genre", ["jazz"])
    assert read_tags(mp3) == {"title": "Wave", "genre": "jazz"}
    assert ID3(mp3).version == (2, 3, 0)
    tagging.undo(mp3)
    assert read_tags(mp3) == {"title": "Wave", "genre": "Rock"}


# ---------------------------------------------------------------- what cannot be written


def assert_refused(path: Path, why: str) -> None:
    whole = path.read_bytes()
    for dry_run in (True, False):
        with pytest.raises(TagError, match=why):
            tagging.write(path, "genre", ["jazz"], dry_run=dry_run)
    assert path.read_bytes() == whole
    assert not list(path.parent.glob(".*"))


def test_a_read_only_file_stays_as_it_is(clip: Path) -> None:
    tag(clip, ["Rock"], [])
    tagging.write(clip, "genre", ["pop"])
    clip.chmod(0o444)
    assert_refused(clip, "the file is read-only")
    whole = clip.read_bytes()
    with pytest.raises(TagError, match="the file is read-only"):
        tagging.undo(clip)
    assert clip.read_bytes() == whole


def test_a_file_of_another_format_says_what_can_be_written(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.wav")
    assert_refused(clip, "tags go into MP3, FLAC, OGG and M4A, not into .wav")
    assert tagging.undo(clip) == []
    assert tagging.original(clip, "genre") is None


def test_a_wav_that_is_called_mp3_gets_no_tag_before_it(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.wav").rename(tmp_path / "a.mp3")
    assert_refused(tmp_path / "a.mp3", "cannot be read|tags go into")


def test_damaged_files_are_refused_or_written_whole(clip: Path) -> None:
    tag(clip, ["Rock"], ["calm"])
    whole = clip.read_bytes()
    refused = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        damaged = bytearray(whole)
        for position in rng.integers(0, 600, rng.integers(1, 12)):
            damaged[position] = int(rng.integers(256))
        clip.write_bytes(damaged[: int(rng.integers(1, len(whole)))] if seed % 5 == 0 else damaged)
        there = clip.read_bytes()
        try:
            tagging.write(clip, "genre", ["jazz"])
        except TagError:
            refused += 1
            assert clip.read_bytes() == there, f"seed {seed}"
        else:
            assert values_of(clip, "GENRE") == ["jazz"], f"seed {seed}"
        assert list(clip.parent.iterdir()) == [clip], f"seed {seed}"
    assert refused


def test_comments_that_are_not_utf8_are_not_lost(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.flac")
    tags = FLAC(clip)
    tags["ARTIST"] = "Bj?rk"
    tags.save()
    clip.write_bytes(clip.read_bytes().replace(b"Bj?rk", b"Bj\xf6rk"))
    assert_refused(clip, "not UTF-8")


def test_what_was_kept_and_changed_by_somebody_is_told(mp3: Path) -> None:
    tagging.write(mp3, "genre", ["jazz"])
    for text in ("Rock", "{}", "[1]", "[" * 100_000):
        tags = ID3(mp3)
        tags.add(TXXX(encoding=3, desc="AUDIOGENRE_PREVIOUS_GENRE", text=[text]))
        tags.save(mp3)
        with pytest.raises(TagError, match="what was kept of its genre cannot be read"):
            tagging.undo(mp3)
        assert tagging.original(mp3, "genre") is None
        assert values_of(mp3, "GENRE") == ["jazz"]


def test_bytes_that_are_no_text_come_back(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.m4a")
    tags = MP4(clip)
    tags[f"{FREE}MOOD"] = [b"caf\xe9"]
    tags.save()
    before = tags_of(clip)
    tagging.write(clip, "mood", ["sad"])
    tagging.undo(clip)
    assert tags_of(clip) == before


# ---------------------------------------------------------------- killed writers

_WRITER = """
import sys
from pathlib import Path
from audiogenre import tagging
while True:
    for label in ("jazz", "pop"):
        tagging.write(Path(sys.argv[1]), "genre", [label])
"""


def partials_of(folder: Path) -> list[Path]:
    return list(folder.glob(".audiogenre-*.tmp"))


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_writer_killed_at_work_leaves_a_whole_file(suffix: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / f"a.{suffix}", seconds=60)
    tag(clip, ["Rock"], [])
    before, (y, _) = tags_of(clip), decode(clip, max_seconds=None)
    caught = 0
    for _ in range(20):
        with subprocess.Popen([sys.executable, "-c", _WRITER, clip], env=environment()) as writer:
            while not partials_of(tmp_path):
                assert writer.poll() is None
            writer.send_signal(signal.SIGKILL)
        assert writer.returncode == -signal.SIGKILL
        caught += bool(partials_of(tmp_path))  # else it was done with this copy
        assert np.array_equal(decode(clip, max_seconds=None)[0], y)
        assert values_of(clip, "GENRE") in (["Rock"], ["jazz"], ["pop"])
        if caught == 3:
            break
    assert caught == 3
    tagging.write(clip, "genre", ["polka"])
    assert list(tmp_path.iterdir()) == [clip]  # the next writer has tidied up
    tagging.undo(clip)
    assert tags_of(clip) == before


# ---------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def songs(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with songs of the sample, of which some are known and one is not: copy it."""
    folder = tmp_path_factory.mktemp("songs")
    clips = sorted((sample_data / "raw").rglob("*.mp3"))
    for number, each in enumerate(clips[::12]):
        shutil.copy(each, folder / f"{number}.mp3")
        y, sr = sf.read(each, dtype="float32")
        sf.write(folder / f"{number}.flac", y, sr)
    write_clip(folder / "noise.ogg", seconds=10)
    write_clip(folder / "wave.wav", seconds=10)
    (folder / "web.mp3").write_bytes(b"<html>404</html>")
    return folder


@pytest.fixture
def library(songs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(songs, tmp_path / "library"))


@pytest.fixture
def predict(
    run_main: Main, sample_models: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run ``predict --json`` with a model of the sample."""

    def run(*arguments: object, model: object = "extracted-full") -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        common = ("--models", sample_models, "--jobs", 1, "--json")
        code = run_main("predict", model, *arguments, *common)
        return code, json.loads(capsys.readouterr().out)

    return run


def hashes_of(folder: Path) -> dict[str, str]:
    files = (each for each in folder.rglob("*") if each.is_file())
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def test_predict_writes_what_it_answers_and_goes_on_where_it_cannot(
    predict: Any, run_main: Main, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read_only = library / "0.mp3"
    read_only.chmod(0o444)
    before = hashes_of(library)
    code, dry = predict(library, "--write-tags", "--dry-run")
    assert code == 1
    assert hashes_of(library) == before
    code, found = predict(library, "--write-tags")
    assert code == 1
    assert found == dry
    known = 0
    for each in found["predictions"]:
        path, tagged = Path(each["path"]), each["tagging"]
        if each["error"] or not each["known"]:
            assert tagged is None
        elif path.suffix == ".wav":
            assert "not into .wav" in tagged["error"]
        elif path == read_only:
            assert tagged["error"] == "the file is read-only"
        else:
            known += 1
            assert tagged == {
                "tag": "genre",
                "before": [],
                "after": [each["label"]],
                "changed": True,
                "error": None,
            }
            assert values_of(path, "GENRE") == [each["label"]]
            continue
        assert hashes_of(library)[path.name] == before[path.name]
    unknown = [each for each in found["predictions"] if each["known"] is False]
    assert known > 3
    assert [Path(each["path"]).name for each in unknown if "noise" in each["path"]] == ["noise.ogg"]

    assert run_main("predict", "--undo-tags", library, "--json") == 1
    undone = {
        Path(each["path"]).name: each for each in json.loads(capsys.readouterr().out)["files"]
    }
    assert sum(bool(each["changes"]) for each in undone.values()) == known
    assert "cannot be read" in undone["web.mp3"]["error"]
    assert all(not values_of(each, "GENRE") for each in library.glob("*.flac"))
    after = hashes_of(library)
    assert all(after[each] == before[each] for each in after if each.endswith(".mp3"))


def test_predict_says_what_it_does_to_tags(
    run_main: Main, sample_models: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for each in library.iterdir():
        if each.suffix in (".wav", ".ogg") or each.name == "web.mp3":
            each.unlink()
        else:
            tag(each, ["\x1b[2JOld"], [])
    own = ("extracted-full", library, "--models", sample_models, "--jobs", 1, "--write-tags")
    assert run_main("predict", *own, "--dry-run") == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out
    assert out.count("  genre: \N{REPLACEMENT CHARACTER}[2JOld -> ") > 3
    assert err == "nothing was written (--dry-run)\n"
    assert run_main("predict", *own, "--csv", "--dry-run") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    for row in rows:
        assert (row["tagging"] == "") == (row["known"] == "False")
        assert row["known"] == "False" or row["tagging"].endswith(f"Old -> {row['label']}")
    assert run_main("predict", *own) == 0
    capsys.readouterr()
    assert run_main("predict", "--undo-tags", library, "--dry-run") == 0
    out, err = capsys.readouterr()
    assert out.count(" -> \N{REPLACEMENT CHARACTER}[2JOld\n") > 3
    assert err == "nothing was written (--dry-run)\n"
    assert run_main("predict", library / "0.mp3", "--undo-tags") == 0
    assert run_main("predict", library / "0.mp3", "--undo-tags") == 0
    assert "no earlier tag is kept here" in capsys.readouterr().out


def test_a_model_of_moods_writes_the_mood(
    predict: Any, sample_models: Path, library: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(sample_models / "extracted-full", tmp_path / "moods"))
    metadata = json.loads((model / "metadata.json").read_text(encoding="utf-8"))
    (model / "metadata.json").write_text(json.dumps(metadata | {"label_kind": "mood"}))
    clips = sorted(library.glob("*.mp3"))[:-1]
    for each in clips:
        tag(each, ["Rock"], [])
    code, found = predict(*clips, "--write-tags", model=model)
    assert code == 0
    known = [each for each in found["predictions"] if each["known"]]
    assert known
    for each in known:
        assert each["tagging"]["tag"] == "mood"
        assert values_of(Path(each["path"]), "MOOD") == [each["label"]]
        assert values_of(Path(each["path"]), "GENRE") == ["Rock"]


def test_a_model_does_not_learn_from_tags_that_a_model_wrote(tmp_path: Path) -> None:
    told, untold = write_clip(tmp_path / "told.mp3"), write_clip(tmp_path / "untold.flac")
    tag(told, ["Rock", "Surf"], [])
    for each in (told, untold):
        tagging.write(each, "genre", ["jazz"])
    found = {
        each.path: [label.name for label in each.labels]
        for each in FolderSource(tmp_path, labels="tags").tracks()
        if isinstance(each, Track)
    }
    assert found == {told: ["rock", "surf"], untold: []}


def test_predict_killed_while_it_writes_can_be_run_again(
    start_command: Callable[..., subprocess.Popen[str]],
    run_command: Callable[..., subprocess.CompletedProcess[str]],
    predict: Any,
    sample_models: Path,
    library: Path,
    tmp_path: Path,
) -> None:
    _, found = predict(library)
    known = [each for each in found["predictions"] if each["known"] and ".flac" in each["path"]]
    y, sr = sf.read(known[0]["path"], dtype="float32")
    song = tmp_path / "long" / "song.flac"
    song.parent.mkdir()
    sf.write(song, np.tile(y, 30), sr)  # so that there is time to be caught writing it
    whole = song.read_bytes()
    own = ("extracted-full", song, "--models", sample_models, "--jobs", 1, "--write-tags")
    for _ in range(10):
        with start_command("predict", *own) as process:
            while process.poll() is None and not partials_of(song.parent):
                time.sleep(0)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        if partials_of(song.parent):
            break
        song.write_bytes(whole)
    assert partials_of(song.parent)
    assert song.read_bytes() == whole
    done = run_command("predict", *own)
    assert done.returncode == 0
    assert values_of(song, "GENRE") == [known[0]["label"]]
    assert list(song.parent.iterdir()) == [song]
