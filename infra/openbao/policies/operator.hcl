# The operator alone makes, rotates and destroys tenant keys. It can open nothing under them: it may not decrypt.

path "tenant-keys/keys/*" {
  capabilities = ["create", "read", "update", "delete"]
}
# A data key, sealed under the tenant's key and never shown. Fails where there is no key.
path "tenant-keys/datakey/wrapped/*" {
  capabilities = ["update"]
}
path "tenant-keys/rewrap/*" {
  capabilities = ["update"]
}

# What belongs to tenants: the sealed data key, and credentials that the operator makes for services.
path "siegel/data/tenant/*" {
  capabilities = ["create", "read", "update"]
}
path "siegel/metadata/tenant/*" {
  capabilities = ["read", "list", "delete"]
}

# Credentials of buckets, by zone.
path "siegel/data/zones/+/+" {
  capabilities = ["create", "read", "update"]
}
path "siegel/metadata/zones/+/+" {
  capabilities = ["delete"]
}

# Passwords of all roles in PostgreSQL, which it makes: each by its name, since service.hcl names the operator's own and the
# provider's, and a rule with a + would count less. `siegel-admin rotate` replaces them.
path "siegel/data/postgres/key_directory" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/postgres/upload" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/postgres/keys" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/postgres/retention" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/postgres/notification" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/postgres/operator" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/postgres/provider" {
  capabilities = ["create", "read", "update"]
}

# The CA with its key, and a certificate for each service.
path "siegel/data/tls/ca" {
  capabilities = ["create", "read"]
}
path "siegel/data/tls/ca-certificate" {
  capabilities = ["create", "read"]
}
path "siegel/data/tls/key-directory" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/tls/inside/key-directory" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/tls/upload" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/tls/inside/upload" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/tls/retention" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/tls/inside/retention" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/tls/notification" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/tls/inside/notification" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/tls/operator" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/tls/inside/operator" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/tls/dealer-api" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/tls/inside/dealer-api" {
  capabilities = ["create", "read", "update"]
}
# The names that each wants in its public one.
path "siegel/data/+/tls-names" {
  capabilities = ["read"]
}
