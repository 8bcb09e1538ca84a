BEGIN TRANSACTION;
CREATE TABLE account (id TEXT NOT NULL, name TEXT NOT NULL);
INSERT INTO "account" VALUES('me','Me');
CREATE TABLE heard (song TEXT, features TEXT, numbers BLOB NOT NULL, PRIMARY KEY (song, features))
    WITHOUT ROWID;
INSERT INTO "heard" VALUES('s1','full abc',X'0000803F00000040');
CREATE TABLE moves (song TEXT PRIMARY KEY, genre TEXT) WITHOUT ROWID;
INSERT INTO "moves" VALUES('s3','jazz');
CREATE TABLE playlists (genre TEXT PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "playlists" VALUES('jazz','p1');
CREATE TABLE songs (genre TEXT, song TEXT, state TEXT NOT NULL, PRIMARY KEY (genre, song))
    WITHOUT ROWID;
INSERT INTO "songs" VALUES('jazz','s1','in');
INSERT INTO "songs" VALUES('jazz','s2','out');
CREATE TABLE unheard (song TEXT PRIMARY KEY, reason TEXT NOT NULL, attempts INTEGER NOT NULL,
    next_try REAL NOT NULL) WITHOUT ROWID;
INSERT INTO "unheard" VALUES('s4','no audio',2,4000000000.0);
PRAGMA user_version = 1;
COMMIT;
