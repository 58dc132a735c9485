//! A zone on S3: one service of a provider, or versitygw, MinIO, Ceph on one's own disks. A tenant has a bucket of its own,
//! and normally credentials of its own, so that a mistake above this line reads nobody else's bytes.
//!
//! `object_store` writes, reads and lists; what it can't do (buckets, users, versions, locks) is asked in plain signed
//! requests over the same connections. Bytes travel unsigned, since TLS guards them and their digest is checked above;
//! so nothing but `https` is accepted.
//!
//! ```text
//! store     ObjectStore: the first segment of a path is the bucket    admin     ZoneAdmin: buckets and their users
//! account   whose credentials a bucket is used with                   settings  what a bucket is set to
//! api       a signed request and its answer                           versions  every version of an object
//! inspect   what a zone says of itself, for doctors
//! unfit     what an administrator has to change                       uploads   in parts, that nobody ended
//! rotate    a new secret in the place of a user's old one
//! transport one pool of connections a zone; tells "full" and "no bucket" apart
//! ```

mod account;
mod admin;
mod api;
mod inspect;
mod rotate;
mod settings;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;
mod unfit;
mod uploads;
mod versions;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use object_store::aws::AwsCredential;
use object_store::client::HttpClient;

use super::{NAMES, Zone, ZoneMetrics, Zones};
use crate::clock::SharedClock;
use crate::parts::{S3Accounts, S3Part};
use crate::rng::Rng;

pub use account::{BucketKeys, KeysError};
pub use inspect::{Seen, Tried};
pub(in crate::zones) use unfit::Unfit;

/// Who a program is that has no account of an administrator.
const NOBODY: &str = "siegel-nobody";

/// What all buckets of a zone share with each other and with its administration.
#[derive(Clone)]
pub struct S3Zone(Arc<Shared>);

struct Shared {
    name: &'static str,
    api: api::Api,
    transport: transport::Transport,
    administrator: Arc<AwsCredential>,
    accounts: S3Accounts,
    keys: Arc<dyn BucketKeys>,
    rng: Arc<dyn Rng>,
    tenants: Mutex<HashMap<String, store::Tenant>>,
}

/// Why a zone on S3 can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum S3OpenError {
    /// No certificates, or none that can be read.
    #[error("{path} can't be read as PEM certificates: {source}", path = path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The parts don't name the two zones.
    #[error("the parts name {found:?} as S3 zones: give exactly one [[s3]] for each of {NAMES:?}")]
    Names {
        /// What they name.
        found: Vec<String>,
    },
    /// Both zones are one.
    #[error(
        "both zones are at {endpoint}: two copies in one place are one copy, give the second zone its own endpoint"
    )]
    OnePlace {
        /// The place.
        endpoint: String,
    },
    /// One account for all, and none named.
    #[error("{zone} has accounts = \"one\" and no admin_access: every program that reads or writes needs it there")]
    NoAccount {
        /// The zone.
        zone: &'static str,
    },
    /// Not a place that bytes may be sent to.
    #[error(
        "the endpoint {endpoint} of {zone} is not https://host[:port]: bytes are sent unsigned, so TLS is what guards them"
    )]
    Endpoint {
        /// The zone.
        zone: &'static str,
        /// The place.
        endpoint: String,
    },
}

impl S3Zone {
    /// The zone that `part` describes. Connects to nothing: a zone that is away comes back while the platform runs.
    pub fn open(
        name: &'static str,
        part: &S3Part,
        ca_file: &Path,
        keys: Arc<dyn BucketKeys>,
        rng: Arc<dyn Rng>,
    ) -> Result<Arc<Self>, S3OpenError> {
        let endpoint = part.endpoint.trim_end_matches('/').to_owned();
        let place = endpoint.strip_prefix("https://").filter(|host| !host.is_empty() && !host.contains('/'));
        if place.is_none() {
            return Err(S3OpenError::Endpoint { zone: name, endpoint });
        }
        let transport = transport::Transport::open(ca_file)?;
        let api = api::Api::new(HttpClient::new(transport.clone()), endpoint, part.region.clone());
        if part.accounts == S3Accounts::One && part.admin().is_none() {
            return Err(S3OpenError::NoAccount { zone: name });
        }
        // A service that does not provision is nobody to the zone's administration: it is denied, which is a sign of life.
        let (key_id, secret_key) = part.admin().map_or((NOBODY, NOBODY), |(access, secret)| (access, secret.expose()));
        let (key_id, secret_key) = (key_id.to_owned(), secret_key.to_owned());
        let administrator = Arc::new(AwsCredential { key_id, secret_key, token: None });
        Ok(Arc::new(Self(Arc::new(Shared {
            name,
            api,
            transport,
            administrator,
            accounts: part.accounts,
            keys,
            rng,
            tenants: Mutex::default(),
        }))))
    }
}

impl Zones {
    /// Two zones on S3, as the parts file describes them. `keys` keeps the credentials of the tenants' buckets.
    pub fn open_s3(
        parts: &[S3Part],
        ca_file: &Path,
        keys: Arc<dyn BucketKeys>,
        bucket_secret: [u8; 32],
        clock: SharedClock,
        rng: Arc<dyn Rng>,
        metrics: ZoneMetrics,
    ) -> Result<Self, S3OpenError> {
        let found = || parts.iter().map(|part| part.name.clone()).collect();
        let named = NAMES.map(|name| parts.iter().find(|part| part.name == name));
        let ([Some(a), Some(b)], 2) = (named, parts.len()) else {
            return Err(S3OpenError::Names { found: found() });
        };
        if a.endpoint.trim_end_matches('/') == b.endpoint.trim_end_matches('/') {
            return Err(S3OpenError::OnePlace { endpoint: a.endpoint.clone() });
        }
        let open = |at: usize, part: &S3Part| {
            let zone = S3Zone::open(NAMES[at], part, ca_file, keys.clone(), rng.clone())?;
            Ok(Zone::new(NAMES[at], &part.jurisdiction, zone.clone(), zone, clock.clone(), metrics.clone()))
        };
        Ok(Self::new(open(0, a)?, open(1, b)?, bucket_secret))
    }
}
