-- +goose Up
CREATE TABLE token (
    id          text   PRIMARY KEY,
    name        text   NOT NULL,
    scopes      text   NOT NULL, -- comma-separated
    secret_hash bytea  NOT NULL,
    created_at  bigint NOT NULL, -- µs
    revoked_at  bigint           -- µs
);

-- One row: how often tokens have changed, whichever process changed them.
CREATE TABLE token_version (
    version bigint NOT NULL
);
INSERT INTO token_version (version) VALUES (0);
