-- +goose Up

-- Rollups have a table of their own, so that this migration does not rewrite
-- the chunks of a large database.
CREATE TABLE rollup (
    id        INTEGER PRIMARY KEY,
    series_id INTEGER NOT NULL,
    level     INTEGER NOT NULL, -- 1 …: one of level n + 1 stands for several of level n, of level 1 for chunks
    cell      INTEGER NOT NULL, -- µs: width of its buckets
    first_seq INTEGER NOT NULL,
    samples   INTEGER NOT NULL,
    span      INTEGER NOT NULL, -- from here on as in chunk
    min_time  INTEGER NOT NULL,
    max_time  INTEGER NOT NULL,
    numbers   INTEGER NOT NULL,
    min       REAL,
    max       REAL,
    sum       REAL,
    first     REAL,
    last      REAL,
    from_time INTEGER,
    to_time   INTEGER,
    data      BLOB    NOT NULL,
    UNIQUE (series_id, level, first_seq)
) STRICT;

CREATE INDEX rollup_min_time ON rollup (series_id, level, span, min_time);
CREATE INDEX rollup_max_time ON rollup (series_id, level, span, max_time);

ALTER TABLE series ADD COLUMN rolled_1     INTEGER NOT NULL DEFAULT 0; -- the number after the last that level 1 ever covered
ALTER TABLE series ADD COLUMN rolled_2     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE series ADD COLUMN rolled_3     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE series ADD COLUMN rolled_4     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE series ADD COLUMN rollup_bytes INTEGER NOT NULL DEFAULT 0; -- of rollup.data
ALTER TABLE series ADD COLUMN rollup_spans INTEGER NOT NULL DEFAULT 0; -- as spans

-- +goose StatementBegin
CREATE TRIGGER rollup_replace BEFORE INSERT ON rollup BEGIN
    SELECT raise(ABORT, 'the series is gone') WHERE NOT EXISTS (SELECT 1 FROM series WHERE id = NEW.series_id);
    DELETE FROM rollup
    WHERE series_id = NEW.series_id AND level = NEW.level AND first_seq >= NEW.first_seq AND first_seq < NEW.first_seq + NEW.samples;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER rollup_insert AFTER INSERT ON rollup BEGIN
    UPDATE series SET
        next_seq     = max(next_seq, NEW.first_seq + NEW.samples),
        min_time     = min(min_time, NEW.min_time),
        max_time     = max(max_time, NEW.max_time),
        rolled_1     = iif(NEW.level = 1, max(rolled_1, NEW.first_seq + NEW.samples), rolled_1),
        rolled_2     = iif(NEW.level = 2, max(rolled_2, NEW.first_seq + NEW.samples), rolled_2),
        rolled_3     = iif(NEW.level = 3, max(rolled_3, NEW.first_seq + NEW.samples), rolled_3),
        rolled_4     = iif(NEW.level = 4, max(rolled_4, NEW.first_seq + NEW.samples), rolled_4),
        rollup_bytes = rollup_bytes + length(NEW.data),
        rollup_spans = rollup_spans | (1 << NEW.span)
    WHERE id = NEW.series_id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER rollup_delete AFTER DELETE ON rollup BEGIN
    UPDATE series SET rollup_bytes = rollup_bytes - length(OLD.data) WHERE id = OLD.series_id;
END;
-- +goose StatementEnd
