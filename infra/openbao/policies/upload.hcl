# Upload, beside service.hcl and opens-tenants.hcl: it alone reads and writes the zones, and keeps the shred keys.

path "siegel/data/postgres/keys" {
  capabilities = ["read"]
}
# Credentials of a tenant's bucket in a zone; the operator makes them.
path "siegel/data/zones/+/+" {
  capabilities = ["read"]
}
