-- +goose Up

-- Rooms that other servers have, too (docs/p2p.md). A row outlives its room, so
-- that the others hear of its end.
CREATE TABLE shared_room (
    room_id   text PRIMARY KEY,
    doc       text NOT NULL, -- id of the room's document
    ticket    text NOT NULL, -- of the document; a secret
    root      text NOT NULL, -- the room's public key
    invite    text NOT NULL, -- hex of the seed that admitted this server's first member; '' where the room was made here
    closed_at bigint NOT NULL  -- 0 while the room is there
);

-- The facts of shared rooms as they were last exchanged: what differs from them
-- here has not been sent yet.
CREATE TABLE room_fact (
    room_id text NOT NULL REFERENCES shared_room (room_id) ON DELETE CASCADE,
    key     text NOT NULL,
    body    text NOT NULL, -- the signed value, JSON
    PRIMARY KEY (room_id, key)
);

-- The public keys of people in shared rooms, and their accounts. Nobody can sign in
-- with the account of a person of another server.
CREATE TABLE person_key (
    key        text PRIMARY KEY,
    account_id text NOT NULL UNIQUE REFERENCES account (id) ON DELETE CASCADE
);
