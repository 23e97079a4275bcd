-- +goose Up

-- Whose quotas the sensor counts for: a person, or a token of the server; '' for
-- the owner's.
ALTER TABLE sensor ADD COLUMN brought_by TEXT NOT NULL DEFAULT '';
