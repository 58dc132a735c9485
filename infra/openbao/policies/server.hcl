# `siegel-server`, every service in one process, and `siegel-admin`, beside all others: operator.hcl,
# opens-tenants.hcl, upload.hcl, key-directory.hcl, and service.hcl for each service.

path "siegel/data/tls/leaf" {
  capabilities = ["create", "read", "update"]
}
# The certificate of the host in front of the programs, which `siegel-admin certificate front` writes to a file.
path "siegel/data/tls/front" {
  capabilities = ["create", "read", "update"]
}
# The operator makes data keys, and two services read them. Of two rules the one that says more of the path counts, which would be
# the readers': so it is said once more for who is all of them.
path "siegel/data/tenant/+/data-key" {
  capabilities = ["create", "read", "update"]
}
# The same of the credentials of buckets.
path "siegel/data/zones/+/+" {
  capabilities = ["create", "read", "update"]
}
# Passwords of users at Kafka, which `siegel-admin rotate kafka-passwords` replaces: each by its name, as service.hcl has them.
path "siegel/data/kafka/key-directory" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/kafka/upload" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/kafka/retention" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/kafka/notification" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/kafka/operator" {
  capabilities = ["create", "read", "update"]
}
path "siegel/data/kafka/dealer-api" {
  capabilities = ["create", "read", "update"]
}
