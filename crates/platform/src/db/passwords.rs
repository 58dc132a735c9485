//! Passwords of our roles in PostgreSQL. They are replaced while programs run (`siegel-admin rotate postgres-passwords`), and a
//! role has one password at a time: connections that stand stay, and whoever is refused with an old one asks the secrets for the
//! new one and comes again.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::BoxFuture;
use zeroize::Zeroizing;

/// A password that is overwritten when dropped.
pub type Password = Zeroizing<String>;

/// Asks the secrets for the password of a schema's role, as it is now. None if they can't be had.
pub type Ask = Arc<dyn Fn(&'static str) -> BoxFuture<'static, Option<Password>> + Send + Sync>;

/// Random bytes from the secrets, as a password.
pub fn password(drawn: &[u8]) -> Password {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(drawn))
}

/// What a program knows.
pub(super) struct Passwords {
    known: RwLock<BTreeMap<&'static str, Password>>,
    ask: OnceLock<Ask>,
}

impl Passwords {
    pub(super) fn new(known: BTreeMap<&'static str, Password>) -> Arc<Self> {
        Arc::new(Self { known: RwLock::new(known), ask: OnceLock::new() })
    }

    /// Where newer ones are to be had. Said once.
    pub(super) fn ask(&self, ask: Ask) {
        let _ = self.ask.set(ask);
    }

    /// A schema's, with its name as it lives as long as the program.
    pub(super) fn of(&self, schema: &str) -> Option<(&'static str, Password)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get_key_value(schema).map(|(schema, password)| (*schema, password.clone()))
    }

    /// All of them.
    pub(super) fn all(&self) -> BTreeMap<&'static str, Password> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A newer one, if there is one.
    pub(super) async fn renew(&self, schema: &'static str) -> Option<Password> {
        let fresh = self.ask.get()?(schema).await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(schema, fresh.clone());
        Some(fresh)
    }
}
