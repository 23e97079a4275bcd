-- +goose Up

-- Who did what to whom. Rows are added, and removed when they are old; none is
-- changed. Accounts, rooms and sensors may be gone. Empty texts do not apply.
CREATE TABLE audit (
    id            text   COLLATE "C" PRIMARY KEY, -- UUID, version 7
    at            bigint NOT NULL,                -- µs
    action        text   NOT NULL,
    actor_id      text   NOT NULL,                -- an account, operator or guest; '' where nobody knows
    credential_id text   NOT NULL,                -- of the session or token
    account_id    text   NOT NULL,                -- to whom it was done
    sensor_id     text   NOT NULL,
    room_id       text   NOT NULL,
    address       text   NOT NULL,
    detail        text   NOT NULL
);
CREATE INDEX audit_actor ON audit (actor_id, id);
CREATE INDEX audit_account ON audit (account_id, id);

-- +goose StatementBegin
CREATE FUNCTION refuse_audit_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_update BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_audit_update();
