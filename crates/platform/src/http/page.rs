//! Page tokens: opaque, signed, bound to what is listed and for whom (AIP-158), so that a token can't be made up, nor used
//! on another list or by another tenant.

use serde::Serialize;
use serde::de::DeserializeOwned;
use siegel_api::Bytes;
use siegel_api::page::PageQuery;
use siegel_domain::limits::{PAGE_ITEMS, PAGE_ITEMS_DEFAULT};

use crate::problem::Problem;
use crate::secrets::{KEY_BYTES, Secrets, SecretsError};

const MAC_BYTES: usize = 16;

/// Makes and reads page tokens.
#[derive(Clone)]
pub struct PageTokens {
    key: [u8; KEY_BYTES],
}

impl PageTokens {
    /// With the platform's key for tokens, which all replicas share.
    pub async fn load(secrets: &Secrets) -> Result<Self, SecretsError> {
        let secret = secrets.get_or_create("page-tokens", KEY_BYTES).await?;
        Ok(Self { key: blake3::derive_key("siegel/1/page-token", &secret) })
    }

    /// The token of the page after `cursor`. `scope` names the list, the tenant, and the filters; ids only.
    pub fn seal<C: Serialize>(&self, scope: &[&str], cursor: &C) -> String {
        let mut token = serde_json::to_vec(cursor).expect("cursors are numbers and ids");
        let mac = self.mac(scope, &token);
        token.extend_from_slice(&mac);
        Bytes(token).to_text()
    }

    /// The cursor of a token, if it was made for this scope.
    pub fn open<C: DeserializeOwned>(&self, scope: &[&str], token: &str) -> Result<C, Problem> {
        let refused = || Problem::invalid("page_token", "is not a token of this list; begin with the first page");
        let bytes = Bytes::from_text(token).ok_or_else(refused)?;
        let (cursor, mac) = bytes.split_last_chunk::<MAC_BYTES>().ok_or_else(refused)?;
        // blake3::Hash compares in constant time; both sides are padded alike.
        if blake3::hash(&self.mac(scope, cursor)) != blake3::hash(mac) {
            return Err(refused());
        }
        serde_json::from_slice(cursor).map_err(|_| refused())
    }

    fn mac(&self, scope: &[&str], cursor: &[u8]) -> [u8; MAC_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in scope {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update(&u64::MAX.to_be_bytes()); // no part is this long: the cursor begins here
        hasher.update(cursor);
        let mut mac = [0; MAC_BYTES];
        hasher.finalize_xof().fill(&mut mac);
        mac
    }
}

/// How many items to give: what was asked for, bounded.
pub fn page_size(query: &PageQuery) -> Result<u32, Problem> {
    match query.page_size {
        None => Ok(PAGE_ITEMS_DEFAULT),
        Some(size) if (1..=PAGE_ITEMS).contains(&size) => Ok(size),
        Some(_) => Err(Problem::invalid("page_size", format!("must be 1-{PAGE_ITEMS}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_for_its_list_alone() {
        let tokens = PageTokens { key: [7; KEY_BYTES] };
        let token = tokens.seal(&["records", "tnt_a"], &(17_i64, "rec_1"));
        assert_eq!(tokens.open::<(i64, String)>(&["records", "tnt_a"], &token).unwrap(), (17, "rec_1".to_owned()));
        for scope in [vec!["records", "tnt_b"], vec!["recordstnt_a"], vec!["records"]] {
            assert!(tokens.open::<(i64, String)>(&scope, &token).is_err(), "{scope:?}");
        }
        assert!(PageTokens { key: [8; KEY_BYTES] }.open::<(i64, String)>(&["records", "tnt_a"], &token).is_err());
        for bad in ["", "AAAA", &token[1..], &format!("{token}A")] {
            assert!(tokens.open::<(i64, String)>(&["records", "tnt_a"], bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pages_are_bounded() {
        let ask = |page_size| page_size_of(page_size);
        assert_eq!(ask(None).unwrap(), PAGE_ITEMS_DEFAULT);
        assert_eq!(ask(Some(PAGE_ITEMS)).unwrap(), PAGE_ITEMS);
        assert!(ask(Some(0)).is_err() && ask(Some(PAGE_ITEMS + 1)).is_err());
    }

    fn page_size_of(page_size: Option<u32>) -> Result<u32, Problem> {
        super::page_size(&PageQuery { page_size, page_token: None })
    }
}
