"""Texts that a person or a stranger writes: configuration, manifests, corrections, names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from audiogenre import config, corrections, genres, m3u
from audiogenre.cli import printable
from audiogenre.errors import UsageError
from audiogenre.genres import GenreTree
from audiogenre.sources.folder import MANIFEST, FolderSource
from audiogenre.typing import Track
from audiogenre.web.uploads import plain_name, shown_name
from pipelines.fuzz.targets import Target

_LONGEST_FILE_NAME = 255  # bytes, of most file systems


def _genres(folder: Path) -> Callable[[bytes], object]:
    built_in = GenreTree.load()

    def one(data: bytes) -> None:
        tree = GenreTree()  # as `load` makes it, without reading the built-in file again
        tree._names, tree._parents = dict(built_in._names), dict(built_in._parents)
        tree._extend(genres._read(data, "genres.toml"), "genres.toml")
        for name in ("rock", "Rap/Hip Hop", data[:20].decode("utf-8", "replace")):
            tree.label(name, parents=True)
            tree.parents(name)

    return one


def _config(folder: Path) -> Callable[[bytes], object]:
    file = folder / "audiogenre.toml"

    def one(data: bytes) -> None:
        file.write_bytes(data)
        for read in (config.read_sources, config.read_refresh):
            try:
                read(file)
            except UsageError:
                continue

    return one


def _manifest(folder: Path) -> Callable[[bytes], object]:
    (folder / "a.wav").write_bytes(b"RIFF")
    file = folder / MANIFEST

    def one(data: bytes) -> None:
        file.write_bytes(data)
        list(FolderSource(path=folder).tracks())

    return one


def _corrections(folder: Path) -> Callable[[bytes], object]:
    file = folder / "reviewed.csv"
    known = {each: Track(id=each, source="folder") for each in ("folder:a", "folder:b")}

    def one(data: bytes) -> None:
        file.write_bytes(data)
        corrections.read_csv(file, known)

    return one


def _m3u(folder: Path) -> Callable[[bytes], object]:
    home = folder / "lists"
    home.mkdir(exist_ok=True)

    def one(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        labels = text.split("\n")
        names = m3u.file_names(labels)
        taken = {each.casefold() for each in names.values()}
        assert len(taken) == len(names), "two labels share a file"
        for name in names.values():
            assert Path(name).name == name, "a name leads out of the folder"
            assert len(name.encode("utf-8", "surrogateescape")) <= _LONGEST_FILE_NAME
        song = folder / (text.replace("\0", "").replace("/", "")[:50] or "a.mp3")
        place = m3u.location(song, home)
        assert not {"\n", "\r"} & set(place) and not place.startswith("#")
        lists = {label: [song] for label in labels}
        m3u.write(home, text, lists, names, dry_run=True)

    return one


def _names(folder: Path) -> Callable[[bytes], object]:
    def one(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        for shown in (plain_name(text), shown_name(text)):
            assert shown and len(shown) <= 120 and printable(shown) == shown
            shown.encode()
        assert "/" not in plain_name(text)

    return one


TARGETS = {
    "genres": Target(
        _genres,
        lambda: [
            b'["deep house"]\nparent = "house"\nsynonyms = ["deephouse", "d. h."]\n',
            b'[rock]\nparent = "electronic"\n[folk]\nsynonyms = ["Rock"]\n',
            "\ufeff[größe]\nparent = 'grosse'\n[grosse]\n".encode(),
        ],
    ),
    "config": Target(
        _config,
        lambda: [
            b'[[source]]\nname = "folder"\npath = "/music"\nlabels = "tags"\n',
            b'[[source]]\nname = "deezer"\nper-genre = 3\ngenre = ["rock"]\n[refresh]\nkeep = 2\n',
            b'[refresh]\nfeatures = "both"\nonly = ["a"]\ntolerance = 0.1\nkeep_audio = false\n',
        ],
    ),
    "manifest": Target(
        _manifest,
        lambda: [
            b"file,genre,artist,title,isrc,licence\na.wav,rock; folk,X,Y,USAAA0000001,CC0\n",
            b'\xef\xbb\xbffile,mood\n"a.wav",calm\na.wav,sad\nb.mp3,\n../c.wav,x\n',
        ],
    ),
    "corrections": Target(
        _corrections,
        lambda: [
            b"track_id,label,note\nfolder:a,rock,heard it\nfolder:b,'=folk,\n",
            b"\xef\xbb\xbftrack_id,label\nfolder:a,\n",
        ],
    ),
    "m3u": Target(
        _m3u,
        lambda: [b"rock\nrap/hip-hop\nrap:hip-hop", b".\n..\nCON\n \n# a", b"\xff"],
        longest=256,
    ),
    "names": Target(_names, lambda: [b"../../etc/passwd", b"a\\b\x00\x1b[2J.mp3", b"\xe2\x80\xae"]),
}
