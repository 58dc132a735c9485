-- The one database outside of the tenants: who may create tenants, which tenants there are, and which of them to wake.
-- No personal data: a test lists every column.

-- One who creates tenants for the provider. `label` is the name of a business.
CREATE TABLE dealers (
    id              TEXT    NOT NULL PRIMARY KEY,
    label           TEXT    NOT NULL,
    state           TEXT    NOT NULL, -- active, suspended
    created_ms      BIGINT  NOT NULL
);

-- One-time codes of dealers: only a hash of an authenticator that is derived from the code.
CREATE TABLE dealer_invites (
    id              TEXT    NOT NULL PRIMARY KEY,
    dealer          TEXT    NOT NULL REFERENCES dealers (id),
    auth_hash       BLOB    NOT NULL UNIQUE,
    created_ms      BIGINT  NOT NULL,
    expires_ms      BIGINT  NOT NULL,
    used_ms         BIGINT
);

-- A dealer's registered machines: public keys only.
CREATE TABLE dealer_devices (
    id              TEXT    NOT NULL PRIMARY KEY,
    dealer          TEXT    NOT NULL REFERENCES dealers (id),
    sign_key        BLOB    NOT NULL UNIQUE,
    created_ms      BIGINT  NOT NULL,
    revoked_ms      BIGINT
);
CREATE INDEX dealer_devices_by_dealer ON dealer_devices (dealer);

CREATE TABLE tenants (
    id              TEXT    NOT NULL PRIMARY KEY,
    dealer          TEXT    NOT NULL REFERENCES dealers (id),
    handle          TEXT    NOT NULL UNIQUE,
    display_name    TEXT    NOT NULL,
    comment         TEXT    NOT NULL, -- business data (C08)
    state           TEXT    NOT NULL, -- provisioning, ready, suspended, failed
    durability      TEXT    NOT NULL, -- available, strict
    jurisdiction    TEXT    NOT NULL,
    owner_auth_hash BLOB    NOT NULL, -- of the first owner's code
    owner_enrolled  BIGINT  NOT NULL DEFAULT 0,
    conditions      TEXT    NOT NULL DEFAULT '[]', -- JSON, as on the Kubernetes object
    created_ms      BIGINT  NOT NULL,
    version         BIGINT  NOT NULL DEFAULT 1 -- counts changes; the ETag
);
CREATE INDEX tenants_by_dealer ON tenants (dealer, created_ms, id);

-- Which tenant's database to open, for whom and when, so that idle tenants hold no connection.
CREATE TABLE wakeups (
    tenant          TEXT    NOT NULL,
    service         TEXT    NOT NULL,
    due_ms          BIGINT  NOT NULL,
    PRIMARY KEY (tenant, service)
);
CREATE INDEX wakeups_by_due ON wakeups (service, due_ms);
