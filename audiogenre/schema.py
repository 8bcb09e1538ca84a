"""The catalogue's tables, and the steps by which each version of them became the next."""

from __future__ import annotations

_FIRST = """
CREATE TABLE tracks (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, title TEXT, artist TEXT, album TEXT, isrc TEXT,
    licence TEXT, added_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE labels (
    track_id TEXT NOT NULL REFERENCES tracks(id), kind TEXT NOT NULL, name TEXT NOT NULL,
    provenance TEXT NOT NULL, position INTEGER NOT NULL, added_at REAL NOT NULL,
    PRIMARY KEY (track_id, kind, name, provenance)
) WITHOUT ROWID;
CREATE TABLE previews (
    track_id TEXT PRIMARY KEY REFERENCES tracks(id), path TEXT NOT NULL, sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL, seconds REAL NOT NULL, mtime_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE failures (
    item TEXT NOT NULL, stage TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
    attempts INTEGER NOT NULL, last_try REAL NOT NULL, version TEXT NOT NULL,
    PRIMARY KEY (item, stage)
) WITHOUT ROWID;
CREATE INDEX labels_by_name ON labels (kind, name);
"""

_SECOND = """
ALTER TABLE tracks ADD COLUMN duration REAL;
ALTER TABLE tracks ADD COLUMN split TEXT;
ALTER TABLE failures ADD COLUMN next_try REAL;
CREATE TABLE hosts (host TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE consents (source TEXT, terms TEXT, given_at REAL NOT NULL, PRIMARY KEY (source, terms))
    WITHOUT ROWID;
CREATE TABLE sides (track_id TEXT PRIMARY KEY REFERENCES tracks(id), test INTEGER NOT NULL)
    WITHOUT ROWID;
"""

_THIRD = """
ALTER TABLE labels ADD COLUMN note TEXT;
"""

# A song is found by what it is called and by its recording (`audiogenre.songs`). Whether a label's
# track has a preview stands beside the label, so that counting joins nothing; triggers keep it.
_FOURTH = """
ALTER TABLE tracks ADD COLUMN song TEXT;
ALTER TABLE tracks ADD COLUMN recording TEXT;
UPDATE tracks SET song = song_name(artist, title), recording = plain_isrc(isrc);
CREATE INDEX tracks_by_song ON tracks (song) WHERE song IS NOT NULL;
CREATE INDEX tracks_by_recording ON tracks (recording) WHERE recording IS NOT NULL;
CREATE INDEX tracks_by_source ON tracks (source);
ALTER TABLE labels ADD COLUMN previewed INTEGER NOT NULL DEFAULT 0;
UPDATE labels SET previewed = 1 WHERE track_id IN (SELECT track_id FROM previews);
DROP INDEX labels_by_name;
CREATE INDEX labels_by_name ON labels (kind, name, track_id, previewed);
CREATE TRIGGER label_added AFTER INSERT ON labels
WHEN EXISTS (SELECT 1 FROM previews WHERE track_id = new.track_id) BEGIN
    UPDATE labels SET previewed = 1 WHERE track_id = new.track_id AND NOT previewed;
END;
CREATE TRIGGER preview_added AFTER INSERT ON previews BEGIN
    UPDATE labels SET previewed = 1 WHERE track_id = new.track_id AND NOT previewed;
END;
CREATE TRIGGER preview_removed AFTER DELETE ON previews BEGIN
    UPDATE labels SET previewed = 0 WHERE track_id = old.track_id;
END;
"""

STEPS = (_FIRST, _SECOND, _THIRD, _FOURTH)
