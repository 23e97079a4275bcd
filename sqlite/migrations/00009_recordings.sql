-- +goose Up

-- What rooms recorded: a name for a time, and the sensors that were in the room.
CREATE TABLE recording (
    id         TEXT    PRIMARY KEY, -- UUID, version 7
    room_id    TEXT    NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    started_by TEXT    NOT NULL,
    began_at   INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,    -- 0 while it goes on
    sensors    TEXT    NOT NULL     -- a JSON array of ids
) STRICT;
CREATE INDEX recording_room ON recording (room_id, id);
CREATE UNIQUE INDEX recording_active ON recording (room_id) WHERE ended_at = 0;
