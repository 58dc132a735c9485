//! The secrets behind logins, by tenant: OPAQUE's server set-up, and the key under which login names are kept.
//!
//! A set-up is made at first use and never changed in place: every password record depends on it. What is made up for
//! names that do not exist (member ids, records, identifiers) is derived from the same secrets, so that it is the same
//! each time and looks like the real thing.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::hmac;
use opaque_ke::rand::{CryptoRng, RngCore};
use opaque_ke::{ServerRegistration, ServerSetup};
use siegel_domain::{DeviceId, MemberId, TenantId};
use siegel_envelope::login::Suite;
use siegel_platform::Problem;
use siegel_platform::rng::Rng;
use siegel_platform::secrets::Secrets;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::error;

/// The set-up that new passwords are registered under.
pub(crate) const SETUP: u32 = 1;
/// OPAQUE's registration record in bytes.
pub(crate) const RECORD_BYTES: usize = 192;
/// Set-ups kept open; the tenants beyond are read from the secrets port again.
const OPEN: usize = 1_024;
/// Accounts that everybody without a registered device of the name shares, see [`Names::account`].
const SHARED_ACCOUNTS: u16 = 4_096;

/// What OPAQUE needs of a tenant.
pub(crate) struct Login {
    pub(crate) setup: ServerSetup<Suite>,
    pub(crate) names: Names,
    /// A well-formed record that no password opens.
    pub(crate) dummy: Vec<u8>,
}

/// The secrets port, and what was read from it.
pub(crate) struct Logins {
    secrets: Arc<Secrets>,
    rng: Arc<dyn Rng>,
    open: Mutex<HashMap<String, Arc<Login>>>,
}

impl Logins {
    pub(crate) fn new(secrets: Arc<Secrets>, rng: Arc<dyn Rng>) -> Self {
        Self { secrets, rng, open: Mutex::default() }
    }

    /// The login secrets of a tenant that exists; made at first use.
    pub(crate) async fn of(&self, tenant: TenantId) -> Result<Arc<Login>, Problem> {
        self.named(&format!("tenant/{tenant}")).await
    }

    /// Those of all tenants that do not exist.
    pub(crate) async fn of_nobody(&self) -> Result<Arc<Login>, Problem> {
        self.named("login-nowhere").await
    }

    /// Reads or makes. Of two first logins at once one makes the set-up: within a process by the lock, of several processes the
    /// first one's is kept.
    async fn named(&self, place: &str) -> Result<Arc<Login>, Problem> {
        let mut open = self.open.lock().await;
        if let Some(login) = open.get(place) {
            return Ok(login.clone());
        }
        let name = format!("{place}/opaque-{SETUP}");
        let bytes = match self.secrets.get(&name).await? {
            Some(bytes) => bytes,
            None => {
                let made = ServerSetup::<Suite>::new(&mut OpaqueRng(&*self.rng));
                self.secrets.put_new(&name, &Zeroizing::new(made.serialize().to_vec())).await?
            }
        };
        let setup = ServerSetup::<Suite>::deserialize(&bytes).map_err(error::opaque)?;
        let names_key = self.secrets.get_or_create(&format!("{place}/login-names"), 32).await?;
        let names = Names(hmac::Key::new(hmac::HMAC_SHA256, &names_key));
        let dummy = names.dummy_record(&setup);
        let login = Arc::new(Login { setup, names, dummy });
        if open.len() >= OPEN {
            open.clear();
        }
        open.insert(place.to_owned(), login.clone());
        Ok(login)
    }
}

/// What is derived from login names. A name itself is nowhere stored.
pub(crate) struct Names(hmac::Key);

impl Names {
    /// What the database knows a name by.
    pub(crate) fn hash(&self, name: &str) -> [u8; 32] {
        self.derive("name", name.as_bytes())
    }

    /// The member id that is shown for a name nobody has: always the same for the same name.
    pub(crate) fn nobody(&self, name: &str) -> MemberId {
        MemberId::from_bytes(self.derive_short("nobody", name.as_bytes()))
    }

