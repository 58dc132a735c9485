-- The shred keys, in a file of their own with secure_delete: deleting a row makes what lies under the key unreadable, in
-- every copy and in every logical backup, which never holds this file.
CREATE TABLE shred_keys (
    id         TEXT   PRIMARY KEY, -- rec_… or cnv_…
    wrapped    BLOB   NOT NULL,    -- 32 bytes under the tenant's key
    created_ms BIGINT NOT NULL
);
