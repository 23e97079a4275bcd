-- +goose Up

-- When the person who is signed in last proved who they are, in µs; 0 for never,
-- as where an issuer signed them in without asking.
ALTER TABLE token ADD COLUMN confirmed_at INTEGER NOT NULL DEFAULT 0;

-- When the session was last used, in µs, up to a minute late; 0 for tokens.
ALTER TABLE token ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;

UPDATE token SET confirmed_at = created_at, used_at = CAST(unixepoch() AS INTEGER) * 1000000 WHERE kind = 'session';
