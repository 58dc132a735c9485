-- When somebody asked for a dead letter to be handled anew; the consumer clears it away, or puts the letter aside once more.
ALTER TABLE dead_letters ADD COLUMN redrive_ms BIGINT;
