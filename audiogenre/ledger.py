"""The part of the catalogue that remembers what went wrong, who wants rest, and what was agreed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from audiogenre.database import Database, among
from audiogenre.typing import LISTING


@dataclass(frozen=True)
class Failure:
    """What went wrong with an item at a stage, and for which version of its bytes.

    `next_try` is the time (seconds since the epoch) from which it may be tried again by itself;
    None if only a person can ask for that.
    """

    item: str
    stage: str
    reason: str
    detail: str
    attempts: int = 1
    version: str = ""
    next_try: float | None = None


class Ledger(Database):
    """Failures, hosts that want to be left alone, and terms that a person has accepted."""

    def fail(self, failure: Failure, *, now: float | None = None) -> None:
        """Enter a failure in the ledger, or count one more attempt."""
        # A file name may hold bytes that are no text.
        detail = failure.detail.encode("utf-8", "replace").decode()
        self._db.execute(
            "INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "reason = excluded.reason, detail = excluded.detail, attempts = attempts + 1, "
            "last_try = excluded.last_try, version = excluded.version, "
            "next_try = excluded.next_try",
            (
                failure.item,
                failure.stage,
                failure.reason,
                detail,
                failure.attempts,
                time.time() if now is None else now,
                failure.version,
                failure.next_try,
            ),
        )

    def forgive(self, item: str, stage: str) -> None:
        """Strike a failure from the ledger: the item has succeeded since."""
        self._db.execute("DELETE FROM failures WHERE item = ? AND stage = ?", (item, stage))

    def failures(
        self, stage: str | None = None, items: Iterable[str] | None = None
    ) -> dict[str, Failure]:
        """Return the ledger, by item (and the later stage, if an item failed at several).

        Parameters
        ----------
        stage : str, optional
            Leave out other stages.
        items : iterable of str, optional
            Leave out other items.
        """
        condition, arguments = among("item", items)
        rows = self._all(
            "SELECT item, stage, reason, detail, attempts, version, next_try FROM failures "
            f"WHERE stage = ifnull(?, stage) AND {condition} ORDER BY item, stage",
            (stage, *arguments),
        )
        return {row[0]: Failure(*row) for row in rows}

    def overdue(self, stage: str, source: str, now: float | None) -> list[str]:
        """Return a source's tracks that failed at a stage and may be tried again by now.

        With None for the time: all that failed.
        """
        # From the failures on: there are fewer of them than tracks.
        rows = self._all(
            "SELECT item FROM failures CROSS JOIN tracks ON id = item WHERE stage = ?1 "
            "AND source = ?2 AND (?3 IS NULL OR next_try <= ?3) ORDER BY item",
            (stage, source, now),
        )
        return [item for (item,) in rows]

    def listing_troubles(self, stage: str, source: str) -> list[str]:
        """Return the items of the ledger that are troubles of a source's listing."""
        rows = self._all(
            "SELECT item FROM failures WHERE stage = ? AND reason = ? "
            "AND substr(item, 1, length(?3)) = ?3 ORDER BY item",
            (stage, LISTING, f"{source}:"),
        )
        return [item for (item,) in rows]

    def failed_items(self) -> list[tuple[Any, ...]]:
        """Return (stage, reason, item, detail, attempts, time of the next try) of every failure."""
        return self._all(
            "SELECT stage, reason, item, detail, attempts, next_try FROM failures "
            "ORDER BY stage, reason, item"
        )

    def blocked(self) -> dict[str, float]:
        """Return the hosts that asked to be left alone, and until when (seconds, epoch)."""
        now = time.time()
        return dict(self._all("SELECT host, until FROM hosts WHERE until > ?", (now,)))

    def block(self, hosts: Mapping[str, float]) -> None:
        """Remember until when hosts want to be left alone."""
        self._db.executemany("INSERT OR REPLACE INTO hosts VALUES (?, ?)", hosts.items())

    def has_consent(self, source: str, terms: str) -> bool:
        """Tell whether a person has accepted a source's terms, in these words."""
        query = "SELECT 1 FROM consents WHERE source = ? AND terms = ?"
        return bool(self._all(query, (source, terms)))

    def consent(self, source: str, terms: str) -> None:
        """Remember that a person has accepted a source's terms."""
        self._db.execute(
            "INSERT OR IGNORE INTO consents VALUES (?, ?, ?)", (source, terms, time.time())
        )
