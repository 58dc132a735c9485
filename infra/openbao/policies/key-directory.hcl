# The key directory, beside service.hcl: the set-ups behind logins. Made once, replaced by nobody: every password depends on them.

path "siegel/data/login-nowhere/*" {
  capabilities = ["create", "read"]
}
path "siegel/data/tenant/+/opaque-1" {
  capabilities = ["create", "read"]
}
path "siegel/data/tenant/+/login-names" {
  capabilities = ["create", "read"]
}
