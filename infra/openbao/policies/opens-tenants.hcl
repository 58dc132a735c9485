# Services that keep tenants' rows: key-directory and upload, beside service.hcl.

# Opens data keys, and can make none. `update` alone: with `create` a key that was destroyed would silently be made anew.
path "tenant-keys/decrypt/*" {
  capabilities = ["update"]
}
path "siegel/data/tenant/+/data-key" {
  capabilities = ["read"]
}
