PRAGMA user_version = 4;
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
    provenance TEXT NOT NULL, position INTEGER NOT NULL, added_at REAL NOT NULL, note TEXT, previewed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (track_id, kind, name, provenance)
) WITHOUT ROWID;
INSERT INTO "labels" VALUES('folder:1','genre','jazz','user',1,2.0,'brushes',1);
INSERT INTO "labels" VALUES('folder:1','genre','surf','folder',0,1.0,NULL,1);
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
, duration REAL, split TEXT, song TEXT, recording TEXT) WITHOUT ROWID;
INSERT INTO "tracks" VALUES('folder:1','folder','Tide','Foxes',NULL,'ZZAAA1200001','CC0-1.0',1.0,181.5,'test','foxes / tide','ZZAAA1200001');
CREATE INDEX tracks_by_song ON tracks (song) WHERE song IS NOT NULL;
CREATE INDEX tracks_by_recording ON tracks (recording) WHERE recording IS NOT NULL;
CREATE INDEX tracks_by_source ON tracks (source);
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
COMMIT;
