"""The wheel as others get it: installed outside the checkout, it does its main job on the sample.

Run by ``make release-check`` on ``dist/``; every Python from 3.11 on that is here gets an
environment of its own below a temporary folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("3.11", "3.12", "3.13")
UV = (sys.executable, "-m", "uv")
GENRES = ("lantern waltz", "iron stomp", "velvet drift")
DATA = ("py.typed", "genres.toml", "web/templates/base.html", "web/static/style.css")
LOOK = f"""
from importlib.resources import files
import audiogenre
assert "site-packages" in audiogenre.__file__, audiogenre.__file__
missing = [each for each in {DATA!r} if not files("audiogenre").joinpath(each).is_file()]
assert not missing, missing
"""


def main() -> int:
    """Check both distributions, then the wheel on each Python; return the exit code."""
    wheel, sdist = _only("*.whl"), _only("*.tar.gz")
    _run(sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist))
    _compare(wheel)
    version = wheel.name.split("-")[1]
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {version}\n" in cited, f"CITATION.cff does not say {version}"
    pythons = {each: path for each in VERSIONS if (path := _find(each))}
    assert pythons, "none of the supported Pythons is here"
    for version, python in pythons.items():
        with tempfile.TemporaryDirectory() as folder:
            _try(wheel, python, Path(folder))
        print(f"Python {version}: installed, and the sample went all the way", flush=True)
    for version in (each for each in VERSIONS if each not in pythons):
        print(f"Python {version}: not here, not tried")
    return 0


def _only(pattern: str) -> Path:
    found = sorted((ROOT / "dist").glob(pattern))
    assert len(found) == 1, f"dist/ should hold one {pattern}: make dist"
    return found[0]


def _compare(wheel: Path) -> None:
    """Check that the wheel, built from the sdist, is the one that the checkout builds."""
    with tempfile.TemporaryDirectory() as folder:
        options = ("-m", "build", "--wheel", "--outdir", folder, str(ROOT))
        _run(sys.executable, *options, quiet=True)
        direct = next(Path(folder).glob("*.whl"))
        ours, theirs = _hashes(wheel), _hashes(direct)
    different = [name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)]
    assert not different, f"sdist and checkout build different wheels: {sorted(different)}"
    stray = {name.split("/")[0] for name in ours} - {"audiogenre"}
    assert all(each.endswith(".dist-info") for each in stray), stray


def _hashes(wheel: Path) -> dict[str, str]:
    with ZipFile(wheel) as archive:
        return {each: sha256(archive.read(each)).hexdigest() for each in archive.namelist()}


def _find(version: str) -> str | None:
    """Return the interpreter of a version, None if it is not here."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))  # not all on the path
    own = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    command = (*UV, "python", "find", "--no-python-downloads", "--system", version)
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return str(own[-1]) if own else found.stdout.strip() or None


def _try(wheel: Path, python: str, folder: Path) -> None:
    _run(*UV, "venv", "--python", python, "env", cwd=folder, quiet=True)
    own = folder / "env" / "bin"
    _run(
        *UV,
        "pip",
        "install",
        "--python",
        str(own / "python"),
        f"{wheel}[web]",
        cwd=folder,
        quiet=True,
    )
    _run(*UV, "pip", "check", "--python", str(own / "python"), cwd=folder, quiet=True)
    _run(str(own / "python"), "-W", "error", "-c", LOOK, cwd=folder)
    program = str(own / "audiogenre")
    genres = [word for genre in GENRES for word in ("--genre", genre)]
    _run(program, "download", *genres, "--per-genre", "20", cwd=folder, quiet=True)
    for command in (
        ("extract", "--set", "baseline"),
        ("fit", "--features", "extracted", "--set", "baseline"),
        ("fit", "--features", "extracted", "--set", "baseline", "--model", "majority"),
        ("compare", "extracted-baseline", "extracted-baseline-majority"),
        ("predict", "extracted-baseline", "data/raw"),
        ("evaluate", "extracted-baseline", "--path", str(_sorted_by_genre(folder))),
        ("refresh", "--help"),
        ("status",),
    ):
        _run(program, *command, cwd=folder, quiet=True)
    _look_at_the_page(program, folder)


def _sorted_by_genre(folder: Path) -> Path:
    """Return a folder with a folder of clips for each genre, as `evaluate` wants it."""
    for genre in GENRES:
        place = folder / "outside" / genre
        place.mkdir(parents=True)
        for clip in (folder / "data" / "raw").rglob(f"*{genre.replace(' ', '-')}*"):
            shutil.copy(clip, place)
        assert any(place.iterdir()), f"no clips of {genre}"
    return folder / "outside"


def _look_at_the_page(program: str, folder: Path) -> None:
    command = [program, "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[0]
            for path in ("/", "/static/style.css", "/api/openapi.json"):
                with urllib.request.urlopen(url + path, timeout=120) as answer:
                    assert answer.status == 200 and answer.read()
        finally:
            server.terminate()


def _run(*command: str, cwd: Path = ROOT, quiet: bool = False) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, text=True, capture_output=quiet, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}\n{done.stderr or ''}")


if __name__ == "__main__":
    sys.exit(main())
