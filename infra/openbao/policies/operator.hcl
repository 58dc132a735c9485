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
