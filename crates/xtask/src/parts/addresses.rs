//! Where everything listens: two zones and a third place, each with a loopback address of its own, and the fronts on 127.0.0.1.
//!
//! Fixed numbers, so that the parts file is the same whichever parts are started, and so that a person can remember them.

/// A place that can be lost on its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// `a` and `b` hold data, `c` only votes.
    pub(crate) letter: &'static str,
    pub(crate) host: &'static str,
}

pub(crate) const A: Place = Place { letter: "a", host: "127.0.1.1" };
pub(crate) const B: Place = Place { letter: "b", host: "127.0.2.1" };
/// The third place: two sites cannot elect.
pub(crate) const C: Place = Place { letter: "c", host: "127.0.3.1" };

pub(crate) const ZONES: [Place; 2] = [A, B];
pub(crate) const PLACES: [Place; 3] = [A, B, C];

/// The proxies and the fronts, which clients reach.
pub(crate) const FRONT: &str = "127.0.0.1";

pub(crate) const S3: u16 = 7070;
pub(crate) const VAULT: u16 = 8200;
pub(crate) const VAULT_CLUSTER: u16 = 8201;
pub(crate) const POSTGRES: u16 = 5432;
pub(crate) const PATRONI: u16 = 8008;
pub(crate) const ETCD: u16 = 2379;
pub(crate) const ETCD_PEER: u16 = 2380;
/// Kafka's own listener; clients are told the proxy's.
pub(crate) const KAFKA: u16 = 9192;
pub(crate) const KAFKA_CONTROLLER: u16 = 9193;
pub(crate) const TOXIPROXY: u16 = 8474;

/// haproxy's fronts: always the PostgreSQL primary, always an unsealed OpenBao.
pub(crate) const POSTGRES_FRONT: u16 = 5440;
pub(crate) const VAULT_FRONT: u16 = 8200;

/// The one host in front of the programs, if they were asked for.
pub(crate) const PROGRAMS_FRONT: u16 = 8443;

/// One proxy of toxiproxy: a name that tests use, the port clients reach on [`FRONT`], and what is behind it.
pub(crate) struct Proxy {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    pub(crate) to: (Place, u16),
}

pub(crate) const PROXIES: [Proxy; 8] = [
    Proxy { name: "s3-a", port: 7071, to: (A, S3) },
    Proxy { name: "s3-b", port: 7072, to: (B, S3) },
    Proxy { name: "vault-a", port: 8210, to: (A, VAULT) },
    Proxy { name: "vault-b", port: 8220, to: (B, VAULT) },
    Proxy { name: "vault-c", port: 8230, to: (C, VAULT) },
    Proxy { name: "pg-a", port: 5441, to: (A, POSTGRES) },
    Proxy { name: "pg-b", port: 5442, to: (B, POSTGRES) },
    Proxy { name: "kafka", port: 9192, to: (A, KAFKA) },
];

/// `host:port` of a proxy.
pub(crate) fn proxied(name: &str) -> String {
    let proxy = PROXIES.iter().find(|proxy| proxy.name == name).expect("a proxy of the list above");
    format!("{FRONT}:{}", proxy.port)
}

/// `name-a`: the process of that name at that place.
pub(crate) fn at(name: &str, place: Place) -> String {
    format!("{name}-{}", place.letter)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_listen_in_one_place() {
        let fronts = [TOXIPROXY, POSTGRES_FRONT, VAULT_FRONT];
        let taken: BTreeSet<_> = PROXIES.iter().map(|proxy| proxy.port).chain(fronts).collect();
        assert_eq!(taken.len(), PROXIES.len() + fronts.len());
    }
}
