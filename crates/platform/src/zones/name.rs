//! Names in the zones. All are made here: nothing from a request ever becomes part of a path (FAULTS F36), and none tells
//! a storage provider whose bytes they are.

use std::fmt;

use siegel_domain::TenantId;

use crate::rng::Rng;

/// Where a tenant's objects lie in each zone: 32 hexadecimal digits of a keyed hash of the tenant's id, so that buckets
/// can't be matched with tenants without the platform's secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket(String);

impl Bucket {
    /// The bucket of `tenant` under the platform's bucket secret.
    pub fn of(tenant: TenantId, secret: &[u8; 32]) -> Self {
        let hash = blake3::keyed_hash(secret, tenant.as_bytes());
        Self(hex(&hash.as_bytes()[..16]))
    }

    /// The bucket of that name, as it stands in a path that was made here.
    #[cfg(feature = "real")]
    pub(super) fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of one object in a bucket. Drawn for each attempt to write and never used again, so that a late or doubled
/// write is an orphan and never an overwrite or a resurrection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName(String);

/// Where tombstones lie, so that a restore finds them by listing.
const TOMBSTONES: &str = "tombstones/";

impl ObjectName {
    /// A new name for an attempt at part `number` of a record: 128 random bits and the number.
    pub fn part(rng: &dyn Rng, number: u32) -> Self {
        Self(format!("{}-{number:05}", hex(&rng.bytes::<16>())))
    }

    /// A new name for a tombstone.
    pub fn tombstone(rng: &dyn Rng) -> Self {
        Self(format!("{TOMBSTONES}{}", hex(&rng.bytes::<16>())))
    }

    /// A name that was stored or listed; none if no name of ours looks like this.
    pub fn parse(text: &str) -> Option<Self> {
        let (random, number) = match text.strip_prefix(TOMBSTONES) {
            Some(random) => (random, "0"),
            None => text.split_once('-')?,
        };
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let whole = random.len() == 32
            && random.bytes().all(hexadecimal)
            && (1..=9).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_digit());
        whole.then(|| Self(text.to_owned()))
    }

    /// Whether it is a tombstone's.
    pub fn is_tombstone(&self) -> bool {
        self.0.starts_with(TOMBSTONES)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String does not fail
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;

    #[test]
    fn names_are_drawn_anew_and_read_back_strictly() {
        let rng = SeededRng::new(1);
        let (one, two) = (ObjectName::part(&rng, 7), ObjectName::part(&rng, 7));
        assert_ne!(one, two);
        let tombstone = ObjectName::tombstone(&rng);
        for name in [&one, &two, &tombstone] {
            assert_eq!(ObjectName::parse(name.as_str()).as_ref(), Some(name));
        }
        assert!(tombstone.is_tombstone() && !one.is_tombstone());
        let upper = one.as_str().to_uppercase();
        for bad in ["", "a-1", "../../etc/passwd-1", &upper, &format!("{one}#1"), &format!("x/{one}"), "tombstones/.."]
        {
            assert!(ObjectName::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_bucket_is_stable_and_tells_nothing() {
        let tenant = TenantId::from_bytes([7; 16]);
        let bucket = Bucket::of(tenant, &[1; 32]);
        assert_eq!(bucket, Bucket::of(tenant, &[1; 32]));
        assert_ne!(bucket, Bucket::of(tenant, &[2; 32]));
        assert_ne!(bucket, Bucket::of(TenantId::from_bytes([8; 16]), &[1; 32]));
        assert!(!tenant.to_string().contains(bucket.as_str()));
    }
}
