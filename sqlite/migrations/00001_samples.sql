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

-- Writing a chunk is one statement. What belongs to it is done by triggers, in
-- one go and without a way back to the program: that halves the time of a
-- flush. First, a chunk takes the place of all that begin within it.
-- +goose StatementBegin
CREATE TRIGGER chunk_replace BEFORE INSERT ON chunk BEGIN
    SELECT raise(ABORT, 'the series is gone') WHERE NOT EXISTS (SELECT 1 FROM series WHERE id = NEW.series_id);
    DELETE FROM chunk
    WHERE series_id = NEW.series_id AND first_seq >= NEW.first_seq AND first_seq < NEW.first_seq + NEW.samples;
END;
-- +goose StatementEnd

-- Then the totals of the series follow.
-- +goose StatementBegin
CREATE TRIGGER chunk_insert AFTER INSERT ON chunk BEGIN
    UPDATE series SET
        next_seq = max(next_seq, NEW.first_seq + NEW.samples),
        min_time = min(min_time, NEW.min_time),
        max_time = max(max_time, NEW.max_time),
        samples  = samples + NEW.samples,
        chunks   = chunks + 1,
        bytes    = bytes + length(NEW.data),
        spans    = spans | (1 << NEW.span)
    WHERE id = NEW.series_id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER chunk_delete AFTER DELETE ON chunk BEGIN
    UPDATE series SET samples = samples - OLD.samples, chunks = chunks - 1, bytes = bytes - length(OLD.data)
    WHERE id = OLD.series_id;
END;
-- +goose StatementEnd

-- Series whose chunks are deleted little by little.
CREATE TABLE doomed (
    series_id INTEGER PRIMARY KEY
) STRICT;
