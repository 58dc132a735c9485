-- When the first owner's code ends. Zero for tenants that were made before this was kept: their dealer makes a new code.
ALTER TABLE tenants ADD COLUMN owner_code_expires_ms BIGINT NOT NULL DEFAULT 0;
