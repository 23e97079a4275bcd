-- +goose Up

-- Since when everything of an account is being removed, in µs; 0 for never.
ALTER TABLE account ADD COLUMN erased_at INTEGER NOT NULL DEFAULT 0;
