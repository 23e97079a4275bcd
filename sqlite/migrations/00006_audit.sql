-- +goose Up

-- Who did what to whom. Rows are added, and removed when they are old; none is
-- changed. Accounts, rooms and sensors may be gone. Empty texts do not apply.
CREATE TABLE audit (
    id            TEXT    PRIMARY KEY, -- UUID, version 7
    at            INTEGER NOT NULL,    -- µs
    action        TEXT    NOT NULL,
    actor_id      TEXT    NOT NULL,    -- an account, operator or guest; '' where nobody knows
    credential_id TEXT    NOT NULL,    -- of the session or token
    account_id    TEXT    NOT NULL,    -- to whom it was done
    sensor_id     TEXT    NOT NULL,
    room_id       TEXT    NOT NULL,
    address       TEXT    NOT NULL,
    detail        TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_actor ON audit (actor_id, id);
CREATE INDEX audit_account ON audit (account_id, id);

-- +goose StatementBegin
CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd
