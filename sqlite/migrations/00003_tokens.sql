-- +goose Up
CREATE TABLE token (
    id          TEXT    PRIMARY KEY,
    name        TEXT    NOT NULL,
    scopes      TEXT    NOT NULL, -- comma-separated
    secret_hash BLOB    NOT NULL,
    created_at  INTEGER NOT NULL, -- µs
    revoked_at  INTEGER           -- µs
) STRICT, WITHOUT ROWID;

-- One row: how often tokens have changed, whichever process changed them.
CREATE TABLE token_version (
    version INTEGER NOT NULL
) STRICT;
INSERT INTO token_version (version) VALUES (0);
