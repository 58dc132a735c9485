-- Dealers sign in by their machine's key, as senders do; this is what the key directory keeps of it.

-- The machine's id is drawn with the code, so that asking what a code is for answers the same each time.
ALTER TABLE dealer_invites ADD COLUMN device TEXT NOT NULL DEFAULT '';

CREATE TABLE dealer_sessions (
    id              TEXT    NOT NULL PRIMARY KEY,
    dealer          TEXT    NOT NULL REFERENCES dealers (id),
    device          TEXT    NOT NULL REFERENCES dealer_devices (id),
    created_ms      BIGINT  NOT NULL,
    seen_ms         BIGINT  NOT NULL,
    ended_ms        BIGINT
);
CREATE INDEX dealer_sessions_by_dealer ON dealer_sessions (dealer);

-- Login challenges that were answered, until they expire: each is good once.
CREATE TABLE dealer_used_once (
    token           BLOB    NOT NULL PRIMARY KEY,
    expires_ms      BIGINT  NOT NULL
);

-- What dealers and the provider did that belongs to no tenant: enrolling, signing in. Audit events, ids only.
CREATE TABLE dealer_audit (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id        TEXT    NOT NULL UNIQUE,
    time_ms         BIGINT  NOT NULL,
    data            BLOB    NOT NULL  -- siegel.events.v1.Event
);
