-- +goose Up
CREATE TABLE sensor (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    type           TEXT NOT NULL,
    connector_id   TEXT NOT NULL,
    connector_name TEXT NOT NULL,
    sampling_rate  REAL NOT NULL, -- Hz
    owner_id       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE attribute (
    sensor_id     TEXT NOT NULL REFERENCES sensor (id) ON DELETE CASCADE,
    id            TEXT NOT NULL,
    name          TEXT NOT NULL,
    type          TEXT NOT NULL,
    unit          TEXT NOT NULL,
    sampling_rate REAL NOT NULL, -- Hz
    PRIMARY KEY (sensor_id, id)
) STRICT, WITHOUT ROWID;
