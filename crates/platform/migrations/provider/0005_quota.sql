-- What a tenant may take of each process, in hundredths of the configured standard (siegel_platform::quota).
ALTER TABLE tenants ADD COLUMN quota_percent BIGINT NOT NULL DEFAULT 100;
