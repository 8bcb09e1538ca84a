"""The licences of everything that audiogenre installs, against a list of those that are welcome.

Run by ``make licences``, which writes docs/licences.md; with ``--check`` it only looks.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
EXTRAS = ("", "m4a", "web", "attributes", "augment", "neural", "umap", "cluster")
# What asks for no more than its notice; MPL-2.0 only concerns its own files.
WELCOME = re.compile(
    r"0BSD|Apache[- ]2\.0|Apache Software License|BSD|BSL-1\.0|CC0-1\.0|ISC|MIT|MPL-2\.0|"
    r"Mozilla Public License 2\.0|PSF-2\.0|Python Software Foundation License|Zlib"
)
COPYLEFT = re.compile(r"\bA?L?GPL|General Public License")
# Copyleft that everybody gets: imported as it is and replaceable, and none of it is in our wheel.
KNOWN = {"mutagen", "soxr"}
# Their metadata name none, or only that there is one.
STATED = {
    "python-dateutil": "Apache-2.0 or BSD-3-Clause",
    "skops": "MIT",
    "umap-learn": "BSD-3-Clause",
}
HEAD = """# Licences of the dependencies

audiogenre is MIT and its wheel holds nothing else. What `pip install` adds has licences of its own;
`make licences` writes this page from the packages' metadata and refuses what is not known. Copyleft
is marked **so**: using it here asks nothing of you, but whoever passes on an environment with it (a
container image, say) has to keep to its terms. Wheels may carry libraries that their metadata do
not name, such as libsndfile in soundfile and FFmpeg in av.

| package | licence | comes with |
|---|---|---|
"""


def main() -> int:
    """Write or compare the page; return the exit code."""
    found = _needed()
    lines, wrong = [], []
    for name, extra in sorted(found.items()):
        licence = STATED.get(name) or _licence(distribution(name))
        copyleft = bool(COPYLEFT.search(licence))
        if not (copyleft and (extra or name in KNOWN)) and not (
            WELCOME.search(licence) and not copyleft
        ):
            wrong.append(f"{name}: {licence or 'no licence'}")
        shown = f"**{licence}**" if copyleft else licence
        lines.append(f"| {name} | {shown} | {f'extra `{extra}`' if extra else 'audiogenre'} |\n")
    if wrong:
        print("licences that are not welcome (.ci/licences.py):", *wrong, sep="\n")
        return 1
    text = HEAD + "".join(lines)
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    missing = set(lines) - set(PAGE.read_text(encoding="utf-8").splitlines(keepends=True))
    if missing:  # no failure: another Python brings others, and all are welcome
        print("'make licences' would add to docs/licences.md:", *sorted(missing), sep="\n")
    return 0


def _needed() -> dict[str, str]:
    """Return the packages that are installed for us, and the first extra that brings each."""
    found: dict[str, str] = {}
    for extra in EXTRAS:
        waiting = [("audiogenre", extra)]
        seen = set()
        while waiting:
            name, wanted = waiting.pop()
            if (name, wanted) in seen:
                continue
            seen.add((name, wanted))
            try:
                required = distribution(name).requires or ()
            except PackageNotFoundError:  # an extra that is not installed here
                continue
            if name != "audiogenre":
                found.setdefault(name, extra)
            for each in map(Requirement, required):
                if each.marker is None or each.marker.evaluate({"extra": wanted}):
                    own = canonicalize_name(each.name)
                    waiting += [(own, ""), *((own, one) for one in each.extras)]
    return found


def _licence(package: Distribution) -> str:
    """Return the licence that a package states: an expression, a short name, or classifiers."""
    stated = package.metadata["License-Expression"] or package.metadata["License"] or ""
    classified = [
        each.rpartition(" :: ")[2]
        for each in package.metadata.get_all("Classifier") or ()
        if each.startswith("License :: ") and not each.endswith("OSI Approved")
    ]
    if stated and "\n" not in stated.strip() and len(stated) < 120:
        return str(stated).strip()
    return ", ".join(classified) or str(stated).strip().partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
