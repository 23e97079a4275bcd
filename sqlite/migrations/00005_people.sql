-- +goose Up

-- People, what they may do, and what they share. Times are µs.
CREATE TABLE account (
    id          TEXT    PRIMARY KEY, -- UUID, version 7
    name        TEXT    NOT NULL,
    email       TEXT    UNIQUE,      -- in lower case; NULL for guests
    password    TEXT    NOT NULL,    -- argon2id in PHC format; '' for none
    is_guest    INTEGER NOT NULL,    -- 0 or 1
    is_admin    INTEGER NOT NULL,    -- 0 or 1
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,    -- of a guest; 0 for never
    disabled_at INTEGER NOT NULL,    -- 0 while the account is in use
    version     INTEGER NOT NULL
) STRICT;

-- A credential of the server itself has no account; a session is one, too.
ALTER TABLE token ADD COLUMN kind       TEXT    NOT NULL DEFAULT 'token';
ALTER TABLE token ADD COLUMN account_id TEXT    NOT NULL DEFAULT '';
ALTER TABLE token ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;  -- 0 for never
ALTER TABLE token ADD COLUMN sensor_ids TEXT    NOT NULL DEFAULT ''; -- separated by commas; '' for all
ALTER TABLE token ADD COLUMN device     TEXT    NOT NULL DEFAULT ''; -- what a session was begun with
CREATE INDEX token_account ON token (account_id);
DROP TABLE token_version;

-- Secrets that are sent to somebody and work once.
CREATE TABLE link (
    hash       BLOB    PRIMARY KEY, -- SHA-256
    kind       TEXT    NOT NULL,
    account_id TEXT    NOT NULL,    -- '' where there is none yet
    data       TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX link_account ON link (account_id);

-- Public keys of passkeys (WebAuthn).
CREATE TABLE passkey (
    id         BLOB    PRIMARY KEY, -- the credential's id
    account_id TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    data       TEXT    NOT NULL,    -- JSON of the credential
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX passkey_account ON passkey (account_id);

-- Who an account is at an OpenID Connect issuer.
CREATE TABLE external_identity (
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject)
) STRICT;
CREATE INDEX external_identity_account ON external_identity (account_id);

CREATE TABLE room (
    id              TEXT    PRIMARY KEY, -- UUID, version 7
    name            TEXT    NOT NULL,
    description     TEXT    NOT NULL,
    owner_id        TEXT    NOT NULL REFERENCES account (id),
    is_public       INTEGER NOT NULL,    -- 0 or 1
    created_at      INTEGER NOT NULL,
    settings        TEXT    NOT NULL,    -- a JSON object
    join_code       TEXT    UNIQUE,      -- NULL for none
    code_expires_at INTEGER NOT NULL,
    version         INTEGER NOT NULL
) STRICT;
CREATE INDEX room_public ON room (is_public, id);
CREATE INDEX room_owner ON room (owner_id);

CREATE TABLE member (
    room_id    TEXT    NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    account_id TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    role       TEXT    NOT NULL, -- guest, member, admin or owner
    joined_at  INTEGER NOT NULL,
    PRIMARY KEY (room_id, account_id)
) STRICT;
CREATE INDEX member_account ON member (account_id, room_id);

CREATE TABLE ban (
    room_id    TEXT    NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    account_id TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    banned_at  INTEGER NOT NULL,
    PRIMARY KEY (room_id, account_id)
) STRICT;
CREATE INDEX ban_account ON ban (account_id);

-- Sensors in rooms. A sensor may be gone, or not be there yet.
CREATE TABLE share (
    room_id     TEXT    NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    sensor_id   TEXT    NOT NULL,
    shared_by   TEXT    NOT NULL,
    shared_at   INTEGER NOT NULL,
    control     INTEGER NOT NULL, -- 0 or 1: members may send commands
    all_history INTEGER NOT NULL, -- 0 or 1: members see what was before shared_at
    transient   INTEGER NOT NULL, -- 0 or 1: ends when the device disconnects
    PRIMARY KEY (room_id, sensor_id)
) STRICT;
CREATE INDEX share_sensor ON share (sensor_id);

-- Rights of single accounts to sensors; account_id '' is everybody.
CREATE TABLE sensor_grant (
    sensor_id   TEXT    NOT NULL,
    account_id  TEXT    NOT NULL,
    granted_at  INTEGER NOT NULL,
    control     INTEGER NOT NULL,
    all_history INTEGER NOT NULL,
    PRIMARY KEY (sensor_id, account_id)
) STRICT;
CREATE INDEX sensor_grant_account ON sensor_grant (account_id);

CREATE TABLE invitation (
    id         TEXT    PRIMARY KEY, -- UUID, version 7
    room_id    TEXT    NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    account_id TEXT    NOT NULL,    -- '' where it is for an address
    email      TEXT    NOT NULL,    -- '' where it is for an account
    role       TEXT    NOT NULL,
    invited_by TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX invitation_account ON invitation (account_id, id);
CREATE INDEX invitation_email ON invitation (email, id);
CREATE INDEX invitation_room ON invitation (room_id, id);

CREATE TABLE notification (
    id         TEXT    PRIMARY KEY, -- UUID, version 7
    account_id TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind       TEXT    NOT NULL,
    data       TEXT    NOT NULL,    -- a JSON object
    created_at INTEGER NOT NULL,
    read_at    INTEGER NOT NULL     -- 0 while it is unread
) STRICT;
CREATE INDEX notification_account ON notification (account_id, id);

-- What has changed, for whoever caches it: one row a change, numbered in order
-- of commit, since the counter's row is locked until then.
CREATE TABLE change (
    version INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL, -- token, account, room, sensor
    id      TEXT NOT NULL
) STRICT;
CREATE TABLE change_version (
    version INTEGER NOT NULL
) STRICT;
INSERT INTO change_version (version) VALUES (0);