    /// Whose tries are counted together. A registered device of the name's owner counts for itself, so that nobody else
    /// can slow its owner down (FAULTS F34). All others share a fixed number of accounts, by the name they try: the
    /// table stays small whatever is tried, and a name that exists is counted just as one that does not.
    pub(crate) fn account(&self, name: &str, registered: Option<DeviceId>) -> [u8; 16] {
        match registered {
            Some(device) => self.derive_short("account", device.as_bytes()),
            None => {
                let [a, b, ..] = self.derive("shared account", name.as_bytes());
                let number = u16::from_be_bytes([a, b]) % SHARED_ACCOUNTS;
                self.derive_short("shared account number", &number.to_be_bytes())
            }
        }
    }

    /// A record of the right form: a valid public key and bytes that mean nothing.
    fn dummy_record(&self, setup: &ServerSetup<Suite>) -> Vec<u8> {
        let mut record = setup.keypair().public().serialize().to_vec();
        let mut number = 0u8;
        while record.len() < RECORD_BYTES {
            record.extend(self.derive("dummy record", &[number]));
            number += 1;
        }
        record.truncate(RECORD_BYTES);
        debug_assert!(ServerRegistration::<Suite>::deserialize(&record).is_ok());
        record
    }

    fn derive(&self, purpose: &str, input: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&[u8::try_from(purpose.len()).unwrap_or(u8::MAX)]);
        context.update(purpose.as_bytes());
        context.update(input);
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }

    fn derive_short(&self, purpose: &str, input: &[u8]) -> [u8; 16] {
        let mut out = [0; 16];
        out.copy_from_slice(&self.derive(purpose, input)[..16]);
        out
    }
}

/// The platform's generator in the form of `rand` 0.8, which OPAQUE wants.
pub(crate) struct OpaqueRng<'a>(pub(crate) &'a dyn Rng);

impl RngCore for OpaqueRng<'_> {
    fn next_u32(&mut self) -> u32 {
        u32::from_be_bytes(self.0.bytes())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_be_bytes(self.0.bytes())
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.0.fill(dest);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), opaque_ke::rand::Error> {
        self.0.fill(dest);
        Ok(())
    }
}

/// `Rng` is fit for keys by its own contract.
impl CryptoRng for OpaqueRng<'_> {}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use siegel_platform::clock::SystemClock;
    use siegel_platform::rng::SeededRng;

    use super::*;

    fn logins(dir: &std::path::Path) -> Logins {
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(1));
        let (path, key) = (dir.join("secrets"), dir.join("key"));
        let secrets = Secrets::open(&path, &key, SystemClock::shared(), rng.clone()).unwrap();
        Logins::new(Arc::new(secrets), rng)
    }

    #[tokio::test]
    async fn a_set_up_is_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let tenant = TenantId::from_bytes([1; 16]);
        let first = logins(dir.path()).of(tenant).await.unwrap().setup.serialize();
        assert_eq!(logins(dir.path()).of(tenant).await.unwrap().setup.serialize(), first);
        assert_ne!(logins(dir.path()).of(TenantId::from_bytes([2; 16])).await.unwrap().setup.serialize(), first);
    }

    #[tokio::test]
    async fn the_dummy_record_has_the_form_of_a_real_one() {
        let dir = tempfile::tempdir().unwrap();
        let login = logins(dir.path()).of_nobody().await.unwrap();
        let record = ServerRegistration::<Suite>::deserialize(&login.dummy).unwrap();
        assert_eq!(record.serialize().len(), RECORD_BYTES);
    }

    #[tokio::test]
    async fn names_are_counted_in_a_bounded_number_of_accounts() {
        let dir = tempfile::tempdir().unwrap();
        let login = logins(dir.path()).of_nobody().await.unwrap();
        let shared: HashSet<_> = (0..20_000).map(|n| login.names.account(&n.to_string(), None)).collect();
        assert!(shared.len() <= usize::from(SHARED_ACCOUNTS));
        let device = login.names.account("a", Some(DeviceId::from_bytes([1; 16])));
        assert!(!shared.contains(&device), "a registered device counts for itself");
    }
}
