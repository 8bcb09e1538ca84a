"""``python -m pipelines.reproduce``: print a row for each published result, keep it in models."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.reproduce.rows import Row

_REPEATS, _FEW = 3, 1


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    p = argparse.ArgumentParser(
        prog="python -m pipelines.reproduce",
        description="Put every published result of the earlier systems beside ours: under their "
        "protocol, and under an honest one, with interval. Rows measured before are taken from "
        "models/reproduce; a row whose data is not there says how to come by it.",
        epilog="example:\n  python -m pipelines.reproduce --shared ../shared --only spotifynn",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--shared", type=Path, default=Path("../shared"), metavar="DIR", help="the data")
    p.add_argument("--only", metavar="SYSTEM", help="rows of one system, or of SYSTEM-TASK")
    p.add_argument("--model", metavar="MODEL", help="rows of one model of ours, such as ensemble")
    p.add_argument("--models", type=Path, default=Path("models"), metavar="DIR")
    p.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (1)")
    p.add_argument("--again", action="store_true", help="measure rows anew")
    p.add_argument("--quick", action="store_true", help="no repetition: about a third of the time")
    p.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the rows asked for; return the exit code."""
    args = parser().parse_args(argv)
    from pipelines.reproduce.rows import ROWS

    rows = [
        row
        for row in ROWS
        if f"{row.system}-{row.task}".startswith(args.only or "")
        and args.model in (None, row.model)
    ]
    if not rows:
        systems, models = (
            ", ".join(dict.fromkeys(getattr(row, key) for row in ROWS))
            for key in ("system", "model")
        )
        print(f"there is no such row; systems: {systems}; models: {models}", file=sys.stderr)
        return 2
    folder = args.models / "reproduce"
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for row in rows:
        found.append(_row(row, folder, args))
        if not args.json:
            print(_line(found[-1]), flush=True)
    _write(folder, found)
    if args.json:
        print(json.dumps({"rows": found}))
    else:
        print(f"kept in {folder}")
    return 0


def _row(row: Row, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Return a row's record: from an earlier run, measured now, or what is missing."""
    from audiogenre.errors import MissingExtraError

    described = {
        "system": row.system,
        "task": row.task,
        "features": row.features,
        "model": row.model,
        "their_protocol": row.their_protocol,
        "protocol": row.protocol,
        "theirs": row.theirs,
    }
    path, *beside = (args.shared / each for each in (row.needs, *row.beside))
    nothing = {"n": 0, "ours_their_protocol": None, "ours": None, "interval": None}
    for each in (path, *beside):
        if not each.exists():
            return {**described, **nothing, "missing": f"{each} is not there: {row.how}"}
    try:
        family = row.family()
    except MissingExtraError as error:
        return {**described, **nothing, "missing": str(error)}
    repeats = _FEW if args.quick else _REPEATS
    kept = folder / f"{row.key}.json"
    version = _version([path, *beside], row, repeats)
    if kept.is_file() and not args.again:
        record: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        if record.pop("version", None) == version:
            return record
    try:
        record = described | _measure(row, family, path, folder, repeats, args.jobs)
    except MissingExtraError as error:
        return {**described, **nothing, "missing": str(error)}
    kept.write_text(json.dumps({**record, "version": version}, indent=2) + "\n", encoding="utf-8")
    return record


def _measure(
    row: Row, family: Any, path: Path, folder: Path, repeats: int, jobs: int
) -> dict[str, Any]:
    from pipelines.reproduce import figures
    from pipelines.reproduce.rows import Run

    run = Run(path, folder / "work" / path.name, repeats, jobs)
    measured = row.measure(run, family)
    honest, theirs = measured.honest, measured.theirs
    figures.mistakes(honest, folder / f"{row.key}.png")
    return {
        "n": honest.y.shape[1],
        "ours_their_protocol": None if theirs is None else round(theirs.accuracy, 2),
        "ours": round(honest.accuracy, 2),
        "interval": [round(bound, 2) for bound in honest.interval],
        "repeats": len(honest.y),
        "missing": None,
    }


def _version(paths: list[Path], row: Row, repeats: int) -> str:
    """What a kept row is true of: the data, the candidates, the protocol and the program."""
    from importlib.metadata import version

    from audiogenre import __version__

    digest = hashlib.sha256()
    for path in paths:
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            digest.update(f"{file.name} {file.stat().st_size}".encode())
        if path.is_file():
            digest.update(path.read_bytes())
    said = (__version__, version("scikit-learn"), row.model, row.protocol, repeats)
    digest.update(repr(said).encode())
    return digest.hexdigest()[:16]


def _line(record: dict[str, Any]) -> str:
    what = f"{record['system']} {record['task']}, {record['features']}"
    if record["missing"]:
        return f"{what:<30} {record['theirs']:6.2f}  {record['missing']}"
    low, high = record["interval"]
    followed = record["ours_their_protocol"]
    return (
        f"{what:<30} {record['theirs']:6.2f}  {followed:6.2f}  {record['ours']:6.2f} "
        f"({low:.1f} to {high:.1f})  n = {record['n']}  {record['model']}; {record['protocol']}"
    )


def _write(folder: Path, records: list[dict[str, Any]]) -> None:
    """Write the table and its figure."""
    from pipelines.reproduce import figures

    head = (
        "| system | task | features | model | theirs | their protocol | ours, theirs | ours "
        "(95 % interval) | n | our protocol |"
    )
    lines = ["# Published results and ours", "", "Accuracy, percent.", "", head, "|---" * 10 + "|"]
    for each in records:
        start = f"| {each['system']} | {each['task']} | {each['features']} | {each['model']} "
        start += f"| {each['theirs']} | {each['their_protocol']} "
        if each["missing"]:
            lines.append(f"{start}| | {each['missing']} | | |")
            continue
        low, high = each["interval"]
        lines.append(
            f"{start}| {each['ours_their_protocol']} | {each['ours']} ({low:.1f} to {high:.1f}) "
            f"| {each['n']} | {each['protocol']} |"
        )
    measured = [each for each in records if not each["missing"]]
    if measured:
        figures.overview(measured, folder / "overview.png")
        lines += ["", "![theirs and ours](overview.png)"]
    (folder / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = json.dumps({"rows": records}, indent=2) + "\n"
    (folder / "rows.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
