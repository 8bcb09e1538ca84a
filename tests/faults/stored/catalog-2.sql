BEGIN TRANSACTION;
CREATE TABLE consents (source TEXT, terms TEXT, given_at REAL NOT NULL, PRIMARY KEY (source, terms))
    WITHOUT ROWID;
INSERT INTO "consents" VALUES('deezer','do not',1.0);
CREATE TABLE failures (
    item TEXT NOT NULL, stage TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
    attempts INTEGER NOT NULL, last_try REAL NOT NULL, version TEXT NOT NULL, next_try REAL,
    PRIMARY KEY (item, stage)
) WITHOUT ROWID;
INSERT INTO "failures" VALUES('folder:2','download','silent','no sound',2,1.0,'',5.5);
CREATE TABLE hosts (host TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
INSERT INTO "hosts" VALUES('api.example',4000000000.0);
CREATE TABLE labels (
    track_id TEXT NOT NULL REFERENCES tracks(id), kind TEXT NOT NULL, name TEXT NOT NULL,
    provenance TEXT NOT NULL, position INTEGER NOT NULL, added_at REAL NOT NULL,
    PRIMARY KEY (track_id, kind, name, provenance)
) WITHOUT ROWID;
INSERT INTO "labels" VALUES('folder:1','genre','surf','folder',0,1.0);
CREATE TABLE previews (
    track_id TEXT PRIMARY KEY REFERENCES tracks(id), path TEXT NOT NULL, sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL, seconds REAL NOT NULL, mtime_ns INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "previews" VALUES('folder:1','/a.mp3','ab',9,30.0,1);
CREATE TABLE sides (track_id TEXT PRIMARY KEY REFERENCES tracks(id), test INTEGER NOT NULL)
    WITHOUT ROWID;
INSERT INTO "sides" VALUES('folder:1',1);
CREATE TABLE tracks (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, title TEXT, artist TEXT, album TEXT, isrc TEXT,
    licence TEXT, added_at REAL NOT NULL
, duration REAL, split TEXT) WITHOUT ROWID;
INSERT INTO "tracks" VALUES('folder:1','folder','Tide','Foxes',NULL,'ZZAAA1200001','CC0-1.0',1.0,181.5,'test');
CREATE INDEX labels_by_name ON labels (kind, name);
PRAGMA user_version = 2;
COMMIT;
