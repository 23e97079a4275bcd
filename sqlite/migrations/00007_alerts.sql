-- +goose Up

-- Rules that tell people of a sensor, each with its state.
CREATE TABLE alert (
    id             TEXT    PRIMARY KEY, -- UUID, version 7
    account_id     TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    sensor_id      TEXT    NOT NULL,    -- it may be gone
    attribute_id   TEXT    NOT NULL,    -- '' for any
    name           TEXT    NOT NULL,
    condition      TEXT    NOT NULL,    -- above, below, outside, no_data, battery_under
    low            REAL    NOT NULL,
    high           REAL    NOT NULL,
    hysteresis     REAL    NOT NULL,
    after_us       INTEGER NOT NULL,
    pause_us       INTEGER NOT NULL,
    notify         TEXT    NOT NULL,    -- account ids, separated by commas
    email          INTEGER NOT NULL,    -- 0 or 1
    webhook_url    TEXT    NOT NULL,    -- '' for none
    webhook_secret TEXT    NOT NULL,
    enabled        INTEGER NOT NULL,    -- 0 or 1
    created_at     INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    firing         INTEGER NOT NULL,    -- 0 or 1; from here on the state
    changed_at     INTEGER NOT NULL,
    fired_at       INTEGER NOT NULL,    -- 0 for never
    value          REAL    NOT NULL
) STRICT;
CREATE INDEX alert_account ON alert (account_id, id);
CREATE INDEX alert_sensor ON alert (sensor_id);
