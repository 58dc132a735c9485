-- Which dead letters Kafka has a copy of. A letter that is put aside once more is a new row, and is copied once more. Unused where
-- outboxes are the log.
ALTER TABLE dead_letters ADD COLUMN copied BIGINT NOT NULL DEFAULT 0;
