-- A record from its first part to its tombstone. Ids only; names, notes and types lie in `metadata`, sealed by the client
-- and once more under the record's shred key (columns marked [2nd]: AES-256-GCM, bound to tenant, table, row and column).
CREATE TABLE records (
    id            TEXT    PRIMARY KEY,
    state         TEXT    NOT NULL,           -- open, committing, committed, sweeping, gone, erasing, erased
    kind          TEXT    NOT NULL,           -- recording, report, message
    policy        TEXT    NOT NULL,
    uploader      TEXT    NOT NULL,           -- the principal who opened it, and alone may go on
    conversation  TEXT,
    answers       TEXT,
    return_report INTEGER NOT NULL,           -- whether a report on it may go back (C05)
    opened_ms     BIGINT  NOT NULL,
    touched_ms    BIGINT  NOT NULL,           -- the last part; abandoned 24 h later
    sender        TEXT,                       -- a party, from the signed manifest
    sealed_bytes  BIGINT  NOT NULL DEFAULT 0,
    parts         BIGINT  NOT NULL DEFAULT 0,
    committed_ms  BIGINT,
    degraded      INTEGER NOT NULL DEFAULT 0, -- whether a zone lacked a copy at commit
    manifest_hash BLOB,
    receipt_id    TEXT,
    receipt       BLOB,
    metadata      BLOB,                       -- [2nd]
    manifest      BLOB
);
CREATE INDEX records_unfinished ON records (touched_ms) WHERE state IN ('open', 'committing', 'sweeping');
CREATE INDEX records_by_uploader ON records (uploader) WHERE state IN ('open', 'committing');
CREATE INDEX records_by_conversation ON records (conversation, id) WHERE conversation IS NOT NULL;

-- Acknowledged parts. Once a row is here it never changes.
CREATE TABLE parts (
    record       TEXT   NOT NULL,
    number       BIGINT NOT NULL,
    digest       BLOB   NOT NULL,
    sealed_bytes BIGINT NOT NULL,
    PRIMARY KEY (record, number)
);

-- What each zone should hold and what it does hold, an object each. A part may have several objects in a zone: the good
-- one, and others that are on their way out. `wanted <> actual` is the list of what is left to do.
CREATE TABLE copies (
    zone       TEXT   NOT NULL,
    object     TEXT   NOT NULL,
    record     TEXT   NOT NULL,
    part       BIGINT NOT NULL,
    wanted     TEXT   NOT NULL,               -- held, absent
    actual     TEXT   NOT NULL,               -- held, lost, rot, absent
    checked_ms BIGINT NOT NULL,               -- when it was last written or compared with its digest
    deleted_ms BIGINT,
    absent_ms  BIGINT,
    PRIMARY KEY (zone, object)
);
CREATE INDEX copies_by_part ON copies (record, part);
CREATE INDEX copies_to_do ON copies (record) WHERE wanted <> actual;
CREATE INDEX copies_to_scrub ON copies (checked_ms) WHERE wanted = 'held' AND actual = 'held';

-- Who may read a record, and in which list it stands for them.
CREATE TABLE parties (
    record       TEXT   NOT NULL,
    party        TEXT   NOT NULL,
    mailbox      TEXT   NOT NULL,             -- inbox, sent
    named        INTEGER NOT NULL,            -- 1: by the signed manifest; 0: passed on
    committed_ms BIGINT NOT NULL,
    PRIMARY KEY (record, party, mailbox)
);
CREATE INDEX parties_mailbox ON parties (party, mailbox, committed_ms DESC, record DESC);

CREATE TABLE grants (
    record     TEXT   NOT NULL,
    digest     BLOB   NOT NULL,               -- of the grant; the same one twice is one
    recipient  TEXT   NOT NULL,
    added_ms   BIGINT NOT NULL,
    sealed     BLOB   NOT NULL,               -- [2nd]
    PRIMARY KEY (record, digest)
);
CREATE INDEX grants_by_recipient ON grants (record, recipient);

-- Complete fetches (C11).
CREATE TABLE fetches (
    record  TEXT   NOT NULL,
    who     TEXT   NOT NULL,
    times   BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    PRIMARY KEY (record, who)
);

-- Threads between the members and a second party (M04).
CREATE TABLE conversations (
    id               TEXT   PRIMARY KEY,
    second_party     TEXT   NOT NULL,
    opened_by        TEXT   NOT NULL,
    sealed_subject   BLOB,                    -- [2nd]
    created_ms       BIGINT NOT NULL,
    last_activity_ms BIGINT NOT NULL,
    records          BIGINT NOT NULL DEFAULT 0,
    erased_ms        BIGINT
);
CREATE INDEX conversations_by_activity ON conversations (last_activity_ms DESC, id DESC) WHERE erased_ms IS NULL;
CREATE INDEX conversations_of_party ON conversations (second_party, last_activity_ms DESC, id DESC) WHERE erased_ms IS NULL;

-- What was seen while a record was erased. Stays, so that a repeated order is answered alike.
CREATE TABLE erasures (
    record           TEXT   PRIMARY KEY,
    cause            TEXT   NOT NULL,         -- asked, expired
    began_ms         BIGINT NOT NULL,
    sender           TEXT   NOT NULL,
    recipients       TEXT   NOT NULL,         -- separated by spaces
    shred_gone_ms    BIGINT,
    tombstone        BLOB   NOT NULL,         -- signed
    tombstone_object TEXT   NOT NULL,
    done_ms          BIGINT
);

-- Which zones hold the tombstone.
CREATE TABLE tombstones (
    record     TEXT   NOT NULL,
    zone       TEXT   NOT NULL,
    object     TEXT   NOT NULL,
    written_ms BIGINT NOT NULL,
    PRIMARY KEY (record, zone)
);

-- The outbox: what happened in this database, in the order of commits. Copied into each service's first migration.
-- `data` is the whole siegel.events.v1.Event; the columns beside it are for people with a SQL prompt.
CREATE TABLE outbox (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id    TEXT    NOT NULL UNIQUE,
    type        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    time_ms     BIGINT  NOT NULL,
    traceparent TEXT    NOT NULL,
    data        BLOB    NOT NULL
);

-- Answers of writes, so that a repetition is done once (siegel_platform::http::idempotency).
CREATE TABLE idempotency (
    scope       BLOB    NOT NULL PRIMARY KEY, -- hash of tenant, principal, route and the client's key
    body_hash   BLOB    NOT NULL,
    status      BIGINT  NOT NULL,
    body        BLOB    NOT NULL,
    created_ms  BIGINT  NOT NULL
);
CREATE INDEX idempotency_by_age ON idempotency (created_ms);
