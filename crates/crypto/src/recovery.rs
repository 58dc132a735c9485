//! The printed recovery key: 128 random bits that open the recovery slot and admit one new device when none is left.
//! Printed as 26 characters of Crockford base32 and 4 that notice slips, in groups of five.

use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRng;
use siegel_domain::{MemberId, TenantId};
use siegel_envelope::Digest;
use zeroize::Zeroizing;

use crate::kdf;
use crate::keys::SigningSecretKey;
use crate::secret::Secret;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const BODY: usize = 26;
const CHECK: usize = 4;

/// Not a recovery key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a recovery key, or it has a typing error")]
pub struct RecoveryKeyError;

/// A recovery key.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryKey(Secret<16>);

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl RecoveryKey {
    /// A fresh key, to be printed once.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Secret::generate(rng))
    }

    pub(crate) fn secret(&self) -> &Secret<16> {
        &self.0
    }

    /// Signs a new device into the roster: HKDF(key, info = CBOR `["siegel/1/recovery-sign", tenant, member]`).
    pub fn signing_key(&self, tenant: TenantId, member: MemberId) -> SigningSecretKey {
        let info = ("siegel/1/recovery-sign", tenant, member);
        SigningSecretKey::from_seed(&kdf::derive(self.0.expose(), b"", &info))
    }

    /// The text to print: six groups of five characters.
    pub fn to_text(&self) -> Zeroizing<String> {
        let value = u128::from_be_bytes(*self.0.expose());
        let check = check_of(&self.0);
        let mut out = Zeroizing::new(String::with_capacity(35));
        for place in 0..BODY + CHECK {
            if place > 0 && place % 5 == 0 {
                out.push('-');
            }
            let digit = if place < BODY {
                (value >> (5 * (BODY - 1 - place))) & 31
            } else {
                u128::from(check >> (5 * (BODY + CHECK - 1 - place))) & 31
            };
            out.push(ALPHABET[digit as usize] as char);
        }
        out
    }
}

/// 20 bits of BLAKE3 over the domain string and the key.
fn check_of(secret: &Secret<16>) -> u32 {
    let input = Zeroizing::new([&b"siegel/1/recovery-key"[..], secret.expose()].concat());
    let hash = Digest::of(&input);
    u32::from_be_bytes([0, hash.as_bytes()[0], hash.as_bytes()[1], hash.as_bytes()[2]]) >> 4
}

impl FromStr for RecoveryKey {
    type Err = RecoveryKeyError;

    /// Upper and lower case, spaces and hyphens don't matter; `o` reads as 0, `i` and `l` as 1.
    fn from_str(text: &str) -> Result<Self, RecoveryKeyError> {
        let mut digits = Zeroizing::new(Vec::with_capacity(BODY + CHECK));
        for c in text.bytes().filter(|c| !c.is_ascii_whitespace() && *c != b'-') {
            let c = match c.to_ascii_lowercase() {
                b'o' => b'0',
                b'i' | b'l' => b'1',
                other => other,
            };
            let digit = ALPHABET.iter().position(|a| *a == c).ok_or(RecoveryKeyError)?;
            if digits.len() == BODY + CHECK {
                return Err(RecoveryKeyError);
            }
            digits.push(digit as u8);
        }
        if digits.len() != BODY + CHECK || digits[0] > 7 {
            return Err(RecoveryKeyError);
        }
        let value = digits[..BODY].iter().fold(0u128, |sum, digit| sum << 5 | u128::from(*digit));
        let check = digits[BODY..].iter().fold(0u32, |sum, digit| sum << 5 | u32::from(*digit));
        let secret = Secret::copy_of(&value.to_be_bytes());
        if check_of(&secret) == check { Ok(Self(secret)) } else { Err(RecoveryKeyError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_key_is_read_back_however_it_is_typed() {
        let key = RecoveryKey(Secret::copy_of(b"0123456789abcdef"));
        let text = key.to_text();
        assert_eq!((text.len(), text.matches('-').count()), (35, 5));
        assert_eq!(text.parse(), Ok(key.clone()));
        assert_eq!(text.to_uppercase().replace('-', "  ").parse(), Ok(key));
    }

    #[test]
    fn every_slip_of_one_character_is_noticed() {
        let text = RecoveryKey(Secret::copy_of(&[0xa5; 16])).to_text();
        for place in 0..text.len() {
            let mut slip = text.as_bytes().to_vec();
            if slip[place] != b'-' {
                slip[place] = if slip[place] == b'7' { b'8' } else { b'7' };
                assert!(String::from_utf8(slip).expect("ASCII").parse::<RecoveryKey>().is_err(), "{place}");
            }
        }
        assert!(text[..34].parse::<RecoveryKey>().is_err());
        assert!(format!("{}0", *text).parse::<RecoveryKey>().is_err());
    }
}
