-- +goose Up

-- Shared rooms that have moved to another document (docs/p2p.md).
ALTER TABLE shared_room ADD COLUMN moves INTEGER NOT NULL DEFAULT 0; -- how often
ALTER TABLE shared_room ADD COLUMN left_docs TEXT NOT NULL DEFAULT '[]'; -- documents that some members have not left yet, JSON; secrets
