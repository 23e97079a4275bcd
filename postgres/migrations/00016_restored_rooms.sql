-- +goose Up

-- 1 for a shared room that a backup brought back, until the servers that know where it
-- goes on were met (docs/p2p.md); else 0.
ALTER TABLE shared_room ADD COLUMN restored bigint NOT NULL DEFAULT 0;
