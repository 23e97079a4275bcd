-- +goose Up

-- Rooms that other servers have, too (docs/p2p.md). A row outlives its room, so
-- that the others hear of its end.
CREATE TABLE shared_room (
    room_id   TEXT PRIMARY KEY,
    doc       TEXT NOT NULL, -- id of the room's document
    ticket    TEXT NOT NULL, -- of the document; a secret
    root      TEXT NOT NULL, -- the room's public key
    invite    TEXT NOT NULL, -- hex of the seed that admitted this server's first member; '' where the room was made here
    closed_at INTEGER NOT NULL  -- 0 while the room is there
) STRICT;

-- The facts of shared rooms as they were last exchanged: what differs from them
-- here has not been sent yet.
CREATE TABLE room_fact (
    room_id TEXT NOT NULL REFERENCES shared_room (room_id) ON DELETE CASCADE,
    key     TEXT NOT NULL,
    body    TEXT NOT NULL, -- the signed value, JSON
    PRIMARY KEY (room_id, key)
) STRICT;

-- The public keys of people in shared rooms, and their accounts. Nobody can sign in
-- with the account of a person of another server.
CREATE TABLE person_key (
    key        TEXT PRIMARY KEY,
    account_id TEXT NOT NULL UNIQUE REFERENCES account (id) ON DELETE CASCADE
) STRICT;
