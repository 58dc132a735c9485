-- What retention keeps for one tenant. Two kinds of tables: `deadlines`, `record_parties` and `audit_lines` are derived
-- from events and can be rebuilt by replay; `erasures` and `receipts` are the only copy of what they say.
-- Ids and times only. POLICIES.md says how long each stays.

-- When a record falls due (C11). A row goes when erasing begins.
CREATE TABLE deadlines (
    record     TEXT   NOT NULL PRIMARY KEY,
    policy     TEXT   NOT NULL,
    touched_ms BIGINT NOT NULL, -- the commit, or the last complete fetch
    due_ms     BIGINT NOT NULL
);
CREATE INDEX deadlines_by_due ON deadlines (due_ms);

-- Who a record concerns: its sender and all it was granted to.
CREATE TABLE record_parties (
    record     TEXT   NOT NULL,
    party      TEXT   NOT NULL,
    PRIMARY KEY (record, party)
);

-- The audit trail of all services.
CREATE TABLE audit_lines (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id   TEXT   NOT NULL UNIQUE,
    source     TEXT   NOT NULL,
    time_ms    BIGINT NOT NULL,
    actor      TEXT   NOT NULL,
    device     TEXT   NOT NULL,
    action     TEXT   NOT NULL,
    object     TEXT   NOT NULL,
    outcome    TEXT   NOT NULL
);
CREATE INDEX audit_lines_by_object ON audit_lines (object, sequence);
CREATE INDEX audit_lines_by_actor ON audit_lines (actor, sequence);

-- A request to erase, or an expiry.
CREATE TABLE erasures (
    id          TEXT   NOT NULL PRIMARY KEY,
    cause       TEXT   NOT NULL, -- asked, expired
    target_kind TEXT   NOT NULL, -- record, conversation
    target      TEXT   NOT NULL,
    second      TEXT   NOT NULL DEFAULT '', -- a conversation's second party
    actor       TEXT   NOT NULL, -- who asked, or platform
    device      TEXT   NOT NULL DEFAULT '',
    state       TEXT   NOT NULL, -- running, done
    listed      BIGINT NOT NULL DEFAULT 0, -- its records are all in erasure_records
    waiting_for TEXT   NOT NULL DEFAULT '', -- what the conversation itself waits for
    created_ms  BIGINT NOT NULL,
    done_ms     BIGINT
);
CREATE UNIQUE INDEX erasures_running ON erasures (target) WHERE state = 'running';
CREATE INDEX erasures_by_target ON erasures (target, created_ms);

-- One record of an erasure. A worker takes a lease; if it is killed, the lease runs out and another goes on.
CREATE TABLE erasure_records (
    erasure        TEXT   NOT NULL REFERENCES erasures (id),
    record         TEXT   NOT NULL,
    state          TEXT   NOT NULL, -- waiting, done
    attempts       BIGINT NOT NULL DEFAULT 0,
    next_ms        BIGINT NOT NULL DEFAULT 0, -- not before
    lease          TEXT   NOT NULL DEFAULT '', -- who works on it
    lease_until_ms BIGINT NOT NULL DEFAULT 0,
    waiting_for    TEXT   NOT NULL DEFAULT '',
    receipt        TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (erasure, record)
);
CREATE INDEX erasure_records_waiting ON erasure_records (next_ms) WHERE state = 'waiting';

-- Signed statements of what was seen. They outlive the record: it is what is left of it.
CREATE TABLE receipts (
    id         TEXT   NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL, -- erase
    record     TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    receipt    BLOB   NOT NULL,
    UNIQUE (record, kind)
);
CREATE INDEX receipts_by_time ON receipts (created_ms, id);

-- Who may read a receipt beside the tenant's members.
CREATE TABLE receipt_parties (
    receipt    TEXT   NOT NULL REFERENCES receipts (id),
    party      TEXT   NOT NULL,
    PRIMARY KEY (receipt, party)
);
CREATE INDEX receipt_parties_by_party ON receipt_parties (party);

-- Whether expiry is held because of the clock, so that it is told once, whatever is restarted.
CREATE TABLE expiry_hold (
    one        BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    since_ms   BIGINT NOT NULL
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

-- How far each consumer of this service has come in each source, moved in the transaction of the consumer's effects.
-- Copied into the migrations of services that consume events.
CREATE TABLE positions (
    consumer TEXT   NOT NULL,
    source   TEXT   NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (consumer, source)
);

-- Events that a consumer could not make sense of. They hold nothing up; the alarm on their count calls a person.
CREATE TABLE dead_letters (
    consumer  TEXT   NOT NULL,
    source    TEXT   NOT NULL,
    position  BIGINT NOT NULL,
    event_id  TEXT   NOT NULL,
    type      TEXT   NOT NULL,
    reason    TEXT   NOT NULL,
    parked_ms BIGINT NOT NULL,
    data      BLOB   NOT NULL,
    PRIMARY KEY (consumer, source, position)
);
