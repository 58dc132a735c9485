# Every service; `@service@` is its name (key-directory, upload, retention, notification, operator, dealer-api).

# What all of them share. Whoever comes first makes it, nobody replaces it.
path "siegel/data/tls/ca" {
  capabilities = ["create", "read"]
}
path "siegel/data/sign/statements" {
  capabilities = ["create", "read"]
}
path "siegel/data/page-tokens" {
  capabilities = ["create", "read"]
}
path "siegel/data/zones/buckets" {
  capabilities = ["create", "read"]
}
# Credentials of a tenant's bucket in a zone; the operator makes them.
path "siegel/data/zones/+/+" {
  capabilities = ["read"]
}
# The passwords of roles in PostgreSQL, by schema.
path "siegel/data/postgres/+" {
  capabilities = ["create", "read"]
}

# Its own.
path "siegel/data/tls/@service@" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/tls/inside/@service@" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/@service@/*" {
  capabilities = ["create", "read", "update"]
}
# Credentials that the operator makes for it, by tenant.
path "siegel/data/tenant/+/@service@/*" {
  capabilities = ["read"]
}
