"""Where previews and features lie: in the data folder, or where its ``storage.toml`` says.

::

    raw = "s3://bucket/raw"            # previews that were fetched; http:// to read only
    features = "s3://bucket/features"  # the feature store

A value is a folder or a URL that fsspec knows; the catalogue, the locks and all else stay in the
data folder. The catalogue's paths of previews begin with ``raw/`` wherever that is, so they stay
valid when a bucket moves. Endpoint and credentials are the environment's, as s3fs reads them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from audiogenre.errors import AudioError, MissingExtraError, StoreError, UsageError

if TYPE_CHECKING:
    from typing import TypeAlias

    from upath import UPath

    Place: TypeAlias = Path | UPath

FILE = "storage.toml"
_RAW, _FEATURES = "raw", "features"


class Storage:
    """Where the previews and features of one data folder lie.

    Parameters
    ----------
    data : Path
        The data folder.

    Attributes
    ----------
    features : Path or UPath
        The root of the feature store.

    Raises
    ------
    UsageError
        If ``storage.toml`` cannot be read, or says what cannot be.
    MissingExtraError
        If it names a URL, and what reads URLs is not installed.
    """

    def __init__(self, data: Path) -> None:
        named = {
            key: value if is_url(value) else str(data / value)
            for key, value in _read(data / FILE).items()
        }
        self._data = data
        self._raw = named.get(_RAW)
        if self._raw:
            place(self._raw)  # so that it fails now and not with every preview
        self.features = place(named.get(_FEATURES) or str(data / _FEATURES))

    def address(self, path: str) -> str:
        """Return the path or URL of a preview, from its path in the catalogue."""
        below = path.removeprefix(f"{_RAW}/")
        if self._raw and below != path:
            return f"{self._raw}/{below}"
        return str(self._data / path)  # an absolute path stays what it is

    def place(self, path: str) -> Place:
        """Return where something lies, from its path in the catalogue."""
        return place(self.address(path))


def is_url(address: str) -> bool:
    """Tell a URL from a path.

    Examples
    --------
    >>> is_url("s3://bucket/raw"), is_url("data/raw")
    (True, False)
    """
    return "://" in address


def place(address: str) -> Place:
    """Return a path, or what behaves like one for a URL.

    Raises
    ------
    UsageError
        If it is a URL of a kind that is not known.
    MissingExtraError
        If it is a URL, and what reads it is not installed.
    """
    if not is_url(address):
        return Path(address)
    try:
        from upath import UPath

        # Others write there, too: a listing that is remembered would hide it.
        found = UPath(address, use_listings_cache=False)
        _ = found.fs
    except ImportError as error:
        raise MissingExtraError(f"Reading and writing {address}", "cluster") from error
    except ValueError as error:
        raise UsageError(f"{address} is no URL that can be read: {error}") from error
    return found


def is_local(where: Place) -> bool:
    """Tell whether a place is a path of this machine."""
    return isinstance(where, Path)


def listing(directory: Place, pattern: str) -> list[Place]:
    """Return the files or objects that fit a pattern, by name; none if there is no such folder.

    Raises
    ------
    StoreError
        If it cannot be reached.
    """
    if isinstance(directory, Path):
        return [*sorted(directory.glob(pattern))]
    with reaching(directory, "read"):
        return sorted(directory.glob(pattern), key=str)


def read(where: Place) -> bytes:
    """Return the bytes that lie at a place.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    StoreError
        If it cannot be reached.
    """
    if isinstance(where, Path):
        return where.read_bytes()
    with reaching(where, "read"):
        return bytes(where.fs.cat_file(where.path))


def write(where: UPath, content: bytes) -> None:
    """Put an object at a URL: there is all of it or nothing, as it is one request.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    try:
        with reaching(where, "written"):
            where.fs.pipe_file(where.path, content)
    except FileNotFoundError as error:
        raise StoreError(f"{where} cannot be written: {error}") from error


def remove(where: Place) -> None:
    """Delete what lies at a place, if it is there.

    Raises
    ------
    StoreError
        If it cannot be deleted.
    """
    if isinstance(where, Path):
        where.unlink(missing_ok=True)
        return
    with suppress(FileNotFoundError), reaching(where, "deleted"):
        where.fs.rm_file(where.path)


def audio(address: str) -> str | bytes:
    """Return a preview in a form that can be decoded: a path as it is, the bytes of a URL.

    Raises
    ------
    AudioError
        With reason ``missing`` or ``unreachable``.
    """
    if not is_url(address):
        return address
    try:
        return read(place(address))
    except FileNotFoundError as error:
        raise AudioError("missing", "there is no such object") from error
    except StoreError as error:
        raise AudioError("unreachable", str(error)) from error


@contextmanager
def reaching(where: Place, done: str) -> Iterator[None]:
    """Turn what can happen on the way to a URL into one error.

    Raises
    ------
    FileNotFoundError
        As it is.
    StoreError
        For everything else.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # every kind of storage has errors of its own
        raise StoreError(f"{where} cannot be {done}: {error or type(error).__name__}") from error


def _read(path: Path) -> dict[str, str]:
    try:
        named = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    for key, value in named.items():
        if key not in (_RAW, _FEATURES):
            raise UsageError(f"{path} has no key {key!r} (there are {_RAW} and {_FEATURES})")
        if not isinstance(value, str) or not value.strip("/") or value.startswith("file://"):
            raise UsageError(f"{path}: {key!r} is a folder or a URL such as s3://bucket/{key}")
    return {key: value.rstrip("/") for key, value in named.items()}
