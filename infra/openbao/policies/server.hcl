# `siegel-server`, every service in one process, beside all others: operator.hcl,
# opens-tenants.hcl, key-directory.hcl, and service.hcl for each service.

path "siegel/data/tls/leaf" {
  capabilities = ["create", "read", "update"]
}
