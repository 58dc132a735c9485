-- What was done to tenants, in the transaction that did it. The operator carries it over into the tenant's own outbox as
-- soon as the tenant has one (a tenant exists here before it has a directory), and deletes it here. Ids only.
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

-- Answers of writes, so that a repetition is done once (siegel_platform::http::idempotency).
CREATE TABLE idempotency (
    scope       BLOB    NOT NULL PRIMARY KEY, -- hash of tenant, principal, route and the client's key
    body_hash   BLOB    NOT NULL,
    status      BIGINT  NOT NULL,
    body        BLOB    NOT NULL,
    created_ms  BIGINT  NOT NULL
);
CREATE INDEX idempotency_by_age ON idempotency (created_ms);
