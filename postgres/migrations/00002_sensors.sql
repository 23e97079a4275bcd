-- +goose Up
CREATE TABLE sensor (
    id             text   PRIMARY KEY,
    name           text   NOT NULL,
    type           text   NOT NULL,
    connector_id   text   NOT NULL,
    connector_name text   NOT NULL,
    sampling_rate  float8 NOT NULL, -- Hz
    owner_id       text   NOT NULL
);

CREATE TABLE attribute (
    sensor_id     text   NOT NULL REFERENCES sensor (id) ON DELETE CASCADE,
    id            text   NOT NULL,
    name          text   NOT NULL,
    type          text   NOT NULL,
    unit          text   NOT NULL,
    sampling_rate float8 NOT NULL, -- Hz
    PRIMARY KEY (sensor_id, id)
);
