-- Answers of writes, so that a repetition is done once (siegel_platform::http::idempotency).
CREATE TABLE idempotency (
    scope       BLOB    NOT NULL PRIMARY KEY, -- hash of tenant, principal, route and the client's key
    body_hash   BLOB    NOT NULL,
    status      BIGINT  NOT NULL,
    body        BLOB    NOT NULL,
    created_ms  BIGINT  NOT NULL
);
CREATE INDEX idempotency_by_age ON idempotency (created_ms);
