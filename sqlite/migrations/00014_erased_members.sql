-- +goose Up

-- Members of shared rooms whose accounts were erased, until that they are out is
-- written into the rooms' documents and has reached another server (docs/p2p.md).
-- Nothing else of them is kept: their key is in these documents anyway, and the id of
-- the account is what it is made from, to sign with.
CREATE TABLE erased_member (
    room_id    TEXT NOT NULL REFERENCES shared_room (room_id) ON DELETE CASCADE,
    key        TEXT NOT NULL,
    account_id TEXT NOT NULL,
    erased_at  INTEGER NOT NULL, -- in µs
    PRIMARY KEY (room_id, key)
) STRICT;
