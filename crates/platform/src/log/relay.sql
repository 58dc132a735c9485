-- How far this outbox has been carried to Kafka, and by whom right now: a lease, so that of several replicas one carries, and a
-- fencing number, so that one that lost its lease can't move the mark. One row at most; unused where outboxes are the log.
CREATE TABLE relay (
    one      BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    position BIGINT NOT NULL,
    holder   TEXT   NOT NULL,
    fence    BIGINT NOT NULL,
    until_ms BIGINT NOT NULL
);
