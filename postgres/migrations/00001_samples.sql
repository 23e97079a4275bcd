-- +goose Up

-- What is known of each series, so that a start need not look at its chunks.
CREATE TABLE series (
    id           bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never used twice: chunks of a deleted series may linger
    sensor_id    text    NOT NULL,
    attribute_id text    NOT NULL,
    next_seq     bigint  NOT NULL DEFAULT 0,
    min_time     bigint  NOT NULL, -- µs
    max_time     bigint  NOT NULL,
    samples      bigint  NOT NULL DEFAULT 0,
    chunks       bigint  NOT NULL DEFAULT 0,
    bytes        bigint  NOT NULL DEFAULT 0, -- of the data of level 0
    spans        bigint  NOT NULL DEFAULT 0, -- bit n: there are, or were, chunks of level 0 and span n
    rolled       bigint[] NOT NULL DEFAULT '{0,0,0,0}', -- of each rollup level: the number after the last that it ever covered
    rollup_bytes bigint  NOT NULL DEFAULT 0,
    rollup_spans bigint  NOT NULL DEFAULT 0, -- as spans, of all rollup levels
    UNIQUE (sensor_id, attribute_id)
) WITH (fillfactor = 50); -- a flush updates the rows of what it wrote, in place

-- Samples (level 0) and rollups (level 1 …), by the month in which they begin.
-- The server makes the partitions when it needs them.
CREATE TABLE chunk (
    series_id bigint   NOT NULL,
    first_seq bigint   NOT NULL,
    min_time  bigint   NOT NULL, -- µs
    max_time  bigint   NOT NULL,
    from_time bigint,            -- of the numbers
    to_time   bigint,
    cell      bigint   NOT NULL, -- µs: width of the buckets of a rollup
    min       float8,
    max       float8,
    sum       float8,
    first     float8,            -- by time
    last      float8,
    samples   integer  NOT NULL,
    numbers   integer  NOT NULL, -- how many samples are numbers
    level     smallint NOT NULL,
    span      smallint NOT NULL, -- max_time - min_time < 16^span, the least such
    data      bytea    NOT NULL, -- docs/storage.md, nothing in it compressed
    PRIMARY KEY (series_id, level, first_seq, min_time)
) PARTITION BY RANGE (min_time);

-- Chunks of like span that overlap a range lie together in both of these.
CREATE INDEX chunk_min_time ON chunk (series_id, level, span, min_time);
CREATE INDEX chunk_max_time ON chunk (series_id, level, span, max_time);

-- +goose StatementBegin
DO $$ BEGIN
    ALTER TABLE chunk ALTER COLUMN data SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL; -- built without it: slower, and no worse
END $$;
-- +goose StatementEnd

-- What clocks before 2000 and after 2100 say.
CREATE TABLE chunk_early PARTITION OF chunk FOR VALUES FROM (MINVALUE) TO (946684800000000);
CREATE TABLE chunk_late PARTITION OF chunk FOR VALUES FROM (4102444800000000) TO (MAXVALUE);

-- Series whose chunks are deleted little by little.
CREATE TABLE doomed (
    series_id bigint PRIMARY KEY
);
