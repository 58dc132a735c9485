# One of three OpenBao nodes. `cargo xtask up` fills in {{…}}.

# Raft over three places: the loss of any one of them leaves a majority.
storage "raft" {
  path    = "{{data}}"
  node_id = "{{name}}"
  # A lost leader is replaced in 2.5 s with 1 and 8 s with 5 (measured). 1 is too impatient for a machine under load: nodes
  # elected in circles, two took themselves for the leader, and once they had each made an identity for the same AppRole,
  # OpenBao merged them and refused every token after that ("the entity on the token is invalid"; seen, only a wipe helped).
  performance_multiplier = 3

  retry_join {
    leader_api_addr     = "https://{{host_a}}:{{port}}"
    leader_ca_cert_file = "{{ca}}"
  }
  retry_join {
    leader_api_addr     = "https://{{host_b}}:{{port}}"
    leader_ca_cert_file = "{{ca}}"
  }
  retry_join {
    leader_api_addr     = "https://{{host_c}}:{{port}}"
    leader_ca_cert_file = "{{ca}}"
  }
}

listener "tcp" {
  address         = "{{host}}:{{port}}"
  cluster_address = "{{host}}:{{cluster_port}}"
  tls_cert_file   = "{{cert}}"
  tls_key_file    = "{{key}}"
  tls_min_version = "tls13"
}

# Where the other nodes, not the clients, find this one.
api_addr     = "https://{{host}}:{{port}}"
cluster_addr = "https://{{host}}:{{cluster_port}}"

log_level = "warn"
