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
