//! The certificate of a front: the one host of several programs is a reverse proxy of the administrator's, which reads files and
//! no secrets. Clients pin the platform's own CA, so their host needs a certificate of it as much as the programs do.

use siegel_domain::Timestamp;
use zeroize::Zeroizing;

use super::issue::{Ca, Leaf, Purpose};
use super::{TlsError, all_names};
use crate::clock::Clock;
use crate::secrets::Secrets;

/// Where it lies among the secrets.
const PLACE: &str = "tls/front";

/// A certificate and its key, as haproxy and nginx read them.
pub struct FrontCertificate {
    /// Certificate, CA, key (RFC 7468), in this order.
    pub pem: Zeroizing<String>,
    /// When it ends. It is made anew when two thirds of its life are over and somebody asks.
    pub expires: Timestamp,
}

impl FrontCertificate {
    /// The one that is kept, made if it is missing, due or for other names; by a program that may read the CA's key.
    /// `names` are the names and addresses clients use beside [`super::LOCAL_NAMES`].
    pub async fn load_or_make(secrets: &Secrets, names: &[String], clock: &dyn Clock) -> Result<Self, TlsError> {
        if let Some(name) = names.iter().find(|name| super::others::is_inside(name)) {
            return Err(TlsError::Name(name.clone()));
        }
        let ca = Ca::load_or_make(secrets, clock).await?;
        let purpose = Purpose { place: PLACE.to_owned(), names: all_names(names), calls: false };
        let leaf = Leaf::load_or_make(secrets, &ca, &purpose, clock).await?;
        Ok(Self { pem: leaf.pem_with(&ca), expires: leaf.expires() })
    }
}
