# What the operator may do in OpenBao: it alone makes tenant keys and destroys them, and sets out secrets for the services.

path "transit/keys/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}
path "transit/keys" {
  capabilities = ["list"]
}
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

path "siegel/data/*" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
path "siegel/metadata/*" {
  capabilities = ["create", "read", "update", "list", "delete"]
}
# Every version of a secret, when its tenant is erased.
path "siegel/destroy/*" {
  capabilities = ["update"]
}
