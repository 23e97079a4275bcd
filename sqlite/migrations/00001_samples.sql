-- +goose Up
PRAGMA application_id = 1397641299; -- "SNSS": tells our files from others

-- What is known of each series, so that a start need not look at its chunks.
CREATE TABLE series (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: chunks of a deleted series may linger
    sensor_id    TEXT    NOT NULL,
    attribute_id TEXT    NOT NULL,
    next_seq     INTEGER NOT NULL,
    min_time     INTEGER NOT NULL, -- µs
    max_time     INTEGER NOT NULL,
    samples      INTEGER NOT NULL,
    chunks       INTEGER NOT NULL,
    bytes        INTEGER NOT NULL, -- of chunk.data
    spans        INTEGER NOT NULL, -- bit n: there are, or were, chunks of span n
    UNIQUE (sensor_id, attribute_id)
) STRICT;

CREATE TABLE chunk (
    id        INTEGER PRIMARY KEY,
    series_id INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    samples   INTEGER NOT NULL,
    span      INTEGER NOT NULL, -- max_time - min_time < 16^span, the least such
    min_time  INTEGER NOT NULL,
    max_time  INTEGER NOT NULL,
    numbers   INTEGER NOT NULL, -- how many samples are numbers; of these:
    min       REAL,
    max       REAL,
    sum       REAL,
    first     REAL,             -- by time
    last      REAL,
    from_time INTEGER,
    to_time   INTEGER,
    data      BLOB    NOT NULL, -- docs/storage.md
    UNIQUE (series_id, first_seq)
) STRICT;

-- Chunks of like span that overlap a range lie together in both of these.
CREATE INDEX chunk_min_time ON chunk (series_id, span, min_time);
CREATE INDEX chunk_max_time ON chunk (series_id, span, max_time);

-- Series whose chunks are deleted little by little.
CREATE TABLE doomed (
    series_id INTEGER PRIMARY KEY
) STRICT;
