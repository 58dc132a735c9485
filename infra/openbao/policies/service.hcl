# Every service; `@service@` is its name (key-directory, upload, retention, notification, operator, dealer-api), `@schema@` the same with
# underscores. Of two rules that fit, the one that says more of a path counts alone, and equal ones add up: so a rule here never
# takes from operator.hcl what stands there with the same path.

# What all of them share. Whoever comes first makes it, nobody replaces it.
path "siegel/data/sign/statements" {
  capabilities = ["create", "read"]
}
path "siegel/data/page-tokens" {
  capabilities = ["create", "read"]
}
# How buckets are called; what opens them lies elsewhere.
path "siegel/data/zones/buckets" {
  capabilities = ["create", "read"]
}
# The CA without its key: the operator makes certificates (crates/platform/src/tls/others.rs).
path "siegel/data/tls/ca-certificate" {
  capabilities = ["read"]
}
# The password of the role that knows which tenants there are.
path "siegel/data/postgres/provider" {
  capabilities = ["read"]
}

# Its own: certificates, the password of its role, and what it keeps.
path "siegel/data/tls/@service@" {
  capabilities = ["read"]
}
path "siegel/data/tls/inside/@service@" {
  capabilities = ["read"]
}
path "siegel/data/postgres/@schema@" {
  capabilities = ["read"]
}
# The password of its user at Kafka, once it was replaced.
path "siegel/data/kafka/@service@" {
  capabilities = ["read"]
}
path "siegel/data/@service@/*" {
  capabilities = ["create", "read", "update"]
}
# Credentials that the operator makes for it, by tenant.
path "siegel/data/tenant/+/@service@/*" {
  capabilities = ["read"]
}
