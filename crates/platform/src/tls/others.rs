//! Certificates for programs that may not read the CA's key: the operator, which may, makes theirs and lays them where each program
//! may read its own and nobody else's. So whoever takes over a service has that service's certificate, and can't pass for another.
//!
//! ```text
//! tls/ca                  the CA with its key        the operator (and siegel-server)
//! tls/ca-certificate      without it                 everybody
//! tls/inside/<service>    for the other services     the service reads, the operator writes
//! tls/<service>           for the public address     the same; its names stand in <service>/tls-names, which the service writes
//! ```

use std::sync::Arc;

use super::inside::{DOMAIN, host_name};
use super::issue::{Ca, Leaf, Purpose, wanted};
use super::{Own, TlsError};
use crate::clock::SharedClock;
use crate::peer::SERVICES;
use crate::secrets::Secrets;

/// Makes what is missing, due or for other names.
pub struct ForOthers {
    ca: Ca,
    own: String,
    secrets: Arc<Secrets>,
    clock: SharedClock,
}

impl ForOthers {
    /// None in a program that may not read the CA's key.
    pub(super) async fn beside(own: &Own, service: &str) -> Result<Option<Self>, TlsError> {
        if !own.ca.issues() {
            return Ok(None);
        }
        let (secrets, clock) = (own.secrets.clone(), own.clock.clone());
        let ca = Ca::load_or_make(&secrets, &*clock).await?;
        Ok(Some(Self { ca, own: service.to_owned(), secrets, clock }))
    }

    /// Looks once at what all others need.
    pub async fn make(&self) -> Result<(), TlsError> {
        self.ca.publish(&self.secrets).await?;
        for service in SERVICES.into_iter().filter(|service| *service != self.own) {
            let place = format!("tls/inside/{service}");
            self.one(&Purpose { place, names: vec![host_name(service)], calls: true }).await?;
            let Some(names) = wanted(&self.secrets, service).await? else { continue };
            if names.iter().any(|name| is_inside(name)) {
                tracing::error!(service, "a service wants a certificate with a name of another one: it gets none");
                continue;
            }
            match self.one(&Purpose { place: format!("tls/{service}"), names, calls: false }).await {
                Err(TlsError::Name(name)) => tracing::error!(service, name, "not a name that a certificate can have"),
                done => done?,
            }
        }
        Ok(())
    }

    async fn one(&self, purpose: &Purpose) -> Result<(), TlsError> {
        Leaf::load_or_make(&self.secrets, &self.ca, purpose, &*self.clock).await.map(drop)
    }
}

/// A name by which services know each other: a certificate of the public address must never have one.
pub(super) fn is_inside(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == DOMAIN || name.strip_suffix(DOMAIN).is_some_and(|rest| rest.ends_with('.')) || name.contains('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_public_certificate_has_a_name_of_the_inside() {
        for name in
            ["upload.siegel.internal", "UPLOAD.Siegel.Internal.", "siegel.internal", "*.example", "a.b.siegel.internal"]
        {
            assert!(is_inside(name), "{name}");
        }
        for name in ["localhost", "127.0.0.1", "siegel.example", "notsiegel.internal"] {
            assert!(!is_inside(name), "{name}");
        }
    }
}
