"""What the command says: the plan in words, how far the work is, and what has come of it."""

from __future__ import annotations

from typing import Any

from audiogenre.cli import Output, printable
from audiogenre.liked.records import Change, Placement, Plan
from audiogenre.liked.sync import Applied, Written

_DONE = {"create": "made", "add": "added", "remove": "removed"}


def show(plan: Plan, out: Output, *, most: int) -> None:
    """Say what a plan changes, at most so many songs of a list, and what it leaves out."""
    out.say(f"{len(plan.placements)} liked songs of {printable(plan.user.name)}")
    said = {each.song.id: each for each in plan.placements}
    for each in plan.changes:
        out.say(f"{printable(each.name)}: {_summary(each)}")
        for sign, songs in (("+", each.add), ("-", each.remove)):
            for song in songs[:most]:
                out.say(f"  {sign} {printable(song.name)}{_sure(said.get(song.id))}")
            if len(songs) > most:
                out.say(f"  {sign} and {len(songs) - most} more (-v lists them)")
    for why, count in (*plan.left_out.most_common(), *plan.skipped.items()):
        out.say(f"left out: {count} ({why})")


def _sure(placed: Placement | None) -> str:
    if placed is None or placed.probability is None:
        return ""
    return f" ({placed.genre} {placed.probability:.0%})"


def _summary(each: Change) -> str:
    if each.action == "deleted":
        return "you have deleted it, so it stays away (--recreate makes it anew)"
    if each.action == "create" and not each.is_needed:
        return "no songs, so it is not made"
    parts = [f"{len(each.add)} to add", f"{len(each.remove)} to remove", f"{each.kept} there"]
    if each.stay_out:
        parts.append(f"{len(each.stay_out)} taken out by you stay out")
    return ("new; " if each.action == "create" else "") + ", ".join(parts)


def end(plan: Plan, applied: Applied | None, out: Output, *, action: str) -> None:
    """Say what has come of a plan, and what to do next; give the result as JSON."""
    out.result(
        plan.as_json()
        if action == "plan"
        else {
            "applied": applied is not None,
            "created": applied.created if applied else 0,
            "added": applied.added if applied else 0,
            "removed": applied.removed if applied else 0,
            "failures": list(applied.failures) if applied else [],
            "left_out": dict(plan.left_out),
            "skipped": dict(plan.skipped),
        }
    )
    if plan.is_empty:
        out.say("nothing to do: the playlists are as they should be")
    elif applied is not None:
        done = f"{applied.created} playlists made, {applied.added} songs added"
        out.say(f"{done}, {applied.removed} removed")
    elif action == "apply":
        out.say("nothing was written")
    else:
        out.say("next: the same command with 'apply' in place of 'plan'")


class Bars:
    """A progress bar for each thing that takes long, on a terminal."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._what = ""
        self._bar: Any = None

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that so many of all songs are done; something else to do has a bar of its own."""
        if self._bar is None or what != self._what:
            self.end()
            self._what, self._bar = what, self._out.bar(total=total, unit="song", what=what)
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def written(self, written: Written) -> None:
        """Say what was just written to Spotify."""
        songs = f"{written.songs} songs" if written.songs else "the playlist"
        self._out.say(f"{written.genre}: {songs} {_DONE[written.what]}")

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
