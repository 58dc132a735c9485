-- A tenant's key directory: who belongs to it, with which keys, and who is signed in.
-- Names exist here in two forms only: a login name as an HMAC under the tenant's secret, and labels that a client of the
-- tenant sealed. Columns marked (2) lie under the second layer besides: AES-256-GCM under the tenant's key, bound to
-- tenant, table, row and column.

CREATE TABLE members (
    id              TEXT    NOT NULL PRIMARY KEY,
    role            TEXT    NOT NULL, -- owner, member
    standing        TEXT    NOT NULL, -- invited, pending, active, removed
    login_hash      BLOB    UNIQUE,   -- HMAC of the name before the @; null until enrolled and once removed
    opaque_setup    BIGINT,           -- which server set-up the record was made under
    opaque_record   BLOB,             -- (2)
    user_key        BLOB,             -- X-Wing public key
    recovery_key    BLOB,             -- Ed25519 public key
    recovery_slot   BLOB,             -- (2)
    sealed_label    BLOB,             -- (2); null for the first owner
    created_ms      BIGINT  NOT NULL
);
CREATE INDEX members_by_age ON members (created_ms, id);

CREATE TABLE senders (
    id              TEXT    NOT NULL PRIMARY KEY,
    standing        TEXT    NOT NULL, -- as above
    return_report   TEXT    NOT NULL, -- always, never, ask (C05)
    sealed_label    BLOB    NOT NULL, -- (2)
    created_ms      BIGINT  NOT NULL,
    version         BIGINT  NOT NULL DEFAULT 1 -- counts changes; the ETag
);
CREATE INDEX senders_by_age ON senders (created_ms, id);

-- One-time codes: only a hash of an authenticator that is derived from the code.
CREATE TABLE invites (
    id              TEXT    NOT NULL PRIMARY KEY,
    auth_hash       BLOB    NOT NULL UNIQUE,
    founder         BIGINT  NOT NULL, -- 1: the first owner's, whose hash came from the dealer
    role            TEXT    NOT NULL, -- owner, member, sender
    principal       TEXT    NOT NULL, -- who the newcomer becomes
    device          TEXT    NOT NULL, -- the newcomer's device
    sealed_code     BLOB,             -- (2); null for the first owner
    mac             BLOB,             -- over the keys that were offered; null until used
    created_ms      BIGINT  NOT NULL,
    expires_ms      BIGINT  NOT NULL,
    used_ms         BIGINT
);
CREATE INDEX invites_by_principal ON invites (principal);

CREATE TABLE devices (
    id               TEXT   NOT NULL PRIMARY KEY,
    principal        TEXT   NOT NULL,
    sign_key         BLOB   NOT NULL,
    sign_fingerprint BLOB   NOT NULL UNIQUE, -- a key never comes back, not even at another device
    kem_key          BLOB   NOT NULL,
    created_ms       BIGINT NOT NULL,
    last_seen_day_ms BIGINT,                 -- to the day: enough to tidy up, too little to watch a person
    revoked_ms       BIGINT
);
CREATE INDEX devices_by_principal ON devices (principal);

-- A user's root, sealed by the client to a device and under the password.
CREATE TABLE slots (
    device          TEXT    NOT NULL PRIMARY KEY REFERENCES devices (id),
    slot            BLOB    NOT NULL  -- (2)
);

CREATE TABLE sessions (
    id              TEXT    NOT NULL PRIMARY KEY,
    principal       TEXT    NOT NULL,
    device          TEXT    NOT NULL REFERENCES devices (id),
    created_ms      BIGINT  NOT NULL,
    seen_ms         BIGINT  NOT NULL,
    ended_ms        BIGINT
);
CREATE INDEX sessions_by_principal ON sessions (principal);

-- The signed chain, as it was received. The primary key is the last net against two appends at once.
CREATE TABLE roster (
    sequence        BIGINT  NOT NULL PRIMARY KEY,
    entry           BLOB    NOT NULL,
    digest          BLOB    NOT NULL UNIQUE,
    introduces      TEXT    -- the member or sender whose keys this entry brings in
);
CREATE INDEX roster_by_introduced ON roster (introduces);

CREATE TABLE epochs (
    number          BIGINT  NOT NULL PRIMARY KEY,
    statement       BLOB    NOT NULL,
    kem_fingerprint BLOB    NOT NULL,
    created_ms      BIGINT  NOT NULL
);

-- The newest bundle only: it holds the seeds of all epochs.
CREATE TABLE bundles (
    revision        BIGINT  NOT NULL PRIMARY KEY,
    digest          BLOB    NOT NULL,
    bundle          BLOB    NOT NULL
);

-- Logins that were begun and not finished, by account. Bounded: one row for each device and 4,096 for everybody else.
CREATE TABLE login_charges (
    account         BLOB    NOT NULL PRIMARY KEY,
    failures        BIGINT  NOT NULL,
    last_ms         BIGINT  NOT NULL
);

-- Login attempts and challenges that were answered, until they expire: each is good once.
CREATE TABLE used_once (
    token           BLOB    NOT NULL PRIMARY KEY,
    expires_ms      BIGINT  NOT NULL
);
CREATE INDEX used_once_by_expiry ON used_once (expires_ms);

-- The outbox, as every service has it (siegel_platform::log::OUTBOX_SQL).
CREATE TABLE outbox (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id    TEXT    NOT NULL UNIQUE,
    type        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    time_ms     BIGINT  NOT NULL,
    traceparent TEXT    NOT NULL,
    data        BLOB    NOT NULL
);
