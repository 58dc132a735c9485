# End-to-end tests run `siegel-server` as installations of their own beside the first one; their secrets lie in folders that
# begin with `e2e_`. Nothing of production needs this file.

path "siegel/data/e2e_*" {
  capabilities = ["create", "read", "update", "delete"]
}
path "siegel/metadata/e2e_*" {
  capabilities = ["read", "list", "delete"]
}
