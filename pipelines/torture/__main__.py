"""``python -m pipelines.torture``: break things on purpose, and count what came of it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from audiogenre.arguments import positive

PARTS = ("kills", "calls", "disk", "others", "serve")
_SHORT = {"kills": 12, "calls": 24, "disk": 8, "others": 8, "serve": 1}
_LONG = {"kills": 780, "calls": 2400, "disk": 400, "others": 240, "serve": 20}
_MINUTES = {False: 2.0, True: 120.0}


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    p = argparse.ArgumentParser(
        prog="python -m pipelines.torture",
        description="Run every command that writes while it is killed, calls of the file system "
        "fail, disks are full or read-only, files are damaged, clocks jump and others are at work; "
        "after each, check that every stored fact is an old or a new one, that the command ends in "
        "a sentence, and that running it again completes it.",
        epilog="example:\n  python -m pipelines.torture kills calls --seed 7\n"
        "  python -m pipelines.torture --long",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("part", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (all)")
    length = p.add_mutually_exclusive_group()
    length.add_argument("--short", action="store_true", help="a minute or two (the default)")
    length.add_argument("--long", action="store_true", help="500 kills and 2,000 failing calls")
    p.add_argument("--only", action="append", metavar="COMMAND", help="only this command's world")
    p.add_argument("--minutes", type=positive(float), metavar="N", help="stop after so long")
    p.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn (0)")
    p.add_argument("--models", type=Path, default=Path("models"), metavar="DIR")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Torture; return 0 if nothing was found, else 1."""
    args = parser().parse_args(argv)
    wanted = args.part or list(PARTS)
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        print(f"there is no part {unknown[0]!r}: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    import numpy as np

    from pipelines.torture import parts, report
    from pipelines.torture.commands import all_worlds, services
    from pipelines.torture.trials import Tally

    for missing in parts.missing():
        print(missing, file=sys.stderr)
    deadline = time.monotonic() + 60 * (args.minutes or _MINUTES[args.long])
    counts = _LONG if args.long else _SHORT
    rng = np.random.default_rng(args.seed)
    tallies = {part: Tally() for part in wanted}
    with tempfile.TemporaryDirectory() as folder, services(Path(folder) / "clips") as service:
        worlds = all_worlds(Path(folder), service)
        worlds = [each for each in worlds if each.name in (args.only or [each.name])]
        weights = {
            part: sum(each.weight for each in worlds if parts.takes(part, each)) for part in wanted
        }
        for number, world in enumerate(worlds):
            world.prepare()
            turns = len(wanted) * (len(worlds) - number)  # what is left is shared alike
            for part, tally in tallies.items():
                left = deadline - time.monotonic()
                tally.deadline = time.monotonic() + left / turns
                turns -= 1
                if parts.takes(part, world):
                    share = world.weight / weights[part]
                    parts.run(part, world, tally, counts[part] * share, rng)
                report.write(args.models / "torture", part, tally, args)
    found = sum(len(tally.findings) for tally in tallies.values())
    print(report.table(tallies))
    print(f"{found} findings; kept in {args.models / 'torture'}")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
