//! Opaque ids: 128 random bits with a three-letter prefix, `rec_0f3k…`, so that a tenant and a record
//! can't be swapped, in code or in a log line. Text form: prefix, `_`, 26 characters of Crockford base32
//! in lower case. Parsing is strict (one spelling per id): an id from outside is either exactly that or refused,
//! so that no traversal, NUL or look-alike ever reaches a path or a query (FAULTS F36).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not an id. Says nothing of the text: it may hold anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id (expected `{expected}_` and 26 characters of lower-case base32)")]
pub struct IdError {
    /// The prefix that was expected.
    pub expected: &'static str,
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 26 characters for 128 bits: 130 bits, the two leading bits are zero.
fn encode(bytes: [u8; 16]) -> [u8; 26] {
    let mut value = u128::from_be_bytes(bytes);
    let mut out = [0u8; 26];
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    out
}

fn decode(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 26 {
        return None;
    }
    let mut value: u128 = 0;
    for (place, byte) in text.iter().enumerate() {
        let digit = ALPHABET.iter().position(|c| c == byte)? as u128;
        if place == 0 && digit > 7 {
            return None; // would need more than 128 bits: a second spelling of another id
        }
        value = (value << 5) | digit;
    }
    Some(value.to_be_bytes())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The prefix of the text form, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// An id from 16 bytes drawn by a cryptographic generator.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let body = encode(self.0);
                write!(f, concat!($prefix, "_{}"), std::str::from_utf8(&body).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|body| decode(body.as_bytes()))
                    .map(Self)
                    .ok_or(IdError { expected: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self, e: &mut minicbor::Encoder<W>, _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.str(&self.to_string())?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                d.str()?.parse().map_err(|_| minicbor::decode::Error::message(concat!("not a ", $prefix, " id")))
            }
        }
    )*};
}

ids! {
    /// An institution: a practice, a lab, a hospital, an evaluation centre.
    TenantId = "tnt";
    /// One sealed payload with its manifest. Drawn by the client, so that sealing can bind it.
    RecordId = "rec";
    /// A thread of records between members and a second party.
    ConversationId = "cnv";
    /// A person of a tenant.
    MemberId = "mbr";
    /// An outside party a tenant set up to send to it.
    SenderId = "snd";
    /// One who creates tenants for the provider.
    DealerId = "dlr";
    /// A registered machine of a member, sender or dealer.
    DeviceId = "dev";
    /// A login that lasts until logout, idle or revocation.
    SessionId = "ses";
    /// A single-use enrolment.
    InviteId = "inv";
    /// A signed statement of what the platform saw.
    ReceiptId = "rcp";
    /// One event in an outbox; consumers are idempotent by it.
    EventId = "evt";
    /// A long-running piece of work, such as an erasure.
    JobId = "job";
}

macro_rules! either {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident($id:ident)),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant($id)),* }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$variant(id) => id.fmt(f)),* }
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                match text.split_once('_').map(|(prefix, _)| prefix) {
                    $(Some($id::PREFIX) => text.parse().map(Self::$variant),)*
                    _ => Err(IdError { expected: concat!($(stringify!($variant), " "),*) }),
                }
            }
        }
        $(impl From<$id> for $name { fn from(id: $id) -> Self { Self::$variant(id) } })*
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self, e: &mut minicbor::Encoder<W>, _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.str(&self.to_string())?.ok()
            }
        }
        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                d.str()?.parse().map_err(|_| minicbor::decode::Error::message("not an id of this kind"))
            }
        }
    };
}

either! {
    /// Whom a record can be sealed to or come from: a tenant (by its epoch key), a sender or a member.
    Party {
        /// The institution as a whole, by its current epoch key.
        Tenant(TenantId),
        /// A sender, by the key of its device.
        Sender(SenderId),
        /// A member in person, by the key derived from their user root.
        Member(MemberId),
    }
}

either! {
    /// Who is signed in.
    Principal {
        /// A person of a tenant.
        Member(MemberId),
        /// A sender's machine.
        Sender(SenderId),
        /// A dealer; belongs to no tenant.
        Dealer(DealerId),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling_and_survives_the_round_trip() {
        for bytes in [[0u8; 16], [0xff; 16], *b"0123456789abcdef"] {
            let id = RecordId::from_bytes(bytes);
            let text = id.to_string();
            assert_eq!(text.len(), 30);
            assert_eq!(text.parse::<RecordId>(), Ok(id));
            assert_eq!(minicbor::decode::<RecordId>(&minicbor::to_vec(id).unwrap()).unwrap(), id);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let good = RecordId::from_bytes([7; 16]).to_string();
        let too_big = format!("rec_8{}", "0".repeat(25));
        let upper = good.to_uppercase();
        let other = good.replace("rec", "tnt");
        for bad in ["", "rec_", "rec_../../etc/passwd", "rec_\0", &too_big, &upper, &other, &format!("{good} ")] {
            assert!(bad.parse::<RecordId>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_party_knows_its_kind_by_its_prefix() {
        let tenant = TenantId::from_bytes([1; 16]);
        assert_eq!(tenant.to_string().parse::<Party>(), Ok(Party::Tenant(tenant)));
        assert!(RecordId::from_bytes([1; 16]).to_string().parse::<Party>().is_err());
    }
}
