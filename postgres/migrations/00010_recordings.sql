-- +goose Up

-- What rooms recorded: a name for a time, and the sensors that were in the room.
CREATE TABLE recording (
    id         text   PRIMARY KEY, -- UUID, version 7
    room_id    text   NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    name       text   NOT NULL,
    started_by text   NOT NULL,
    began_at   bigint NOT NULL,
    ended_at   bigint NOT NULL,    -- 0 while it goes on
    sensors    text   NOT NULL     -- a JSON array of ids
);
CREATE INDEX recording_room ON recording (room_id, id);
CREATE UNIQUE INDEX recording_active ON recording (room_id) WHERE ended_at = 0;
