-- +goose Up

-- People, what they may do, and what they share. Times are µs.
CREATE TABLE account (
    id          text    PRIMARY KEY, -- UUID, version 7
    name        text    NOT NULL,
    email       text    UNIQUE,      -- in lower case; NULL for guests
    password    text    NOT NULL,    -- argon2id in PHC format; '' for none
    is_guest    bigint NOT NULL,    -- 0 or 1
    is_admin    bigint NOT NULL,    -- 0 or 1
    created_at  bigint NOT NULL,
    expires_at  bigint NOT NULL,    -- of a guest; 0 for never
    disabled_at bigint NOT NULL,    -- 0 while the account is in use
    version     bigint NOT NULL
);

-- A credential of the server itself has no account; a session is one, too.
ALTER TABLE token ADD COLUMN kind       text    NOT NULL DEFAULT 'token';
ALTER TABLE token ADD COLUMN account_id text    NOT NULL DEFAULT '';
ALTER TABLE token ADD COLUMN expires_at bigint NOT NULL DEFAULT 0;  -- 0 for never
ALTER TABLE token ADD COLUMN sensor_ids text    NOT NULL DEFAULT ''; -- separated by commas; '' for all
ALTER TABLE token ADD COLUMN device     text    NOT NULL DEFAULT ''; -- what a session was begun with
CREATE INDEX token_account ON token (account_id);
DROP TABLE token_version;

-- Secrets that are sent to somebody and work once.
CREATE TABLE link (
    hash       bytea    PRIMARY KEY, -- SHA-256
    kind       text    NOT NULL,
    account_id text    NOT NULL,    -- '' where there is none yet
    data       text    NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX link_account ON link (account_id);

-- Public keys of passkeys (WebAuthn).
CREATE TABLE passkey (
    id         bytea    PRIMARY KEY, -- the credential's id
    account_id text    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name       text    NOT NULL,
    data       text    NOT NULL,    -- JSON of the credential
    created_at bigint NOT NULL,
    used_at    bigint NOT NULL
);
CREATE INDEX passkey_account ON passkey (account_id);

-- Who an account is at an OpenID Connect issuer.
CREATE TABLE external_identity (
    issuer     text NOT NULL,
    subject    text NOT NULL,
    account_id text NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX external_identity_account ON external_identity (account_id);

CREATE TABLE room (
    id              text    PRIMARY KEY, -- UUID, version 7
    name            text    NOT NULL,
    description     text    NOT NULL,
    owner_id        text    NOT NULL REFERENCES account (id),
    is_public       bigint NOT NULL,    -- 0 or 1
    created_at      bigint NOT NULL,
    settings        text    NOT NULL,    -- a JSON object
    join_code       text    UNIQUE,      -- NULL for none
    code_expires_at bigint NOT NULL,
    version         bigint NOT NULL
);
CREATE INDEX room_public ON room (is_public, id);
CREATE INDEX room_owner ON room (owner_id);

CREATE TABLE member (
    room_id    text    NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    account_id text    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    role       text    NOT NULL, -- guest, member, admin or owner
    joined_at  bigint NOT NULL,
    PRIMARY KEY (room_id, account_id)
);
CREATE INDEX member_account ON member (account_id, room_id);

CREATE TABLE ban (
    room_id    text    NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    account_id text    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    banned_at  bigint NOT NULL,
    PRIMARY KEY (room_id, account_id)
);
CREATE INDEX ban_account ON ban (account_id);

-- Sensors in rooms. A sensor may be gone, or not be there yet.
CREATE TABLE share (
    room_id     text    NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    sensor_id   text    NOT NULL,
    shared_by   text    NOT NULL,
    shared_at   bigint NOT NULL,
    control     bigint NOT NULL, -- 0 or 1: members may send commands
    all_history bigint NOT NULL, -- 0 or 1: members see what was before shared_at
    transient   bigint NOT NULL, -- 0 or 1: ends when the device disconnects
    PRIMARY KEY (room_id, sensor_id)
);
CREATE INDEX share_sensor ON share (sensor_id);

-- Rights of single accounts to sensors; account_id '' is everybody.
CREATE TABLE sensor_grant (
    sensor_id   text    NOT NULL,
    account_id  text    NOT NULL,
    granted_at  bigint NOT NULL,
    control     bigint NOT NULL,
    all_history bigint NOT NULL,
    PRIMARY KEY (sensor_id, account_id)
);
CREATE INDEX sensor_grant_account ON sensor_grant (account_id);

CREATE TABLE invitation (
    id         text    PRIMARY KEY, -- UUID, version 7
    room_id    text    NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    account_id text    NOT NULL,    -- '' where it is for an address
    email      text    NOT NULL,    -- '' where it is for an account
    role       text    NOT NULL,
    invited_by text    NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX invitation_account ON invitation (account_id, id);
CREATE INDEX invitation_email ON invitation (email, id);
CREATE INDEX invitation_room ON invitation (room_id, id);

CREATE TABLE notification (
    id         text    PRIMARY KEY, -- UUID, version 7
    account_id text    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind       text    NOT NULL,
    data       text    NOT NULL,    -- a JSON object
    created_at bigint NOT NULL,
    read_at    bigint NOT NULL     -- 0 while it is unread
);
CREATE INDEX notification_account ON notification (account_id, id);

-- What has changed, for whoever caches it: one row a change, numbered in order
-- of commit, since the counter's row is locked until then.
CREATE TABLE change (
    version bigint PRIMARY KEY,
    kind    text NOT NULL, -- token, account, room, sensor
    id      text NOT NULL
);
CREATE TABLE change_version (
    version bigint NOT NULL
);
INSERT INTO change_version (version) VALUES (0);
