"""What fuzzing has found, as JSON for each target and as one table."""

from __future__ import annotations

import json
import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

_TELLING = re.compile(
    r"Uncaught Python exception|Fatal Python error|^[\w.]*(Error|Exception|Warning)\b"
    r"|ERROR: libFuzzer|ERROR: Addr|Test unit written|SEGV|File \"",
    re.MULTILINE,
)
_LINES = 20


def excerpt(said: str, code: int) -> str:
    """Return the lines of a fuzzer's words that tell what it has found."""
    lines = [each.strip() for each in said.splitlines() if _TELLING.search(each)]
    return "\n".join(lines[-_LINES:]) or f"the process ended with {code}: {said[-500:]}"


def line(name: str, record: dict[str, Any]) -> str:
    """Return one target's row of the table."""
    rate = record["executions"] / max(record["seconds"], 0.1)
    return (
        f"  {name:<12}{record['executions']:>10} executions  {record['seconds']:>8.0f} s"
        f"  {rate:>7.0f} a second  {record['peak_memory_mb']:>5} MB  {record['corpus']:>5} inputs"
        f"  {'FOUND' if record['finding'] else 'nothing found'}"
    )


def keep(folder: Path, name: str, record: dict[str, Any]) -> None:
    """Write one target's result beside those of other runs."""
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{each: version(each) for each in ("atheris", "numpy", "scikit-learn", "skops")},
    }
    measured = datetime.now(UTC).isoformat(timespec="seconds")
    whole = {"measured": measured, "machine": machine, **record}
    (folder / f"{name}.json").write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


def write_table(folder: Path) -> None:
    """Write one table of all targets, from the results that lie there."""
    records = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    lines = [f"{line(name, each)}  ({each['measured']})" for name, each in records.items()]
    text = "# Fuzzing\n\n```\n" + "\n".join(lines) + "\n```\n"
    for name, each in records.items():
        if each["finding"]:
            text += f"\n## {name}\n\n```\n{each['finding']}\n```\n"
    (folder / "README.md").write_text(text, encoding="utf-8")
