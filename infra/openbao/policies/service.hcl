# What a service may do in OpenBao. {{service}} is its name.

# Seal and open under tenant keys that exist. `update` without `create`: encrypting under a key that is gone would silently make
# a new one, and an erased tenant would seem to live on.
path "transit/encrypt/*" {
  capabilities = ["update"]
}
path "transit/decrypt/*" {
  capabilities = ["update"]
}
path "transit/rewrap/*" {
  capabilities = ["update"]
}
path "transit/datakey/*" {
  capabilities = ["update"]
}
# Which versions a key has, for rewrapping; never the key itself.
path "transit/keys/*" {
  capabilities = ["read"]
}

# Its own secrets, and what the operator set out for it (credentials of a tenant in a zone or a database).
path "siegel/data/services/{{service}}/*" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
path "siegel/metadata/services/{{service}}/*" {
  capabilities = ["read", "list", "delete"]
}
path "siegel/data/shared/*" {
  capabilities = ["read"]
}
path "siegel/metadata/shared/*" {
  capabilities = ["read", "list"]
}
