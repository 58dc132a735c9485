-- Objects that no row names and that a clock ahead has dated: how old they are, only the time since they were found says.
CREATE TABLE strays (
    zone    TEXT   NOT NULL,
    object  TEXT   NOT NULL,
    seen_ms BIGINT NOT NULL,
    PRIMARY KEY (zone, object)
);
