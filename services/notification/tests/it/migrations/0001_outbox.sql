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
