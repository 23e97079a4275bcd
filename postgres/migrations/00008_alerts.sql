-- +goose Up

-- Rules that tell people of a sensor, each with its state.
CREATE TABLE alert (
    id             text             COLLATE "C" PRIMARY KEY, -- UUID, version 7
    account_id     text             NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    sensor_id      text             NOT NULL,    -- it may be gone
    attribute_id   text             NOT NULL,    -- '' for any
    name           text             NOT NULL,
    condition      text             NOT NULL,    -- above, below, outside, no_data, battery_under
    low            double precision NOT NULL,
    high           double precision NOT NULL,
    hysteresis     double precision NOT NULL,
    after_us       bigint           NOT NULL,
    pause_us       bigint           NOT NULL,
    notify         text             NOT NULL,    -- account ids, separated by commas
    email          bigint           NOT NULL,    -- 0 or 1
    webhook_url    text             NOT NULL,    -- '' for none
    webhook_secret text             NOT NULL,
    enabled        bigint           NOT NULL,    -- 0 or 1
    created_at     bigint           NOT NULL,
    version        bigint           NOT NULL,
    firing         bigint           NOT NULL,    -- 0 or 1; from here on the state
    changed_at     bigint           NOT NULL,
    fired_at       bigint           NOT NULL,    -- 0 for never
    value          double precision NOT NULL
);
CREATE INDEX alert_account ON alert (account_id, id);
CREATE INDEX alert_sensor ON alert (sensor_id);
