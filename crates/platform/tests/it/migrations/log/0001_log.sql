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

CREATE TABLE effects (event_id TEXT NOT NULL, place BIGINT NOT NULL);
